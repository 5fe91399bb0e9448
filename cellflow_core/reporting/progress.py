"""How far work under way is: a line of text, a fraction and the losses so far, for a browser that asks every second."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellflow_core.jobs import analysis_cache
from cellflow_core.reporting.formatting import age, duration
from cellflow_core.runs import queue
from cellflow_core.runs.run import Run
from cellflow_core.runs.status import ACTIVE, Status

OPEN, ENDED = "open", "ended"
POINTS = 300
"""Rows of a table of losses."""
DRAWN = 120
"""Points of a loss that is sent every second."""
SCORES_LATE = 60.0
"""Seconds after the end of a training at which its scores should have been there."""


@dataclass(frozen=True)
class Progress:
    """One look at work under way.

    version   another one when what a page shows beside the progress is out of date; OPEN and ENDED for a single task
    fraction  part that is done, None where it is not known
    losses    {"step": [...], "terms": {name: [...]}}, None where nobody asked
    """

    version: str
    text: str
    fraction: float | None = None
    losses: Mapping[str, Any] | None = None


def run_progress(run: Run, losses: bool = False) -> Progress:
    """The place in the queue, or phase, step and time to go."""
    status = run.status()
    known = min(status.step / status.steps, 1.0) if status.steps else None if status.state == "queued" else 0.0
    if status.prepared is not None and status.active:
        known = status.prepared
    found = _losses(run) if losses and not status.ended else None
    place = queue.place(run) if status.state == "queued" else 0
    return Progress(ENDED if status.ended else OPEN, progress_text(status, place), known, found)


def comparison_progress(runs: Sequence[Run]) -> Progress:
    """How many runs of a comparison are trained and scored, or of a sweep are trained."""
    states = [run.status().state for run in runs]
    settled = sum(_settled(run, state) for run, state in zip(runs, states, strict=True))
    what = "are scored" if any(run.recipe.hold_out is not None for run in runs) else "have ended"
    text = f"{settled} of {len(runs)} runs {what}, {sum(each in ACTIVE for each in states)} in training"
    return Progress(comparison_version(runs), text, settled / len(runs) if runs else None)


def comparison_version(runs: Sequence[Run]) -> str:
    """Changes when the table of a comparison does: a run has ended, its scores are there, or they are late."""
    states = [(run, run.status().state) for run in runs]
    settled = sum(_settled(run, state) for run, state in states)
    return f"{settled}-{sum(not _settled(run, state) and scores_late(run) for run, state in states)}"


def scores_late(run: Run) -> bool:
    """Should the scores of this run be there by now?"""
    if run.status().state != "done" or run.recipe.hold_out is None or _scored(run):
        return False
    return age((run.result or {})["ended"]) > SCORES_LATE


def stage_progress(stage: str, done: bool) -> Progress:
    """A stage in words; the fraction of a download comes from words such as "12.3 of 1,080.0 MB"."""
    found = re.fullmatch(r"([\d,.]+) of ([\d,.]+) MB", stage)
    here, whole = (float(each.replace(",", "")) for each in found.groups()) if found else (0.0, 0.0)
    known = min(here / whole, 1.0) if whole else None
    return Progress(ENDED if done else OPEN, stage[:1].upper() + stage[1:], known)


def progress_text(status: Status, place: int = 0) -> str:
    """Where a run stands, in one line. place: of a run that waits, in the queue."""
    if status.state == "queued":
        return f"Number {max(place, 1)} in the queue: {status.message or 'waiting for its turn'}."
    if status.state == "done":
        return "Trained"
    if status.state not in ACTIVE:
        return status.message[:1].upper() + status.message[1:]
    parts = [status.phase[:1].upper() + status.phase[1:]] if status.phase else []
    if status.prepared is not None:
        parts.append(f"{status.prepared:.0%} prepared")
    elif status.steps:
        parts.append(f"step {status.step:,} of {status.steps:,}")
    if status.eta is not None:
        parts.append(f"{duration(status.eta)} to go")
    if status.device:
        parts.append(f"on {status.device}")
    return " · ".join(parts) or "Starting"


def loss_table(run: Run) -> pd.DataFrame:
    """The loss terms by step, at most a few hundred rows."""
    columns = run.history()
    step = columns.pop("step")
    columns.pop("seconds", None)
    if "validation" in columns and np.isnan(columns["validation"]).all():
        columns.pop("validation")
    terms = [name for name in columns if name not in ("loss", "validation")]
    if len(terms) == 1:
        columns.pop(terms[0])  # the loss itself, under the name of its one term
    names = {"validation": "validation loss", "loss": "loss" if len(terms) < 2 else "all terms"}
    table = pd.DataFrame(
        {names.get(name, name.replace("_", " ")): values for name, values in columns.items()}, index=step
    )
    return table.iloc[:: max(1, len(table) // POINTS)]


def _losses(run: Run) -> dict[str, Any]:
    """A few points, the last one among them, of four digits; None where a term has no value."""
    table = loss_table(run)
    table = table.iloc[:: -max(1, -(-len(table) // DRAWN))][::-1]
    terms = {str(name): [_rounded(each) for each in table[name]] for name in table.columns}
    return {"step": [int(each) for each in table.index], "terms": terms}


def _rounded(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _settled(run: Run, state: str) -> bool:
    return state in ("failed", "cancelled") or (state == "done" and (run.recipe.hold_out is None or _scored(run)))


def _scored(run: Run) -> bool:
    return analysis_cache.stored_scores(run) is not None
