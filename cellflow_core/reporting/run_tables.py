"""A run in tables: how it was trained, its losses, and the command line that repeats it."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cellflow_core.csv_output import write_table
from cellflow_core.reporting.formatting import duration
from cellflow_core.runs.run import Run
from cellflow_core.runs.status import Status

Rows = dict[str, list[Any]]


def of_recipe(run: Run, status: Status) -> Rows:
    """One row a setting of the model and of the training, what it ran on, and the versions."""
    recipe = run.recipe
    values = {**recipe.settings, **run.training, "seed": recipe.seed, "held-out time": recipe.hold_out}
    values |= {} if recipe.hold_out_after is None else {"held out after": recipe.hold_out_after}
    values |= {"copies that calibrate bands": recipe.band_folds} if recipe.band_folds else {}
    values |= {"device asked for": recipe.device, "device used": status.device}
    values |= {"seconds of training": f"{status.seconds:.1f}", "attempts": status.attempt, **recipe.versions}
    return {"setting": list(values), "value": ["none" if each is None else str(each) for each in values.values()]}


def of_states(runs: Mapping[str, Status]) -> Rows:
    """One row a run, by its name: steps, time, device and state."""
    return {
        "run": list(runs),
        "steps": [each.step for each in runs.values()],
        "time": [duration(each.seconds) for each in runs.values()],
        "device": [each.device for each in runs.values()],
        "state": [each.state for each in runs.values()],
    }


def loss_csv(run: Run) -> bytes:
    """Every recorded step with its losses."""
    text = io.StringIO()
    write_table(text, {name: values.tolist() for name, values in run.history().items()})
    return text.getvalue().encode()


def command_line(run: Run) -> str:
    """The command that trains the same weights again in this workspace."""
    recipe = run.recipe
    words = ["python", "-m", "cellflow_core", "train", "--model", recipe.model, "--data", recipe.dataset]
    words += ["--seeds", str(recipe.seed), "--device", recipe.device, "--label", run.label, "--wait"]
    if recipe.hold_out is not None:
        words += ["--hold-out", repr(float(recipe.hold_out))]
    if recipe.hold_out_after is not None:
        words += ["--hold-out-after", repr(float(recipe.hold_out_after))]
    if recipe.band_folds:
        words += ["--band-folds", str(recipe.band_folds)]
    for name, value in {**recipe.settings, **run.training}.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def joined_losses(tables: Mapping[str, Any], names: Mapping[str, str], term: str) -> Any:
    """One loss term of several runs, a column each by its name, with gaps between recorded steps filled linearly."""
    import pandas as pd

    columns = {names[id]: table[term] for id, table in tables.items() if term in table}
    return pd.DataFrame(columns).interpolate(limit_area="inside")


def terms(tables: Mapping[str, Any]) -> Sequence[str]:
    """Every loss term that one of the runs has."""
    return list(dict.fromkeys(str(name) for table in tables.values() for name in table.columns))
