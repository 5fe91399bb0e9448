"""What happened in between?"""

import streamlit as st

from cellflow_core.figures import time as time_figure
from cellflow_core.figures import trend
from cellflow_core.jobs import compute
from pages.parts import chart, companions, growth, headline, measured, rows, state, view

run, data, info, map_name = view.opened(
    "time", "Time", "What happened between the times you measured?", ("velocity", "drift", "coupling", "sampler")
)
dark = chart.dark()
start = view.options(
    "Start the prediction from",
    "start",
    {"first": "the first time, all the way", "previous": "each time anew"},
    help="All the way: errors add up. Each time anew: from the measured cells of the time before.",
)
course = state.result_of(compute.ask("course", run.id, view=map_name, start=start), "Predicting cells at all times")
held = companions.held_out(run, map_name, start)
time = view.time_choice("Time", info, course.times, default=companions.telling_time(course, held))
view.say(headline.of_course(course, time, held, info.time_unit))

left, right = st.columns([3, 2], gap="large")
with left:
    st.markdown("**Predicted and measured cells**")
    seen = measured.cells_at(data, map_name, time)
    figure = time_figure.cells_at(course, time, seen, data.view(map_name), dark=dark)
    chart.chart(figure, "time_cells", time_figure.describe(course, time))
with right:
    st.markdown("**How far from the measured cells?**")
    error = time_figure.error(course, held=[(each.time, each.w1) for each in held], dark=dark)
    chart.chart(error, "time_error", time_figure.describe_error(course))
    companions.words(run, course, held)
view.notes(course.notes)
view.numbers(error, rows.of_course(course), f"time-{run.id}", "time")

growth.numbers(course, info.time_unit, run.id)
st.subheader("One gene over time")
genes = measured.genes(data)
if not genes:
    st.info("These data are coordinates without genes, so no gene can be followed.", icon=":material/info:")
    st.stop()
gene = st.selectbox("Gene", genes, key="gene", bind="query-params", help="Type to search.")
found = state.result_of(compute.ask("trend", run.id, gene=gene), "Following the gene")
figure = trend.trend(found, dark=dark)
chart.chart(figure, "time_gene", trend.describe(found))
view.notes(found.notes)
view.numbers(figure, rows.of_trend(found), f"gene-{run.id}", "gene", "The numbers of this gene")
