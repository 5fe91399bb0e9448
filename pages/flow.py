"""Which way do cells move?"""

import streamlit as st

from cellflow_core.figures import flow
from cellflow_core.jobs import compute
from pages.parts import chart, headline, rows, state, view

run, data, info, map_name = view.opened(
    "flow", "Flow", "Which way do cells move, and how fast?", ("velocity", "drift", "coupling")
)
controls = st.columns([3, 1], gap="large", vertical_alignment="bottom")
with controls[0]:
    time = view.time_choice("Time", info, view.steps(info), default=info.times[len(info.times) // 2])
with controls[1]:
    colour = st.toggle("Colour by speed", True, key="colour", bind="query-params")

result = state.result_of(compute.ask("flow", run.id, view=map_name, time=time), "Following the flow")
check = compute.ask("course", run.id, view=map_name)
course = state.result_of(check, "Reading the check") if check.done() and not check.exception() else None
view.say(headline.of_flow(result, info.time_unit, course))
figure = flow.flow(result, data.view(map_name), colour=colour, dark=chart.dark(), height=620)
chart.chart(figure, "flow_lines", flow.describe(result))
view.notes(result.notes)
view.numbers(figure, rows.of_flow(result), f"flow-{run.id}", "flow")
