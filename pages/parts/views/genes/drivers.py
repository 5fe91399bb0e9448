"""Which genes go with a fate, and which push cells towards it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.analysis.results import FateInfluence
from cellflow_core.data.store import Dataset
from cellflow_core.figures.genes import regulation
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.regulation import summaries as regulation_summaries
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.views.fates import fate_genes, fate_question
from pages.parts.widgets import background, chart, side


def show(run: Run, data: Dataset, answer: Any) -> None:
    """Correlation with the probability of a fate, and the influence on the velocity towards it beside it; answer: where
    the sentence stands."""
    if not view.capabilities(run) & (view.FIELDS | {"transitions"}):
        st.info(
            "The probability of a fate is read from transitions along a velocity, and this model has none: choose a "
            "model with a velocity, or one of pseudotime.",
            icon=":material/info:",
        )
        return
    left, right = st.container(key=side.key("part_controls")).columns(2, gap="large")
    with left:
        states = fate_question.states(data)
    with right:
        genes, fate = fate_genes.choose(run, states)
    found: FateInfluence | None = None
    if view.capabilities(run) & view.FIELDS:
        asked = analysis_pool.submit_analysis("fate_influence", run.id, states=states, ends=())
        found = background.result_of(asked, "Differentiating the velocity")
    with answer:
        view.show_summary(regulation_summaries.of_drivers(genes, found, fate))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Which genes go with the fate?**")
        fate_genes.show(run, genes, fate)
    with right:
        st.markdown("**Which genes push cells towards it?**")
        if found is None:
            st.info("This model has no field, so nothing is known of what pushes cells.", icon=":material/info:")
            return
        bars = regulation.influence(found, fate, fate_genes.MOST, dark=chart.dark())
        chart.chart(bars, "fate_influence", regulation.describe_influence(found, fate))
        view.notes(found.notes)
        rows = regulation_summaries.driver_rows(genes, found, fate)
        view.numbers(bars, rows, f"fate-influence-{run.id}", "influence", "Data table: every gene of the model")
