"""The order of the cells and the lineages through them, of models that find these in the states alone."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures.lineage import lineages
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import cell_rows, fate_summaries, result_tables
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart


def shown(run: Run) -> bool:
    """Whether this model orders cells by their states: with branches, or along transitions of its own."""
    has = view.capabilities(run)
    return "lineages" in has or {"latent_time", "transitions"} <= has


def show(run: Run, data: Dataset, map_name: str, answer: Any = None) -> None:
    """The answer, and cells coloured by order and lineage; by both orders where no root can be found from the data.

    answer  place of the answer; None: above the pictures
    """
    asked = analysis_pool.submit_analysis("lineages", run.id, view=map_name)
    result = background.result_of(asked, "Drawing the order of the cells")
    with answer or st.container():
        view.show_summary(fate_summaries.of_lineages(result), "lineages_headline")
    colours: dict[lineages.Colour, str] = {"order": "The order of the cells"}
    if result.other_order is not None:
        colours |= {"order": "The order from one end", "other": "The order from the other end, which is as good"}
    if len(result.names) > 1:
        colours |= {"branch": "The lineage that each cell is on"}
    points, dark = data.embedding(map_name), chart.dark()
    pictures = {each: lineages.lineages(result, points, each, dark=dark) for each in colours}
    for each, words in colours.items():
        st.markdown(f"**{words}**")
        chart.chart(pictures[each], f"lineages_{each}", lineages.describe(result, each))
    view.notes(result.notes)
    last = [*pictures.values()][-1]
    view.numbers(last, result_tables.of_lineages(result), f"lineages-{run.id}", "lineages", "Data table: lineages")
    rows = cell_rows.of_all(result_tables.of_cell_lineages(result, points), data)
    view.numbers(pictures["order"], rows, f"order-{run.id}", "order_of_cells", "Data table: order of the cells")
