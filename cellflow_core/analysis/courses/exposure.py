"""Numbers of a course: AUC, Cmax, Tmax, the lowest value of the last dosing interval, and the time in a window."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray

NUMBERS = ("AUC", "Cmax", "Tmax", "Cmin", "time in the window")
"""Names of the numbers of `exposure`, in their order."""


def exposure(
    times: Float[Array, " times"],
    course: Float[Array, "*batch times"],
    last_interval: tuple[float, float],
    window: tuple[float, float],
) -> Float[Array, "numbers ..."]:
    """`NUMBERS` of courses at ascending times, by the linear trapezoid rule (Gabrielsson & Weiner 2016).

    AUC     in the unit of the variable times that of time; Tmax: from the first time on
    Cmin    lowest from the peak in `last_interval` (begin, end) on, the last dosing interval: the trough
    window  (low, high) of the variable; "time in the window" is in the unit of time
    """
    tail = (times >= last_interval[0]) & (times <= last_interval[1])
    tail = tail if tail.any() else times >= times[-1]
    area = np.trapezoid(course, times, axis=-1)
    latest = times[course.argmax(axis=-1)] - times[0]
    last = course[..., tail]
    after = np.arange(last.shape[-1]) >= last.argmax(axis=-1)[..., None]
    lowest = np.where(after, last, np.inf).min(axis=-1)
    return np.stack([area, course.max(axis=-1), latest, lowest, time_inside(times, course, window)])


def time_inside(
    times: Float[Array, " times"], course: Float[Array, "*batch times"], window: tuple[float, float]
) -> Float[Array, " *batch"]:
    """How long straight lines between the values of a course lie from low to high."""
    low, high = window
    begin, end = course[..., :-1], course[..., 1:]
    bottom, top = np.minimum(begin, end), np.maximum(begin, end)
    rise = top - bottom
    inside = np.clip(np.minimum(top, high) - np.maximum(bottom, low), 0, None)
    level = (bottom >= low) & (top <= high)
    share = np.where(rise > 0, inside / np.where(rise > 0, rise, 1), level)
    return (share * np.diff(times)).sum(axis=-1)
