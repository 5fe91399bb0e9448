"""Checks of a model of individuals: visual predictive check, NPDE, goodness of fit."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.courses.measurements import BY_DOSE
from cellflow_core.analysis.results import PredictionErrors, PredictiveCheck
from cellflow_core.figures.courses import checks as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.views.courses.individuals import Individuals
from pages.parts.widgets import background, chart, side


def show(run: Run, look: Individuals, place: view.Layout) -> None:
    """The visual predictive check, then NPDE and goodness of fit."""
    choices = {"": "all together"} | ({BY_DOSE: "first dose"} if len(look.data.doses.time) else {})
    choices |= {each: each for each in look.data.labels}
    with place.controls:
        by = str(st.selectbox("Stratify by", list(choices), format_func=choices.__getitem__, **side.bound("by")))
        corrected = st.toggle(
            "Prediction-corrected",
            **side.bound("corrected"),
            help="Values times the typical prediction at their time over their own, so that other doses hide nothing.",
        )
    asked = analysis_pool.submit_analysis(
        "predictive_check", run.id, variable=look.variable, by=by, corrected=corrected
    )
    with place.picture:
        result: PredictiveCheck = background.result_of(asked, "Simulating the study again and again")
        figure, columns = None, []
        wide = min(len(result.groups), 2)
        for group, name in enumerate(result.groups):
            if group % wide == 0:
                columns = st.columns(wide, gap="medium")
            with columns[group % wide]:
                st.markdown(f"**{plain(name)}**")
                figure = figures.predictive_check(result, group, logarithmic=look.logarithmic, dark=chart.dark())
                chart.chart(figure, f"courses_vpc_{group}", figures.describe_predictive_check(result))
    with place.answer:
        view.show_summary(summaries.of_predictive_check(result))
    with place.more:
        view.numbers(figure, tables.check_rows(result), f"vpc-{run.id}", "vpc", "Data table: percentiles")
        _errors(run, look)


def _errors(run: Run, look: Individuals) -> None:
    st.header("NPDE and goodness of fit", anchor=False)
    asked = analysis_pool.submit_analysis("prediction_errors", run.id, variable=look.variable)
    result: PredictionErrors = background.result_of(asked, "Holding predictions against what was measured")
    view.show_summary(summaries.of_npde(result), key="npde_headline")
    dark, text = chart.dark(), figures.describe_errors(result)
    left, right = st.columns(2, gap="medium")
    figure = figures.npde_over_time(result, dark=dark)
    with left:
        chart.chart(figure, "courses_npde_time", text)
        population = figures.goodness_of_fit(result, "population", logarithmic=look.logarithmic, dark=dark)
        chart.chart(population, "courses_gof_population", "Measured values against population predictions.")
    with right:
        chart.chart(figures.npde_quantiles(result, dark=dark), "courses_npde_quantiles", text)
        individual = figures.goodness_of_fit(result, "individual", logarithmic=look.logarithmic, dark=dark)
        chart.chart(individual, "courses_gof_individual", "Measured values against individual predictions.")
    view.notes(result.notes)
    rows = tables.error_rows(result)
    view.numbers(figure, rows, f"errors-{run.id}", "errors", "Data table: every value")
