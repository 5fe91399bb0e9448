"""Growth in the views: whether the model learns it, its summary, and the population size over time."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.figures import population_size
from cellflow_core.reporting import growth_summaries, result_tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.widgets import chart


def is_learnt(run: Run) -> bool:
    """Does this model, with the settings it has, have a growth rate?"""
    return "growth" in view.capabilities(run)


def sentence(text: str) -> None:
    """One sentence about growth under a picture; nothing where there is nothing to say."""
    if text:
        st.markdown(f":material/eco: {plain(text)}")


def numbers(result: TimeCourse, unit: str, run_id: str) -> None:
    """The population size on the Time page; nothing for a model without growth."""
    if result.mass is None:
        return
    st.header("Population size")
    if result.measured_mass is not None:
        figure = population_size.mass(result, dark=chart.dark())
        chart.chart(figure, "time_mass", population_size.describe(result))
        sentence(growth_summaries.of_course(result, unit))
        view.numbers(figure, result_tables.of_mass(result), f"mass-{run_id}", "mass", "Data table: population size")
        return
    sentence(growth_summaries.of_course(result, unit))
    _not_counted()


def _not_counted() -> None:
    st.info(
        "The model learns relative growth; whether the number of cells measures the population size depends on the "
        "experiment. If cells were counted, say so on the Data page (Process this data set, Estimate growth rates, "
        "“Use cell counts as mass”) and train again: the predicted size is then drawn beside the counted one.",
        icon=":material/help:",
    )
    st.page_link("data.py", label="Data", icon=":material/arrow_forward:")
