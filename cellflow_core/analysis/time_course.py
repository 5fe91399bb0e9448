"""What the model says happened between the measured times, beside what was measured."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.growth import growth_notes, population_size
from cellflow_core.analysis.results import TimeCourse
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.analysis.trajectories.paths import frame_note
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.train_validation_split import halves
from cellflow_core.math.ot import wasserstein
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
CELLS = 800
"""Cells that are followed, and most cells a side of a distance: above it a random sample."""
STEPS = 30
SPLITS = 5
"""Random halves of the measured cells over which distances are averaged, where there are few cells."""


def time_course(
    model: Model, data: Snapshots, view: Embedding, start: Literal["first", "previous"] = "first", seed: int = 0
) -> TimeCourse:
    """Simulated cells through all times and their distance to the measured ones.

    first     cells of the first time, followed through all times
    previous  at each measured time anew from the measured cells of the one before
    """
    if start not in ("first", "previous"):
        raise ValueError(f"start={start!r} is not first or previous")
    measured = data.times
    if len(measured) < 2:
        raise ValueError(f"there is one time only ({format_time(measured[0])}): a course needs two or more")
    rng = np.random.default_rng(seed)
    even = np.linspace(measured[0], measured[-1], STEPS + 1)
    near = np.abs(even[:, None] - measured).min(axis=1) < 0.2 * (even[1] - even[0])
    times = np.union1d(even[~near], measured)
    if start == "first":
        parts = [(times, simulate(model, _some(data.at(measured[0]), rng), times, seed=seed))]
    else:
        parts = [_segment(model, data, a, b, times, rng, seed) for a, b in pairwise(measured)]
    states, weights = _joined(parts)
    ends = {float(t): (s.x[-1], s.weight[-1]) for at, s in parts for t in at[-1:]}
    if start == "first":
        ends = {float(t): (states[k], weights[k]) for k, t in enumerate(times)}
    predicted = [_drawn(*ends[float(t)], rng) for t in measured[1:]]
    distances = np.array([_distances(data, k + 1, cells, seed) for k, cells in enumerate(predicted)]).T
    w1, w1_previous, w1_floor = np.concatenate([np.full((3, 1), np.nan), distances], axis=1)
    w1_floor[0] = _distances(data, 0, None, seed)[2]
    moving = dynamics(model)
    trained = moving.spec.times
    counted = None if data.mass is None else np.asarray(data.mass, dtype=float) / float(data.mass[0])
    seen, placed = np.isin(measured, np.array(trained)), view.project(states)
    return TimeCourse(
        view=view.name,
        axes=view.axes,
        time_unit=data.time_unit,
        started_from="the measured cells of the time before" if start == "previous" else "the cells of the first time",
        times=times,
        predicted=placed,
        weight=weights,
        measured_times=measured,
        w1=w1,
        w1_previous=w1_previous,
        w1_floor=w1_floor,
        in_training=seen,
        mass=_numbers(parts, counted, seed) if moving.has_growth else None,
        measured_mass=counted,
        notes=(
            *_notes(data, measured, seen),
            *frame_note(placed, view),
            *dict.fromkeys(n for _, s in parts for n in s.notes),
            *(growth_notes(data) if moving.has_growth else ()),
            *view.note,
        ),
    )


def _segment(
    model: Model, data: Snapshots, begin: float, end: float, times: Array, rng: np.random.Generator, seed: int
) -> tuple[Array, Simulation]:
    """From the measured cells of one time to the next, as many cells in every segment."""
    at = times[(times >= begin) & (times <= end)]
    count = min(CELLS, max(int((data.t == t).sum()) for t in data.times))
    return at, simulate(model, _some(data.at(begin), rng, count), at, seed=seed)


def _numbers(parts: list[tuple[Array, Simulation]], counted: Array | None, seed: int) -> Float[Array, "steps 3"]:
    """Number of cells relative to the first time at each step. Each segment goes on from the counted number at its
    start, or from where the one before ended where nobody counted."""
    found = [np.ones((1, 3))]
    for k, (_, made) in enumerate(parts):
        begin = found[-1][-1, 1] if counted is None or len(parts) == 1 else counted[k]
        found.append(begin * population_size(made.log_weight, seed)[1:])
    return np.concatenate(found)


def _joined(parts: list[tuple[Array, Simulation]]) -> tuple[Array, Array]:
    """Segments one after the other; at a shared time the measured start of the later segment is left out."""
    states = [s.x if k == 0 else s.x[1:] for k, (_, s) in enumerate(parts)]
    weights = [s.weight if k == 0 else s.weight[1:] for k, (_, s) in enumerate(parts)]
    return np.concatenate(states), np.concatenate(weights)


def _some(cells: Array, rng: np.random.Generator, count: int | None = None) -> Array:
    """At most CELLS of them, or exactly `count`, some of them twice where there are not enough."""
    if count is None:
        return _few(cells, rng)
    return cells[rng.choice(len(cells), count, replace=len(cells) < count)]


def _few(cells: Array, rng: np.random.Generator) -> Array:
    return cells if len(cells) <= CELLS else cells[rng.choice(len(cells), CELLS, replace=False)]


def _drawn(x: Array, weight: Array, rng: np.random.Generator) -> Array:
    """Equally weighted cells that stand for weighted ones."""
    if np.ptp(weight) < 1e-6 * weight.max():
        return x
    return x[rng.choice(len(x), len(x), p=weight.astype(float) / weight.sum(dtype=float))]


def _distances(data: Snapshots, k: int, predicted: Array | None, seed: int) -> tuple[float, float, float]:
    """W1 to the measured cells of time k of (the prediction, the cells of the time before, other cells of time k), each
    of as many cells, since W1 between samples falls as they grow; mean over random halves of the measured cells."""
    clouds = [] if predicted is None else [predicted, data.at(data.times[k - 1])]
    count = min(CELLS, *(len(each) for each in (*halves(data, data.times[k], seed), *clouds)))
    if not count:
        return (np.nan, np.nan, np.nan)
    found = []
    for split in range(max(1, min(SPLITS, CELLS // count))):
        one, other = halves(data, data.times[k], seed + split)
        rng = np.random.default_rng(seed + split)
        drawn = [each[rng.choice(len(each), count, replace=False)] for each in clouds]
        row = [wasserstein(each, other[:count]) for each in (*drawn, one[:count])]
        found.append([*([np.nan] * (3 - len(row))), *row])
    mean = np.mean(found, axis=0)
    return float(mean[0]), float(mean[1]), float(mean[2])


def _notes(data: Snapshots, measured: Array, seen: Array) -> tuple[str, ...]:
    notes = [
        "W1 is the mean distance, in the state space, over which the simulated cells would have to be moved to become "
        "the measured ones. The sampling floor is the same between two random halves of the measured cells; every "
        "distance of a time is between as many cells."
    ]
    most = max(int((data.t == t).sum()) for t in measured)
    if most > CELLS:
        notes.append(f"Distances are between random samples of at most {CELLS:,} cells of each time.")
    if seen.all():
        notes.append("All these times were in training: only a time that was held out tests the model.")
    else:
        held = ", ".join(format_times(measured[~seen]))
        notes.append(f"Time {held} was held out: the distance there is a test of the model.")
    return tuple(notes)
