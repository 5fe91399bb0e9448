"""One gene over time in the cells that a model simulates, beside the measured ones."""

from __future__ import annotations

import streamlit as st

from cellflow_core.figures import gene_trend
from cellflow_core.figures.genes import trends
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.regulation import summaries as regulation_summaries
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart


def show(run: Run, gene: str) -> None:
    """Picture, notes and table of a gene of the model's state space."""
    found = background.result_of(analysis_pool.submit_analysis("trend", run.id, gene=gene), "Following the gene")
    figure = gene_trend.trend(found, dark=chart.dark())
    chart.chart(figure, "time_gene", gene_trend.describe(found))
    view.notes(found.notes)
    view.numbers(figure, result_tables.of_trend(found), f"gene-{gene}-{run.id}", "gene", "Data table: this gene")


def show_fates(run: Run, gene: str) -> None:
    """The same gene apart for each fate that simulated cells take; nothing where there is one fate."""
    found = background.result_of(analysis_pool.submit_analysis("fate_trends", run.id, gene=gene), "Following each fate")
    if len(found.names) < 2:
        return
    st.markdown(f"**{plain(gene)} in the cells that take each fate**")
    if missing := trends.missing(found):
        st.info(plain(missing), icon=":material/info:")
    figure = trends.trends(found, dark=chart.dark())
    chart.chart(figure, "time_fate_trends", trends.describe(found))
    view.notes(found.notes)
    rows = regulation_summaries.trend_rows(found)
    view.numbers(figure, rows, f"fate-trends-{gene}-{run.id}", "fate_trends", "Data table: each fate")
