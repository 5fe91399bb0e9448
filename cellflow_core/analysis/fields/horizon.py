"""How long cells are followed where one time was measured: a field of RNA velocity has a time scale of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.fields.time_range import first_time
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors
from cellflow_core.time_units import format_duration

Array = np.ndarray
CROSSINGS = 4.0
"""Crossing times for which cells are followed: cells evenly spaced along a line at constant speed are at its end after
sqrt(12) = 3.5; much longer, and a field that does not vanish at the last cells leads beyond all of them."""
CELLS, NEAREST = 600, 30
"""Cells followed to find where they end, and measured cells around each end that define terminal states."""


def crossing_time(moving: Dynamics, data: Snapshots) -> float:
    """RMS distance of the cells from their mean over their RMS speed (time), at the first time."""
    x = data.x[:: max(1, len(data.x) // 2000)]
    speed = np.square(velocity_at(moving, x, first_time(data))).sum(axis=1).mean() ** 0.5
    return float(np.square(x - x.mean(axis=0)).sum(axis=1).mean() ** 0.5 / max(float(speed), 1e-12))


def interval(moving: Dynamics, data: Snapshots) -> float:
    """Mean interval between the measured times; with one time, the crossing time (time)."""
    return moving.spec.interval if len(data.times) > 1 else crossing_time(moving, data)


def followed_times(moving: Dynamics, data: Snapshots) -> Float[Array, " times"]:
    """The measured times; with one time, that (0 where none is known) and the time CROSSINGS crossing times later."""
    if len(data.times) > 1:
        return data.times
    return np.array([first_time(data), first_time(data) + CROSSINGS * crossing_time(moving, data)])


def horizon_note(moving: Dynamics, data: Snapshots) -> tuple[str, ...]:
    """How long cells are followed, in words, where one time was measured or none is known."""
    if len(data.times) > 1:
        return ()
    begin, end = followed_times(moving, data)
    known = "The cells were measured at one time" if len(data.times) else "No time of the cells is known"
    return (
        f"{known}, so nothing later says where they are found. They are followed for "
        f"{format_duration(end - begin, data.time_unit)} of the velocities' own time, in which a cell of mean speed "
        f"crosses the radius of the data {CROSSINGS:g} times.",
    )


def final_cells(model: Model, data: Snapshots, seed: int = 0) -> Bool[Array, " cells"] | None:
    """Measured cells near which cells end that are followed through `followed_times`; None with two or more times,
    where the cells of the last time are measured ends."""
    if len(data.times) > 1:
        return None
    rng = np.random.default_rng(seed)
    start = data.x[rng.choice(len(data.x), min(CELLS, len(data.x)), replace=False)]
    end = simulate(model, start, followed_times(dynamics(model), data), seed=seed).x[-1]
    found = np.zeros(len(data.x), bool)
    found[np.unique(nearest_neighbors(data.x, min(NEAREST, len(data.x)), end)[1])] = True
    return found
