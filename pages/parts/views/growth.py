"""Growth in the views: is it learnt, what does it say in words, and how many cells there are over time."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import Fates, FlowField, TimeCourse
from cellflow_core.figures import population_size
from cellflow_core.reporting import result_tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.summaries import at
from cellflow_core.runs.run import Run
from cellflow_core.time_units import pluralize
from pages.parts.views import view
from pages.parts.widgets import background, chart


def is_learnt(run: Run) -> bool:
    """Does this model, with the settings it has, say how cells multiply?"""
    return "growth" in background.catalogue()[run.recipe.model].capabilities_with(run.recipe.settings)


def say(sentence: str) -> None:
    """One sentence about growth under a picture; nothing where there is nothing to say."""
    if sentence:
        st.markdown(f":material/eco: {plain(sentence)}")


def of_flow(result: FlowField, unit: str) -> str:
    """How fast the cells of a time multiply, in one sentence; empty for a model without growth."""
    if result.growth is None:
        return ""
    low, middle, high = np.quantile(result.growth, [0.05, 0.5, 0.95])
    per = at(1, unit).rsplit(" ", 1)[0]
    return (
        f"At {at(result.time, unit)} the model has cells grow by {middle:+.2g} per {per} in the middle; nine of ten "
        f"lie between {pace(low, unit)} ({low:+.2g}) and {pace(high, unit)} ({high:+.2g})."
    )


def pace(rate: float, unit: str) -> str:
    """A rate (1 / time) as the time of a doubling or a halving."""
    if abs(rate) < 0.005:
        return "hardly any change"
    return (
        f"{'doubling' if rate > 0 else 'halving'} every {np.log(2) / abs(rate):.2g} {pluralize(unit) or 'time units'}"
    )


def of_course(result: TimeCourse, unit: str) -> str:
    """How many cells there are at the end, against the counted number, in one sentence; empty without growth."""
    if result.mass is None:
        return ""
    if result.measured_mass is None:
        return (
            "Nobody counted the cells of these data, so how many there are in all is not known: the model learnt only "
            "how much more some grow than others."
        )
    low, number, high = result.mass[-1]
    begin, end = at(result.times[0], unit), at(result.times[-1], unit)
    said = f"From {begin} to {end} one cell becomes {number:.2g} on average (95 % of samples: {low:.2g} to {high:.2g})"
    counted = float(result.measured_mass[-1])
    off = abs(number / counted - 1)
    how = "which it was trained on" if result.in_training[-1] else "which it never saw"
    return f"{said}; counted were {counted:.2g}, {how}: off by {off:.0%}."


def of_fates(result: Fates) -> str:
    """What growth changes of the fates, in one sentence; empty without growth."""
    if result.without_growth is None or result.growth_effect is None:
        return ""
    k = int(np.argmax(np.abs(result.growth_effect[:, 1])))
    low, points, high = 100 * result.growth_effect[k]
    said = (
        f"Counting each start cell once, {result.without_growth[k, 1]:.0%} of them head for {result.names[k]}; as some "
        f"multiply more than others, it holds {result.share[k]:.0%} of the cells at the end: {points:+.0f} points by "
        f"growth (95 % interval {low:+.0f} to {high:+.0f})"
    )
    return f"{said}, which may be nothing." if low <= 0 <= high else f"{said}."


def numbers(result: TimeCourse, unit: str, run_id: str) -> None:
    """The part of the Time page on how many cells there are; nothing for a model that knows no growth."""
    if result.mass is None:
        return
    st.subheader("How many cells are there?")
    if result.measured_mass is not None:
        figure = population_size.mass(result, dark=chart.dark())
        chart.chart(figure, "time_mass", population_size.describe(result))
        say(of_course(result, unit))
        view.numbers(figure, result_tables.of_mass(result), f"mass-{run_id}", "mass", "The numbers of cells")
        return
    say(of_course(result, unit))
    _not_counted()


def _not_counted() -> None:
    st.info(
        "Whether the numbers of cells mean anything only you can say. If the experiment counted them, tell the Data "
        "page (Go on from here, Add growth, “Cell numbers mean something”), train again, and the predicted number is "
        "drawn here beside the counted ones.",
        icon=":material/help:",
    )
    st.page_link("pages/data.py", label="Data", icon=":material/arrow_forward:")
