"""Where do cells move?"""

from functools import partial
from typing import Any

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import flow
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, growth_summaries, result_tables, summaries
from pages.parts.views import growth, view
from pages.parts.views.fields import field_view, flow_check
from pages.parts.widgets import background, chart, side, state, view_links

HELP = (
    "Field: velocities are projected as the embedding projects cells, and lengths are speeds on the map. "
    "Velocity graph: an arrow points to the neighbors that the velocity of its cell points to; its colour is the speed "
    "in the state."
)

FAINT = (
    "Lines and particles are faint where few cells are behind an arrow, and where trainings of this model from other "
    "seeds point elsewhere."
)
FIXED = "Where the field of this time vanishes: cells settle (attractor), pass and part (saddle), or leave (repeller)."

run, data, info, map_name, place = view.open_view(
    "flow",
    "Flow",
    "In which direction do cells move, and how fast?",
    view_links.NEEDED["flow"].capabilities,
    needs=None,
)
with place.controls:
    time = view.time_or_none("Time", info, view.steps(info), default=len(info.times) // 2)
    style = view.options("Arrows", "style", field_view.styles(info))
    projection: dict[str, Any] = {}
    if has_field := bool(view.FIELDS & view.capabilities(run)):
        projected = view.options("Projection", "projection", {"field": "Field", "graph": "Velocity graph"}, help=HELP)
        projection = {"projection": projected} if projected == "graph" else {}
    choice = field_view.colour_choice(run, data)
    faint = st.toggle("Fade what is unsure", True, **side.bound("faint"), help=FAINT)
    wanted = has_field and st.toggle("Fixed points", False, **side.bound("fixed"), help=FIXED)
    view.outline_words(map_name, data.embedding(map_name), view.CHOOSE, info)

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
    fixed = field_view.fixed_point_map(run, map_name, time) if wanted else None
    shown = field_view.colours(run, data, result, choice)
    by = "nothing" if shown is not None or choice[0] == "nothing" else "speed"
    drawn = "streams" if style == "particles" else style
    look: dict[str, Any] = {
        "polygon": state.outline(map_name),
        "colouring": shown,
        "points": fixed,
        "faint": faint,
        "dark": chart.dark(),
    }
    figure = partial(flow.flow, result, data.embedding(map_name), by=by, style=drawn, **look)
    if style != "particles" or not field_view.particles(data, result, by, shown, fixed, faint):
        figure = figure()
        chart.lasso(figure, "flow_lines", flow.describe(result), map_name, drag="pan")
with place.more:
    if fixed is not None:
        field_view.fixed_point_list(run, data, fixed)
    growth.sentence(growth_summaries.of_flow(result, info.time_unit))
    view.notes(result.notes)
    if choice[0] == "growth" and shown:
        rows = cell_rows.named(result_tables.of_growth(result), data, result.rows)
    else:
        rows = result_tables.of_flow(result)
    view.numbers(figure, rows, f"flow-{choice[0]}-{run.id}", "flow")
