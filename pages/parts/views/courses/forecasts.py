"""Forecasts of individuals from a part of their history, beside the other models that are trained on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cellflow_core.analysis.results import ForecastErrors
from cellflow_core.data.store import DatasetInfo
from cellflow_core.figures.courses import checks as figures
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.views import view
from pages.parts.views.courses.individuals import Individuals, runs
from pages.parts.widgets import background, chart, side

REFERENCES = ("last-value", "linear-course", "population-pk")
"""Models that a forecast has to beat."""
SPLIT = "validation_fraction"
MOST = 8
"""Models that are compared."""


def show(run: Run, look: Individuals, place: view.Layout) -> None:
    """The chosen model and the others that kept the same individuals from training."""
    with place.picture:
        found = compared(compared_with(run, look.info), look.variable)
    with place.answer:
        view.show_summary(summaries.of_forecast(found, next(iter(found))))
    with place.controls:
        score = view.options("Score", "score", figures.SCORES)
    with place.picture:
        figure = draw(found, score)
    with place.more:
        view.numbers(figure, tables.forecast_rows(found), f"forecast-{run.id}", "forecast")
        _train(run, look)


def compared_with(run: Run, info: DatasetInfo) -> list[Run]:
    """A run, then the others on these data that kept the same individuals from training."""
    same = [each for each in runs(info).values() if each.id != run.id and _split(each) == _split(run)]
    return [run, *same[: MOST - 1]]


def compared(some: Sequence[Run], variable: str) -> dict[str, ForecastErrors]:
    """Errors of their forecasts, by name of the model."""
    cards, found = background.catalogue(), {}
    for each in some:
        name = cards[each.recipe.model].title
        name = name if name not in found else each.label
        asked = analysis_pool.submit_analysis("forecast", each.id, variable=variable)
        found[name] = background.result_of(asked, f"Forecasting by {plain(name)}")
    return found


def draw(found: Mapping[str, ForecastErrors], score: str) -> Any:
    """The figure, drawn, with what it shows."""
    figure = figures.forecast(found, score, dark=chart.dark())
    chart.chart(figure, "courses_forecast", figures.describe_forecast(found, score))
    st.caption(
        "Histories end when a quarter, half and three quarters of the measurements were made; the model then "
        "forecasts the rest. Of each value: the median (RMSE, RMSPE), all draws (CRPS) and the 90 % band."
    )
    return figure


def _train(run: Run, look: Individuals) -> None:
    """A button that trains this model and its references on the same individuals, a fifth of them held out."""
    cards = background.catalogue()
    able = [
        name
        for name, card in cards.items()
        if "courses" in card.capabilities and not card.missing_package and set(card.needs) <= set(look.info.has)
    ]
    with st.form(side.key("train_references"), border=True):
        st.markdown(
            "**Hold out a fifth of the individuals**: these models are trained again on the others, the same for all."
        )
        chosen = st.multiselect(
            "Models",
            able,
            [each for each in able if each == run.recipe.model or each in REFERENCES],
            format_func=lambda each: cards[each].title,
            key=side.key("reference_models"),
        )
        if not st.form_submit_button("Train and forecast", icon=":material/play_arrow:") or not chosen:
            return
    made = background.result_of(
        analysis_pool.call("cellflow_core.jobs.recipes:individuals_held_out", look.info.id, chosen, run.recipe.seed),
        "Checking data and settings",
    )
    index.submit_all(made)
    supervisor.ensure_supervisor()
    st.switch_page("train.py", query_params={"dataset": look.info.id, "group": made[0].group})


def _split(run: Run) -> tuple[int, float]:
    """What decides which individuals were kept from training."""
    settings = background.catalogue()[run.recipe.model].training_settings
    usual = next(each.default for each in settings if each.name == SPLIT)
    return run.recipe.seed, float(run.recipe.training.get(SPLIT, usual))
