"""How many cells take each fate, and which cells take which."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import Fates
from cellflow_core.figures import fates
from cellflow_core.reporting import cell_rows, fate_summaries, growth_summaries, result_tables, summaries
from pages.parts.views import growth, mixed_lineages, own_colours, view
from pages.parts.views.fates import fate_question
from pages.parts.widgets import background, chart, side, state

BY = {"entropy": "how open the fate is (entropy)", "steps": "steps to a terminal state (mean first passage time)"}
"""Choices of colour besides the fates."""


def show(context: view.ViewContext) -> tuple[fate_question.Asked, Fates]:
    """The question, its answer and bars of the fates, whatever else of the page is shown. Returns both."""
    run, data, info, map_name, place = context
    with place.controls:
        asked = fate_question.ask(run, context)
    with place.picture:
        result = background.result_of(asked.future, "Following cells to where they end")
    with place.answer:
        summary = fate_summaries.of_fates(result, info.times, info.time_unit)
        if asked.simulated:
            summary = summaries.limited(summary, view.roll_out(run.id, info, map_name), info.time_unit)
        view.show_summary(summary)
        mixed_lineages.show(data)
    with place.controls:
        st.markdown("**How many cells take each fate?**")
        bars = fates.fates(result, dark=chart.dark())
        chart.chart(bars, "fates_shares", fates.describe(result))
        growth.sentence(growth_summaries.of_fates(result))
    with place.more:
        view.notes((*result.notes, f"Interval: {result.interval}."))
        view.numbers(bars, result_tables.of_fates(result), f"fates-{run.id}", "fates", "Data table: states")
    return asked, result


def cells(context: view.ViewContext, result: Fates, states: str) -> None:
    """The cells, coloured by their fate or by their probability of one. states: as in `fate_question.Asked`"""
    run, data, info, map_name, place = context
    likeliest = "the state each cell ends in" if result.cells == "start cells" else "the likeliest state of each cell"
    others = {by: words for by, words in BY.items() if by != "steps" or result.steps is not None}
    shown = {"": likeliest, **others, **{name: name for name in result.names}}
    with place.controls:
        chosen = st.selectbox("Colour by", list(shown), format_func=shown.__getitem__, **side.bound("fate"))
        view.outline_words(map_name, data.embedding(map_name), view.CHOOSE, info)
    fate, axes = result.names.index(chosen) if chosen in result.names else None, data.view_axes(map_name)
    by = chosen if chosen in others and fate is None else ""
    look = {"own": own_colours.of_groups(data, states), "polygon": state.outline(map_name), "dark": chart.dark()}
    figure = fates.cell_fates(result, data.embedding(map_name), axes, fate, by=by, **look)
    chart.lasso(figure, "fates_cells", fates.describe_cells(result, fate, by), map_name, drag="pan")
    rows = cell_rows.named(result_tables.of_cell_fates(result, axes), data, result.rows)
    with place.more:
        view.numbers(figure, rows, f"fates-cells-{run.id}", "fates_of_cells", "Data table: cells")
