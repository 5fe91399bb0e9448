"""Individual fits as small multiples."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import IndividualFits, Measurements, PredictionErrors
from cellflow_core.figures.courses import measurements as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_time
from pages.parts.views import view
from pages.parts.views.courses.individuals import MOST_SHOWN, Individuals, show_measurements
from pages.parts.widgets import background, chart, side

WHOLE = "all of it"
COLUMNS = 2


def show(run: Run, look: Individuals, place: view.Layout) -> None:
    """How close individual predictions come, which takes longest; a few individuals; all measurements."""
    every = analysis_pool.submit_analysis("prediction_errors", run.id, variable=look.variable)
    with place.controls:
        some, until = _some(look), _history(look, run)
    with place.picture:
        fits = st.container()
        st.subheader("All measurements", anchor=False)
    measured = show_measurements(look, place, run)
    asked = analysis_pool.submit_analysis(
        "individual_fits", run.id, variable=look.variable, individuals=some, until=until
    )
    with fits:
        result: IndividualFits = background.result_of(asked, "Predicting the course of these individuals")
        names, figure = _draw(result, look, measured)
    with place.more:
        view.notes(result.notes)
        rows = tables.course_rows(result, names)
        view.numbers(figure, rows, f"fits-{run.id}", "fits", "Data table: courses of these individuals")
    with place.answer:
        errors: PredictionErrors = background.result_of(every, "Holding predictions against what was measured")
        view.show_summary(summaries.of_fits(errors))


def _draw(result: IndividualFits, look: Individuals, measured: Measurements) -> tuple[list[str], Any]:
    """Small multiples; (names of the individuals, the last picture)."""
    held = zip(result.subjects.tolist(), result.held_out.tolist(), strict=True)
    names = [f"Individual {each}" + (" (held out)" if out else "") for each, out in held]
    figure, columns = None, []
    for place, name in enumerate(names):
        own = measured.of(int(result.subjects[place]))
        figure = figures.fit(result, place, own, name, logarithmic=look.logarithmic, dark=chart.dark())
        if place % COLUMNS == 0:
            columns = st.columns(COLUMNS, gap="small")
        with columns[place % COLUMNS]:
            chart.chart(figure, f"courses_fit_{place}", figures.describe_fit(result, place, own, name))
    st.caption(
        "Points: measured. Solid line with its 90 % band: prediction for the individual. Dashed: for the population. "
        "Ticks: doses. A dotted upright line: end of the history that was used."
        + (" Diamonds: values that were held out." if np.isfinite(result.after) else "")
    )
    return names, figure


def _some(look: Individuals) -> tuple[int, ...]:
    """A few individuals, those next to each other in the data."""
    subjects = look.data.subjects.tolist()
    blocks = [subjects[k : k + MOST_SHOWN] for k in range(0, len(subjects), MOST_SHOWN)]
    words = [f"{each[0]} to {each[-1]}" if len(each) > 1 else str(each[0]) for each in blocks]
    shown = st.selectbox("Individuals", words, **side.bound("individuals"))
    return tuple(dict(zip(words, blocks, strict=True))[str(shown)])


def _history(look: Individuals, run: Run) -> float | None:
    """How much of what was measured the individual prediction may use; None: all that was not held out."""
    after = run.recipe.hold_out_after
    cuts: list[float] = np.unique(np.quantile(look.data.times, (0.25, 0.5, 0.75), method="lower")).tolist()
    choices: dict[str, float | None] = {WHOLE: None}
    if after is not None:
        choices = {f"until time {format_time(after)}, the rest was held out": None}
    choices |= {f"until time {format_time(each)}": each for each in cuts}
    choices |= {} if after is None else {f"{WHOLE}, held-out values too": float(look.data.t.max())}
    shown = st.selectbox(
        "History used",
        list(choices),
        **side.bound("history"),
        help="What the prediction for an individual may know. After its end it is a forecast.",
    )
    return choices[str(shown)]
