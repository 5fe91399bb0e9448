"""First and last time of the cells, also where no time is known: there, a field counts from 0 in a time of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_duration, format_time


def first_time(data: Snapshots) -> float:
    """The first measured time; 0 where no time is known."""
    return float(data.times[0]) if len(data.times) else 0.0


def last_time(data: Snapshots) -> float:
    """The last measured time; 0 where no time is known."""
    return float(data.times[-1]) if len(data.times) else 0.0


def middle_time(data: Snapshots) -> float:
    """The measured time in the middle; 0 where no time is known."""
    return float(data.times[len(data.times) // 2]) if len(data.times) else 0.0


def cells_of_time(data: Snapshots, time: float) -> Bool[np.ndarray, " cells"]:
    """The cells of one measured time; all where no time is known."""
    return data.t == time if len(data.times) else np.ones(len(data.x), bool)


def of_time(data: Snapshots, time: float) -> str:
    """ " of time 2", and nothing where no time is known."""
    return f" of time {format_time(time)}" if len(data.times) else ""


def until(data: Snapshots, time: float) -> str:
    """ "to time 4"; "for 4" (of the field's own time) where no time is known."""
    return f"to time {format_time(time)}" if len(data.times) else f"for {format_duration(time, data.time_unit)}"
