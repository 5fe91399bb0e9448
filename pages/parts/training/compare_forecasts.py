"""Models of individuals beside each other: how far forecasts of those that were held out are off, by how far ahead."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.figures.courses.checks import SCORES
from cellflow_core.reporting.courses import summaries, tables
from pages.parts.views import view
from pages.parts.views.courses import forecasts, individuals


def show(info: DatasetInfo) -> None:
    """The models that kept the same individuals from training as the newest one; what to do where there are no two."""
    trained = next(iter(individuals.runs(info).values()), None)
    some = [] if trained is None else forecasts.compared_with(trained, info)
    if len(some) < 2:
        st.info(
            "Individuals were followed in these data. Their models are compared by forecasts of whole individuals that "
            "were held out: train two or more on Courses, under Forecasts.",
            icon=":material/medication:",
        )
    else:
        st.header("Who forecasts individuals best?", anchor="forecasts")
        left, right = st.columns([1, 2], gap="medium")
        with left:
            names = individuals.trajectories(info).variables
            variable = str(st.selectbox("Variable", names, key="variable", bind="query-params"))
        with right:
            score = view.options("Score", "score", SCORES)
        found = forecasts.compared(some, variable)
        view.show_summary(summaries.of_forecast(found, next(iter(found))), key="forecast_headline")
        figure = forecasts.draw(found, score)
        view.numbers(figure, tables.forecast_rows(found), f"forecast-{info.id}", "forecast")
    st.page_link(
        "courses.py",
        label="Forecasts of individuals",
        icon=":material/arrow_forward:",
        query_params={"dataset": info.id, "part": "Forecasts"},
    )
    st.caption("Below, measurements are taken as cells.")
