"""The individuals of `courses.py`: read from a file, a data set or a simulator, and parted into training and test."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.contract import HasTrajectories
from cellflow_core.data.store import datasets, open_dataset
from cellflow_core.data.trajectories import Trajectories


def read(name: str, seed: int) -> Trajectories:
    """The individuals that are asked for. SystemExit, with a sentence, where there are none of this name."""
    path = Path(name)
    if path.suffix == ".npz":
        return Trajectories.load(path)
    if path.exists():
        return Trajectories.from_snapshots(open_dataset(imported(path)).snapshots())
    if name in {each.id for each in datasets()}:
        return Trajectories.from_snapshots(open_dataset(name).snapshots())
    simulator, *pairs = name.split(":")
    if simulator not in simulators.names():
        raise SystemExit(f"there is no file, no data set and no simulator {name!r}")
    parts = (each.partition("=") for each in pairs)
    process = simulators.create(simulator, {key: _value(text) for key, _, text in parts} | {"seed": seed})
    if not isinstance(process, HasTrajectories):
        raise SystemExit(f"the simulator {simulator} follows no individuals")
    return process.trajectories()


def imported(path: Path) -> str:
    """Id of the data set of a table of individuals, as the app imports it."""
    from cellflow_core.data.importing.import_choices import ImportChoices
    from cellflow_core.data.importing.pipeline import import_file

    choices = ImportChoices(label=path.stem, representation="coordinates", time_column="time")
    return import_file(path, path.name, choices, {})


def parted(data: Trajectories, by: str) -> tuple[Trajectories, Trajectories]:
    """(individuals with this value of a covariate or label, all others). SystemExit where either are none."""
    name, _, value = by.partition("=")
    known = {**data.covariates, **data.labels}
    if name not in known:
        raise SystemExit(f"there is no covariate or label {name!r}; there are {', '.join(known) or 'none'}")
    chosen = np.array([_value(str(each)) == _value(value) for each in known[name].tolist()])
    if chosen.all() or not chosen.any():
        raise SystemExit(f"{by} holds for {int(chosen.sum())} of {len(chosen)} individuals: some have to be left")
    return data.take(data.subjects[chosen]), data.take(data.subjects[~chosen])


def folded(data: Trajectories, folds: int, k: int) -> tuple[Trajectories, Trajectories]:
    """(the others, part k of so many), of individuals in an order of chance that is always the same."""
    if not 0 <= k < folds <= len(data.subjects):
        raise ValueError(f"seed {k} is no part of {folds}, or {len(data.subjects)} individuals have no such parts")
    held = np.array_split(np.random.default_rng(0).permutation(data.subjects), folds)[k]
    return data.take(np.setdiff1d(data.subjects, held)), data.take(held)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
