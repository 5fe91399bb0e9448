"""What happened in between?"""

import streamlit as st

from cellflow_core.config import MOVES_CELLS
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import time as time_figure
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables, summaries
from cellflow_core.reporting.held_out import telling_time
from pages.parts.training import held_out_replicates
from pages.parts.views import cell_selection, gene_search, growth, latent_windows, view
from pages.parts.views.fates import composition
from pages.parts.views.genes import predicted_trend
from pages.parts.widgets import background, chart, selectors, side, state, view_links

run, data, info, map_name, place = view.open_view(
    "time",
    "Time",
    "What happened between the times you measured?",
    view_links.NEEDED["time"].capabilities,
    needs=None,
)
with place.picture:
    if DataRequirement.TIMES not in info.has and "latent_time" in view.capabilities(run):
        latent_windows.offer(run, info)
        side.stop()
    view.check_needs(data, DataRequirement.TIMES)
    if view.capabilities(run).isdisjoint(MOVES_CELLS):
        selectors.empty_state(
            "This model moves no cells",
            "It orders the measured ones. Train a model of cell dynamics on these times to see what happened in "
            "between.",
            {"train.py": "Train a model"},
        )
dark = chart.dark()
with place.controls:
    start = view.options(
        "Start the prediction from",
        "start",
        {"first": "the first time", "previous": "the previous measured time"},
        help="From the first time, errors add up. From the previous measured time, every prediction starts anew.",
    )
with place.picture:
    course = background.result_of(
        analysis_pool.submit_analysis("course", run.id, view=map_name, start=start), "Predicting cells at all times"
    )
    held = held_out_replicates.held_out(run, map_name, start)
with place.controls:
    time = view.time_choice("Time", info, course.times, default=telling_time(course, held))
with place.answer:
    summary = summaries.of_course(course, time, held, info.time_unit)
    rolled = view.roll_out(run.id, info, map_name) if start == "previous" else None
    view.show_summary(summaries.limited(summary, rolled, info.time_unit))
with place.picture:
    seen = cell_selection.cells_at(data, map_name, time)
    look = {"polygon": state.outline(map_name), "dark": dark}
    figure = time_figure.cells_at(course, time, seen, data.embedding(map_name), **look)
    chart.lasso(figure, "time_cells", time_figure.describe(course, time), map_name, drag="pan")
with place.controls:
    view.outline_words(map_name, data.embedding(map_name), view.CHOOSE, info)
    st.markdown("**How far from the measured cells?**")
    error = time_figure.error(course, held=[(each.time, each.w1) for each in held], dark=dark)
    chart.chart(error, "time_error", time_figure.describe_error(course))
with place.more:
    held_out_replicates.words(run, course, held)
    view.notes(course.notes)
    view.numbers(error, result_tables.of_course(course), f"time-{run.id}", "time")

growth.numbers(course, info.time_unit, run.id)
composition.river(run, data)
st.header("One gene over time")
genes = cell_selection.genes(data)
if not genes:
    st.info("These data are coordinates without genes, so no gene can be followed.", icon=":material/info:")
    side.stop()
gene = gene_search.choice(data, genes)
predicted_trend.show(run, gene)
if background.catalogue()[run.recipe.model].tracks_cells:
    predicted_trend.show_fates(run, gene)
