"""The copies of a run that were trained without one time: the honest check of a prediction."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.held_out import course_notes, held_out_error
from cellflow_core.reporting.summaries import HeldOut
from cellflow_core.runs.index import siblings
from cellflow_core.time_units import format_time
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
        course = result_of(future, f"Checking against held-out time {format_time(out)}")
        found += held_out_error(course, out)
    return tuple(sorted(found))


def words(run: Any, course: TimeCourse, held: tuple[HeldOut, ...]) -> None:
    """Which times were in training and which were held out, in words."""
    for sentence in course_notes(course, held):
        st.caption(sentence)
