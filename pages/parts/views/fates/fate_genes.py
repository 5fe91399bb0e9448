"""Genes whose expression goes with the probability of a fate."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import FateGenes
from cellflow_core.figures import fates
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart, side

MOST = 20


def choose(run: Run, states: str, ends: tuple[str, ...] = ()) -> tuple[FateGenes, str]:
    """The genes of every fate, and the fate that is chosen."""
    found = analysis_pool.submit_analysis("fate_genes", run.id, states=states, ends=ends)
    genes: FateGenes = background.result_of(found, "Holding the genes against the fates")
    return genes, str(st.selectbox("Fate", genes.names, **side.bound("fate_of_genes")))


def show(run: Run, genes: FateGenes, fate: str) -> None:
    """Bars of the first genes of a fate, and the table of all."""
    bars = fates.fate_genes(genes, fate, MOST, dark=chart.dark())
    chart.chart(bars, "fate_genes", fates.describe_genes(genes, fate))
    view.notes(genes.notes)
    view.numbers(
        bars,
        result_tables.of_fate_genes(genes, fate),
        f"fate-genes-{run.id}",
        "genes_of_fate",
        "Data table: every gene",
    )
