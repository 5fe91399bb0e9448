"""Questions of pages about a trained run: load what is needed, ask the analysis, store the answer beside the run."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from cellflow_core.analysis import results
from cellflow_core.analysis.results import Result, Scores
from cellflow_core.data.store import DamagedDatasetError, open_dataset
from cellflow_core.jobs.questions import of_cells, of_fields, of_individuals, of_perturbations
from cellflow_core.jobs.run_context import RunContext, held_out_copies, replicates
from cellflow_core.runs.index import open_run
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace

VERSION = 33
"""Part of every key: one more whenever an analysis answers otherwise than before."""
SEED_INDEPENDENT = frozenset({"scores", "clones", "forecast"})
"""Questions about one model whatever seeds join it: their answers stay when another seed is done."""
CALIBRATED = frozenset({"trend"})
"""Questions whose answers rest on copies that were trained without a time, too."""
LOOK_EVERY = 60.0
"""Seconds between two looks of a process at the size of all stored answers of a workspace."""


def answer(question: str, run_id: str, *, workspace: Workspace | None = None, **settings: Any) -> Result:
    """The stored answer, or a new one, which is then stored. Raises ValueError or KeyError with a sentence."""
    path = cache_path(question, run_id, settings, workspace)
    if path.exists():
        return load(question, path)
    run = open_run(run_id, workspace)
    found = QUESTIONS[question](RunContext(run), **settings)
    path.parent.mkdir(exist_ok=True)
    found.save(path)
    _prune(run.folder.parent, run.workspace.limits.answers)
    return found


_looked: dict[Path, float] = {}


def _prune(root: Path, most: int) -> None:
    """Remove the answers that were looked at longest ago until all runs in `root` together store `most` bytes at most;
    asked for again, they are worked out anew. Scores stay: a table of models reads them, and they are small."""
    if time.monotonic() - _looked.get(root, -math.inf) < LOOK_EVERY:
        return
    _looked[root] = time.monotonic()
    stored = []
    for path in root.glob("*-*-*/views/[!.]*.npz"):
        with suppress(FileNotFoundError):  # removed by another process
            if not path.name.startswith("scores-"):
                about = path.stat()
                stored.append((about.st_mtime, about.st_size, path))
    left = sum(size for _, size, _ in stored)
    for _, size, path in sorted(stored):
        if left <= most:
            return
        path.unlink(missing_ok=True)
        left -= size


def cache_path(question: str, run_id: str, settings: Mapping[str, Any], workspace: Workspace | None = None) -> Path:
    """Where this answer is stored once it was given. All that decides it is in the name: a setting left at its default
    and the same one given, and a new seed that joined the ensemble, count as different or equal as they should.

    Raises KeyError where there is no such question or run, ValueError for settings the question does not take.
    """
    if question not in QUESTIONS:
        raise KeyError(f"there is no question {question!r}; there are {', '.join(QUESTIONS)}")
    return _path(question, open_run(run_id, workspace), settings)


def _path(question: str, run: Run, settings: Mapping[str, Any]) -> Path:
    try:
        bound = inspect.signature(QUESTIONS[question]).bind(None, **settings)
    except TypeError as error:
        raise ValueError(f"question {question!r}: {error}") from error
    bound.apply_defaults()
    plain = {name: _plain(value) for name, value in list(bound.arguments.items())[1:]}
    decides = {
        "version": VERSION,
        "data": run.recipe.fingerprint,
        "ensemble": [] if question in SEED_INDEPENDENT else [each.id for each in replicates(run)],
        "settings": plain,
    }
    if question in CALIBRATED and (copies := held_out_copies(run)):
        decides["copies"] = [each.id for each in copies]
    if added := _added(run, list(plain.values())):
        decides["annotations"] = added
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:20]
    return run.folder / "views" / f"{question}-{key}.npz"


def _added(run: Run, values: list[Any]) -> list[str]:
    """Digests of the annotations, added since the import, that an answer with these settings depends on."""
    listed = [each for value in values for each in (value if isinstance(value, list) else [value])]
    words = {each for each in listed if isinstance(each, str) and each}  # an outline is a list of corners
    if not words:
        return []
    try:
        added = open_dataset(run.recipe.dataset, run.workspace).info.added
    except (KeyError, DamagedDatasetError):
        return []  # the data set is gone: what was answered before can still be looked at
    return sorted({added[each] for each in words & added.keys()})


def load(question: str, path: Path) -> Result:
    """Read a stored answer, as the dataclass that the question's annotation names. No torch."""
    name = inspect.signature(QUESTIONS[question]).return_annotation
    os.utime(path)  # it was looked at: see `_prune`
    return getattr(results, name).load(path)


def stored_scores(run: Run) -> Scores | None:
    """What a run that is done scores at its held-out time, once that is stored. It is kept in memory: a table of models
    reads thousands."""
    try:
        return _scores(run.folder, run.recipe.fingerprint)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=20_000)
def _scores(folder: Path, fingerprint: str) -> Scores:
    return cast(Scores, load("scores", _path("scores", Run(folder), {})))


def _plain(value: Any) -> Any:
    """As JSON holds it, so that a list and a tuple, a numpy number and a number make one key."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if hasattr(value, "item") else value


QUESTIONS: dict[str, Callable[..., Result]] = {
    "landscape": of_fields.landscape,
    "moving_landscape": of_fields.moving_landscape,
    "chain_landscape": of_fields.chain_landscape,
    "barriers": of_fields.barriers,
    "least_action": of_fields.least_action,
    "flow": of_fields.flow,
    "field_derivatives": of_fields.field_derivatives,
    "fixed_points": of_fields.fixed_points,
    "velocity": of_cells.velocity,
    "group_velocities": of_cells.group_velocities,
    "phase_portrait": of_cells.phase_portrait,
    "permutation_scores": of_cells.permutation_scores,
    "course": of_cells.course,
    "trend": of_cells.trend,
    "fates": of_cells.fates,
    "transition_fates": of_cells.transition_fates,
    "fate_genes": of_cells.fate_genes,
    "fate_influence": of_cells.fate_influence,
    "latent_time": of_cells.latent_time,
    "lineages": of_cells.lineages,
    "branches": of_cells.branches,
    "gene_network": of_cells.gene_network,
    "gene_equations": of_cells.gene_equations,
    "futures": of_cells.futures,
    "clones": of_cells.clones,
    "ancestry": of_cells.ancestry,
    "composition": of_cells.composition,
    "fate_trends": of_cells.fate_trends,
    "perturb": of_perturbations.perturb,
    "screen": of_perturbations.screen,
    "knock_outs": of_perturbations.knock_outs,
    "scores": of_cells.scores,
    "individual_fits": of_individuals.individual_fits,
    "individual_parameters": of_individuals.individual_parameters,
    "plans": of_individuals.plans,
    "predictive_check": of_individuals.predictive_check,
    "prediction_errors": of_individuals.prediction_errors,
    "forecast": of_individuals.forecast,
}
"""Functions (subject, **settings) -> one of the dataclasses of analysis/results/, named in the return annotation."""
