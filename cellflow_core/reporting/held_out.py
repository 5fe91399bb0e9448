"""The check at held-out times beside a time course: its numbers, the time to show first, and what was in training."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.reporting.summaries import HeldOut
from cellflow_core.time_units import format_times


def held_out_error(course: TimeCourse, time: float) -> tuple[HeldOut, ...]:
    """The error at a held-out time of a copy trained without it; nothing where the time has no error."""
    k = int(np.argmin(np.abs(course.measured_times - time)))
    if not np.isfinite(course.w1[k]):
        return ()
    return (HeldOut(time, float(course.w1[k]), float(course.w1_previous[k]), float(course.w1_floor[k])),)


def telling_time(course: TimeCourse, held: tuple[HeldOut, ...]) -> float:
    """The time that says most about the model: a held-out one, else the middle measured one."""
    if held:
        return held[0].time
    tested = course.measured_times[~course.in_training]
    return float(tested[0] if len(tested) else course.measured_times[len(course.measured_times) // 2])


def course_notes(course: TimeCourse, held: tuple[HeldOut, ...]) -> tuple[str, ...]:
    """Which times were in training and which were held out, in words."""
    trained = ", ".join(format_times(course.measured_times[course.in_training]))
    found = [f"Trained on times {trained}. Prediction from {course.started_from}."]
    if held:
        times = ", ".join(format_times(each.time for each in held))
        found.append(f"Stars: a copy of this model, trained without time {times}, predicts it.")
    return tuple(found)
