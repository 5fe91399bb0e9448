"""Which of the runs that wait is next: short ones before long ones, and none waits for ever."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace, current

STEP = 0.005
"""Seconds that a training step is expected to take where no run of the model has ended yet."""
KEPT = 0.5
"""Seconds for which `place` remembers the line: a page asks for the place of each of its runs."""
WAITING = ("queued", "lost")
_lines: dict[Path, tuple[float, list[str]]] = {}


def ordered(runs: Iterable[Run], expected: Mapping[str, float]) -> list[Run]:
    """The runs in the order in which they would have ended, had each begun when it was submitted: a run is overtaken by
    shorter ones, but by none that is submitted later than it would have ended. expected: seconds, by id."""
    return sorted(runs, key=lambda run: (_submitted(run) + expected[run.id], run.id))


def expected_seconds(runs: Iterable[Run], workspace: Workspace | None = None) -> dict[str, float]:
    """How long each of these will train, by its steps and the speed of the newest run of its model that is done, on the
    same data where there is one. By id. The runs of everybody count: there is one queue, and one order."""
    speeds: dict[tuple[str, str], float] = {}
    for run in index.runs(current(workspace).unrestricted):
        status = run.status()
        if status.state == "done" and status.steps:
            for data in (run.recipe.dataset, ""):
                speeds.setdefault((run.recipe.model, data), status.seconds / status.steps)
    return {run.id: _expected(run, speeds) for run in runs}


def line(workspace: Workspace | None = None) -> list[Run]:
    """The runs that wait for a worker, the next one first."""
    waiting = [run for run in index.open_runs(workspace) if run.status().state in WAITING]
    return ordered(waiting, expected_seconds(waiting, workspace)) if len(waiting) > 1 else waiting


def place(run: Run) -> int:
    """Place in the line, 1 is next; 0 where the run does not wait."""
    root = run.folder.parent
    since, ids = _lines.get(root, (0.0, []))
    if time.monotonic() - since > KEPT:
        ids = [each.id for each in line(run.workspace)]
        _lines[root] = (time.monotonic(), ids)
    return ids.index(run.id) + 1 if run.id in ids else 0


def _expected(run: Run, speeds: Mapping[tuple[str, str], float]) -> float:
    """0 where the recipe cannot be read now, or holds no number: no such run may hold up the line."""
    try:
        recipe = run.recipe
        speed = speeds.get((recipe.model, recipe.dataset), speeds.get((recipe.model, ""), STEP))
        return speed * float(recipe.training.get("steps", 0))
    except (OSError, KeyError, ValueError, TypeError):
        return 0.0


def _submitted(run: Run) -> float:
    """Seconds since 1970, by the id; 0 where that is no time."""
    try:
        return datetime.strptime(run.id[:21], "%Y%m%d-%H%M%S%f").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
