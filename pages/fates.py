"""What will a cell become?"""

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures import fates
from cellflow_core.reporting import fate_summaries, growth_summaries, result_tables, summaries
from pages.parts.views import (
    ancestry,
    cell_trajectories,
    clones,
    fate_genes,
    fate_question,
    growth,
    mixed_lineages,
    view,
)
from pages.parts.widgets import background, chart

context = view.open_view(
    "fates",
    "Fates",
    "What will a cell become?",
    ("velocity", "drift", "potential", "coupling", "sampler", "transitions"),
    follow=True,
    needs=None,
)
run, data, info, map_name = context
dark, asked = chart.dark(), fate_question.ask(run, context)
result = background.result_of(asked.future, "Following cells to where they end")
summary = fate_summaries.of_fates(result, info.times, info.time_unit)
if asked.simulated:
    summary = summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit)
view.show_summary(summary)
mixed_lineages.show(data)

left, right = st.columns([2, 3], gap="large")
with left:
    st.markdown("**How many cells take each fate?**")
    bars = fates.fates(result, dark=dark)
    chart.chart(bars, "fates_shares", fates.describe(result))
    growth.sentence(growth_summaries.of_fates(result))
with right:
    st.markdown("**Which cells take which?**")
    likeliest = "the state each cell ends in" if result.cells == "start cells" else "the likeliest state of each cell"
    shown = {"": likeliest, **{name: name for name in result.names}}
    chosen = st.selectbox("Colour by", list(shown), format_func=shown.__getitem__, key="fate", bind="query-params")
    fate = result.names.index(chosen) if chosen in result.names else None
    cells = fates.cell_fates(result, data.embedding(map_name), data.view_axes(map_name), fate, dark=dark)
    chart.chart(cells, "fates_cells", fates.describe_cells(result, fate))
view.notes((*result.notes, f"Interval: {result.interval}."))
view.numbers(bars, result_tables.of_fates(result), f"fates-{run.id}", "fates", "Data table: states")
view.numbers(
    cells,
    result_tables.of_cell_fates(result, data.view_axes(map_name)),
    f"fates-cells-{run.id}",
    "fates_of_cells",
    "Data table: cells",
)

if not asked.simulated and len(result.names) > 1:
    st.header("Which genes go with a fate?", anchor="fate-genes")
    fate_genes.show(run, *fate_genes.choose(run, asked.states, asked.ends))

if "simulation" in fate_question.counted_by(run):
    st.header("Many futures of one cell", anchor="one-cell")
    cell_trajectories.show(run, data, map_name, asked.of_simulation)

if DataRequirement.TIMES in info.has and "simulation" in fate_question.counted_by(run):
    st.header("Where does a group come from?", anchor="ancestry")
    ancestry.show(run, data, map_name)

    st.header("Do clones agree?", anchor="clones")
    clones.show(run, data, map_name)
