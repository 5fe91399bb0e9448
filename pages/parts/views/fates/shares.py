"""How many cells take each fate, and which cells take which."""

from __future__ import annotations

import streamlit as st

from cellflow_core.figures import fates
from cellflow_core.reporting import fate_summaries, growth_summaries, result_tables, summaries
from pages.parts.views import growth, mixed_lineages, view
from pages.parts.views.fates import fate_question
from pages.parts.widgets import background, chart

ENTROPY = "entropy"
"""The choice of colour by how open the fate of a cell is."""


def show(context: view.ViewContext) -> tuple[fate_question.Asked, bool]:
    """The question, its answer, bars of the fates and cells coloured by them.

    Returns what was asked, and whether there are several fates.
    """
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
        likeliest = (
            "the state each cell ends in" if result.cells == "start cells" else "the likeliest state of each cell"
        )
        shown = {"": likeliest, ENTROPY: "how open the fate is (entropy)", **{name: name for name in result.names}}
        chosen = st.selectbox("Colour by", list(shown), format_func=shown.__getitem__, key="fate", bind="query-params")
        fate = result.names.index(chosen) if chosen in result.names else None
        entropy = chosen == ENTROPY and fate is None
        axes = data.view_axes(map_name)
        cells = fates.cell_fates(result, data.embedding(map_name), axes, fate, entropy=entropy, dark=dark)
        chart.chart(cells, "fates_cells", fates.describe_cells(result, fate, entropy))
    view.notes((*result.notes, f"Interval: {result.interval}."))
    view.numbers(bars, result_tables.of_fates(result), f"fates-{run.id}", "fates", "Data table: states")
    view.numbers(
        cells,
        result_tables.of_cell_fates(result, data.view_axes(map_name)),
        f"fates-cells-{run.id}",
        "fates_of_cells",
        "Data table: cells",
    )
    return asked, len(result.names) > 1
