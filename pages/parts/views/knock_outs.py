"""Predicted knock-outs beside measured ones, where the data hold them."""

from __future__ import annotations

import streamlit as st

from cellflow_core.figures.perturbations import knock_outs as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import screen_summaries as words
from pages.parts.views import view
from pages.parts.widgets import background, chart, side


def show(run_id: str, place: view.Layout) -> None:
    """Scores of the model beside the trivial answers, all targets, and the genes of one."""
    with place.picture:
        result = background.result_of(
            analysis_pool.submit_analysis("knock_outs", run_id), "Predicting every measured knock-out"
        )
    with place.controls:
        target = st.selectbox("Target", result.targets, **side.bound("target"))
    number = result.targets.index(str(target))
    with place.answer:
        view.show_summary(words.of_knock_outs(result))
    with place.picture:
        figure = figures.genes(result, number, dark=chart.dark())
        chart.chart(figure, "knock_out_genes", figures.describe_genes(result, number))
    with place.more:
        st.markdown("**Predictions, mean over the targets**")
        chart.listed(words.rows_table(result), f"predictions-{run_id}", "knock_out_rows")
        st.markdown("**Targets**")
        st.dataframe(words.target_table(result), hide_index=True)
        view.notes(result.notes)
        view.numbers(figure, words.target_table(result), f"knock-outs-{run_id}", "knock_outs")
