"""Forecasts of individuals from a part of their history, beside the other models that are trained on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.courses.measurements import measurements
from cellflow_core.analysis.results import ForecastErrors
from cellflow_core.data.store import DatasetInfo
from cellflow_core.figures.courses import checks as figures
from cellflow_core.figures.courses import measurements as measured_figures
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_duration
from pages.parts.views import view
from pages.parts.views.courses.individuals import Individuals, runs, trajectories
from pages.parts.widgets import background, chart, side

REFERENCES = ("last-value", "linear-course", "population-pk")
"""Models that a forecast has to beat."""
SPLIT = "validation_fraction"
BAND_FOLDS = 5
"""Copies that calibrate the bands of a run."""
BAND_PEOPLE = 9
"""Individuals in training from which on they can."""
BANDS_HELP = (
    "Each run trains copies without a part of its individuals each, which forecast them. Its bands are then made so "
    "wide that 90 % of the values of an individual that it has not seen lie in them, in the mean, whatever the model."
)
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
        held_out(run, look.info, look.variable, logarithmic=look.logarithmic)
    with place.more:
        view.numbers(figure, tables.forecast_rows(found), f"forecast-{run.id}", "forecast")
        _train(run, look)


def compared_with(run: Run, info: DatasetInfo) -> list[Run]:
    """A run, then the others on these data that kept the same individuals and measurements from training."""
    same = [each for each in runs(info).values() if each.id != run.id and _split(each) == _split(run)]
    return [run, *same[: MOST - 1]]


def splits(info: DatasetInfo) -> dict[str, list[Run]]:
    """The runs on these data by what they kept from training, in words; the newest run and its like first."""
    found: dict[str, list[Run]] = {}
    for run in runs(info).values():
        seed, share, after = _split(run)
        parts = [] if after is None else [f"after {format_duration(after, plain(info.time_unit))}"]
        parts += [f"{share:.0%} of the individuals, seed {seed}"] if share else []
        found.setdefault(", ".join(parts) or "nothing", []).append(run)
    return {words: some[:MOST] for words, some in found.items()}


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
    first = next(iter(found.values()))
    ends = "Histories end when a quarter, half and three quarters of the measurements were made; the model then "
    ends += "forecasts the rest."
    if np.isfinite(first.after):
        ends = f"Histories end at {format_duration(first.after, plain(first.time_unit))}, after which measurements "
        ends += f"were held out; all models forecast the same {first.count[1:].sum():,} of them."
    st.caption(f"{ends} Of each value: the median (RMSE, RMSPE), all draws (CRPS) and the 90 % band.")
    return figure


def held_out(run: Run, info: DatasetInfo, variable: str, *, logarithmic: bool = False) -> None:
    """What was measured, with the values that were held out later marked, where some were."""
    after = run.recipe.hold_out_after
    if after is None:
        return
    measured = measurements(trajectories(info), variable)
    figure = measured_figures.spaghetti(measured, after=after, logarithmic=logarithmic, dark=chart.dark())
    chart.chart(figure, "courses_held_out", measured_figures.describe_spaghetti(measured, after))
    st.caption("Diamonds behind the dotted line: the values that were held out and are forecast.")


def _train(run: Run, look: Individuals) -> None:
    """A button that trains this model and its references on the same individuals, a fifth of them held out."""
    cards = background.catalogue()
    able = [
        name
        for name, card in cards.items()
        if "courses" in card.capabilities and not card.missing_package and set(card.needs) <= set(look.info.has)
    ]
    after = run.recipe.hold_out_after
    what = "**Hold out a fifth of the individuals**: these models are trained again on the others, the same for all."
    if after is not None:
        what = "**Hold out the same measurements**: these models are trained on what was measured until "
        what += f"{format_duration(after, plain(look.info.time_unit))}."
    with st.form(side.key("train_references"), border=True):
        st.markdown(what)
        chosen = st.multiselect(
            "Models",
            able,
            [each for each in able if each == run.recipe.model or each in REFERENCES],
            format_func=lambda each: cards[each].title,
            key=side.key("reference_models"),
        )
        people = len(trajectories(look.info).subjects)
        bands = (
            after is None
            and people - people // 5 >= BAND_PEOPLE
            and st.checkbox(
                f"Calibrate their 90 % bands ({BAND_FOLDS} more trainings of each)",
                key=side.key("reference_bands"),
                help=BANDS_HELP,
            )
        )
        if not st.form_submit_button("Train and forecast", icon=":material/play_arrow:") or not chosen:
            return
    made = background.result_of(
        analysis_pool.call(
            "cellflow_core.jobs.recipes:individuals_held_out",
            look.info.id,
            chosen,
            run.recipe.seed,
            run.recipe,
            BAND_FOLDS if bands else 0,
        ),
        "Checking data and settings",
    )
    index.submit_all(made)
    supervisor.ensure_supervisor()
    st.switch_page("train.py", query_params={"dataset": look.info.id, "group": made[0].group})


def _split(run: Run) -> tuple[int, float, float | None]:
    """What decides which individuals, and which later measurements of theirs, were kept from training."""
    settings = background.catalogue()[run.recipe.model].training_settings
    usual = next(each.default for each in settings if each.name == SPLIT)
    share = float(run.recipe.training.get(SPLIT, usual))
    return run.recipe.seed if share else 0, share, run.recipe.hold_out_after
