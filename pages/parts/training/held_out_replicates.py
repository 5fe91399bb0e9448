"""The copies of a run that were trained without one time: the honest check of a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.summaries import HeldOut
from cellflow_core.runs.index import siblings
from pages.parts.widgets.background import result_of


def held_out(run: Any, view: str, start: str) -> tuple[HeldOut, ...]:
    """What each finished copy of this model says of the time that was kept from it, in the order of the times."""
    asked = [
        (float(each.recipe.hold_out), analysis_pool.submit_analysis("course", each.id, view=view, start=start))
        for each in siblings(run)
        if each.recipe.model == run.recipe.model and each.recipe.hold_out is not None and each.status().state == "done"
    ]
    found = []
    for out, future in asked:
        course = result_of(future, f"Checking against time {out:g}, which a copy never saw")
        k = int(np.argmin(np.abs(course.measured_times - out)))
        if np.isfinite(course.w1[k]):
            found.append(HeldOut(out, float(course.w1[k]), float(course.w1_previous[k]), float(course.w1_floor[k])))
    return tuple(sorted(found))


def telling_time(course: TimeCourse, held: tuple[HeldOut, ...]) -> float:
    """The time that says most about the model: one kept from training, else the middle measured one."""
    if held:
        return held[0].time
    unseen = course.measured_times[~course.in_training]
    return float(unseen[0] if len(unseen) else course.measured_times[len(course.measured_times) // 2])


def words(run: Any, course: TimeCourse, held: tuple[HeldOut, ...]) -> None:
    """Which times were in training and which were kept out, in words."""
    seen = ", ".join(f"{each:g}" for each in course.measured_times[course.in_training])
    st.caption(f"Trained on times {seen}. Prediction from {course.started_from}.")
    if held:
        times = ", ".join(f"{each.time:g}" for each in held)
        st.caption(f"Stars: a copy of this model, trained without time {times}, predicts it.")
