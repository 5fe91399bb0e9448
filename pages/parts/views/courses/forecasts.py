"""Forecasts of individuals from a part of their history, beside the other models that are trained on the same data."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import ForecastErrors
from cellflow_core.figures.courses import checks as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.views.courses.individuals import Individuals, runs
from pages.parts.widgets import background, chart

REFERENCES = ("last-value", "linear-course", "population-pk")
"""Models that a forecast has to beat."""
SPLIT = "validation_fraction"
MOST = 8
"""Models that are compared."""


def show(run: Run, look: Individuals) -> None:
    """The chosen model and the others that kept the same individuals from training."""
    cards = background.catalogue()
    others = [each for each in runs(look.info).values() if each.id != run.id and _split(each) == _split(run)]
    found: dict[str, ForecastErrors] = {}
    for each in (run, *others[: MOST - 1]):
        name = cards[each.recipe.model].title
        name = name if name not in found else each.label
        asked = analysis_pool.submit_analysis("forecast", each.id, variable=look.variable)
        found[name] = background.result_of(asked, f"Forecasting by {plain(name)}")
    shown = next(iter(found))
    view.show_summary(summaries.of_forecast(found, shown))
    score = view.options("Score", "score", figures.SCORES)
    figure = figures.forecast(found, score, dark=chart.dark())
    chart.chart(figure, "courses_forecast", figures.describe_forecast(found, score))
    st.caption(
        "Histories end when a quarter, half and three quarters of the measurements were made; the model then forecasts "
        "the rest. Of each value: the median (RMSE, RMSPE), all draws (CRPS) and the 90 % band."
    )
    trained = {run.recipe.model, *(each.recipe.model for each in others)}
    missing = [each for each in REFERENCES if each in cards and each not in trained]
    if missing:
        names = ", ".join(cards[each].title for each in missing)
        st.markdown(f"Not trained on these data with the same seed yet: {plain(names)}.")
        for each in missing:
            st.page_link(
                "train.py",
                label=f"Train {plain(cards[each].title)}",
                icon=":material/arrow_forward:",
                query_params={"dataset": look.info.id, "model": each},
            )
    view.numbers(figure, tables.forecast_rows(found), f"forecast-{run.id}", "forecast")


def _split(run: Run) -> tuple[int, float]:
    """What decides which individuals were kept from training."""
    settings = background.catalogue()[run.recipe.model].training_settings
    usual = next(each.default for each in settings if each.name == SPLIT)
    return run.recipe.seed, float(run.recipe.training.get(SPLIT, usual))
