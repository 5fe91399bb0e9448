"""The parameters behind what was measured of each individual."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import IndividualParameters
from cellflow_core.figures.courses import parameters as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import background, chart

COLUMNS = 2


def show(run: Run, place: view.Layout) -> None:
    """A picture for each parameter."""
    asked = analysis_pool.submit_analysis("individual_parameters", run.id)
    with place.picture:
        result: IndividualParameters = background.result_of(asked, "Drawing parameters that fit what was measured")
        columns, figure = [], None
        for k in range(len(result.names)):
            if k % COLUMNS == 0:
                columns = st.columns(COLUMNS, gap="small")
            with columns[k % COLUMNS]:
                figure = figures.parameter(result, k, dark=chart.dark())
                chart.chart(figure, f"courses_parameter_{k}", figures.describe(result, k))
    with place.answer:
        view.show_summary(summaries.of_parameters(result))
    with place.more:
        view.notes(result.notes)
        view.numbers(figure, tables.parameter_rows(result), f"parameters-{run.id}", "parameters", "Data table")
