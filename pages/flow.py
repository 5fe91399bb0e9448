"""Where do cells move?"""

from typing import Any

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import flow
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import growth_summaries, result_tables, summaries
from pages.parts.views import flow_check, growth, view
from pages.parts.widgets import background, chart

HELP = (
    "Field: velocities are projected as the embedding projects cells, and lengths are speeds on the map. "
    "Velocity graph: an arrow points to the neighbors that the velocity of its cell points to; its colour is the speed "
    "in the state."
)

run, data, info, map_name, place = view.open_view(
    "flow",
    "Flow",
    "In which direction do cells move, and how fast?",
    ("velocity", "drift", "coupling"),
    needs=None,
)
with place.controls:
    time = view.time_or_none("Time", info, view.steps(info), default=len(info.times) // 2)
    style = view.options("Arrows", "style", {"streams": "Streamlines", "grid": "Grid", "cells": "Single cells"})
    projection: dict[str, Any] = {}
    if view.FIELDS & view.capabilities(run):
        projected = view.options("Projection", "projection", {"field": "Field", "graph": "Velocity graph"}, help=HELP)
        projection = {"projection": projected} if projected == "graph" else {}
    colours = {"speed": "Speed", "growth": "Growth", "nothing": "Nothing"}
    by = view.options(
        "Colour", "by", colours if growth.is_learnt(run) else {k: colours[k] for k in ("speed", "nothing")}
    )

asked = analysis_pool.submit_analysis("flow", run.id, view=map_name, time=time, **projection)
with place.picture:
    result = background.result_of(asked, "Following the flow")
    course, failed = flow_check.course(run.id, info, map_name)
one_time = DataRequirement.TIMES not in info.has
with place.answer:
    view.show_summary(summaries.of_flow(result, info.time_unit, course, one_time))
    if failed:
        st.caption(f"The check against measured cells failed. {failed}")
with place.picture:
    if by == "growth" and result.growth is None:
        words = "This plan keeps the number of cells in this interval, so there is no growth to draw."
        st.info(words, icon=":material/info:")
        by = "speed"
    figure = flow.flow(result, data.embedding(map_name), by=by, style=style, dark=chart.dark())
    chart.chart(figure, "flow_lines", flow.describe(result))
with place.more:
    growth.sentence(growth_summaries.of_flow(result, info.time_unit))
    view.notes(result.notes)
    rows = result_tables.of_growth(result) if by == "growth" else result_tables.of_flow(result)
    view.numbers(figure, rows, f"{by}-{run.id}", "flow")
