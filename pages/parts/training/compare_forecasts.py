"""Models of individuals beside each other: how far forecasts of those that were held out are off, by how far ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.figures.courses.checks import SCORES
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.verdict import untestable
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.views.courses import forecasts, individuals


def show(info: DatasetInfo) -> None:
    """The models that kept the same individuals and measurements from training, those of the newest such run first;
    what to do where there are no two."""
    splits = {words: some for words, some in forecasts.splits(info).items() if len(some) > 1}
    if not splits:
        st.info(
            "Individuals were followed in these data. Their models are compared by forecasts of whole individuals, or "
            "of later measurements, that were held out: train two or more on Courses, under Forecasts, or hold out "
            "what was measured later on Train.",
            icon=":material/medication:",
        )
    else:
        _compared(splits, info)
    st.page_link(
        "courses.py",
        label="Forecasts of individuals",
        icon=":material/arrow_forward:",
        query_params={"dataset": info.id, "part": "Forecasts"},
    )
    if not untestable(info):
        st.caption("Below, measurements are taken as cells.")


def _compared(splits: Mapping[str, Sequence[Run]], info: DatasetInfo) -> None:
    """Errors by how far ahead, with the reference each has to beat, and what was held out."""
    st.header("Who forecasts individuals best?", anchor="forecasts")
    left, middle, right = st.columns([1, 1, 2], gap="medium")
    with left:
        names = individuals.trajectories(info).variables
        variable = str(st.selectbox("Variable", names, key="variable", bind="query-params"))
    with middle:
        held = str(st.selectbox("Held out", list(splits), key="held_out", bind="query-params"))
    with right:
        score = view.options("Score", "score", SCORES)
    some = splits[held]
    found = forecasts.compared(some, variable)
    view.show_summary(summaries.of_forecast(found, summaries.nearest_forecast(found)), key="forecast_headline")
    figure = forecasts.draw(found, score)
    forecasts.held_out(some[0], info, variable)
    view.numbers(figure, tables.forecast_rows(found), f"forecast-{info.id}", "forecast")
