"""One gene over time in the cells that a model simulates, beside the measured ones."""

from __future__ import annotations

from cellflow_core.figures import gene_trend
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart


def show(run: Run, gene: str) -> None:
    """Picture, notes and table of a gene of the model's state space."""
    found = background.result_of(analysis_pool.submit_analysis("trend", run.id, gene=gene), "Following the gene")
    figure = gene_trend.trend(found, dark=chart.dark())
    chart.chart(figure, "time_gene", gene_trend.describe(found))
    view.notes(found.notes)
    view.numbers(figure, result_tables.of_trend(found), f"gene-{run.id}", "gene", "Data table: this gene")
