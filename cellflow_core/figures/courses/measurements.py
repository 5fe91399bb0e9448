"""Measurements of individuals over time: all of them at once, or one beside its predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import IndividualFits, Measurements
from cellflow_core.figures import theme
from cellflow_core.figures.courses import marks

Array = np.ndarray

MOST_LINES = 300
"""Individuals that are drawn."""


def spaghetti(
    data: Measurements,
    group: Array | None = None,
    names: Sequence[str] = (),
    *,
    after: float = np.inf,
    logarithmic: bool = False,
    dark: bool = False,
    height: int = 420,
) -> go.Figure:
    """A line for each individual. group: of each value, a number into `names`; None: one colour for all.

    after  time after which measurements were kept from training: they are marked
    """
    figure = marks.empty(data.variable, data.time_unit, dark, height)
    member = np.unique(data.subject, return_inverse=True)[1]
    drawn = member < MOST_LINES
    own = np.zeros(len(member), int) if group is None else group
    names = names or ("individuals",)
    colours = theme.categorical(len(names)) if len(names) > 1 else (theme.model(dark),)
    for g, name in enumerate(names):
        figure.add_trace(_lines(data, np.flatnonzero(drawn & (own == g)), colours[g], name))
    marked = drawn & (data.censored | (data.t > after))
    t, value, below = data.t[marked], data.value[marked], data.censored[marked]
    figure.add_traces(marks.measured(t, value, below, dark, after=after, size=6))
    marks.end_of_history(figure, after, dark)
    marks.doses(figure, data.dose_time, theme.muted_color(dark))
    named = len(names) > 1 or bool(marked.any())
    return marks.scaled(figure, data.value[drawn], logarithmic).update_layout(showlegend=named)


def _lines(data: Measurements, rows: Array, colour: str, name: str) -> go.Scatter:
    """One trace, broken between individuals."""
    ends = np.flatnonzero(np.diff(data.subject[rows])) + 1
    x, y, who = (np.insert(each[rows].astype(float), ends, np.nan) for each in (data.t, data.value, data.subject))
    return go.Scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        customdata=who,
        mode="lines+markers",
        line={"color": theme.faint(colour, 0.55), "width": 1.5},
        marker={"size": 4, "color": colour},
        name=theme.safe(name),
        hovertemplate="individual %{customdata:d}<br>time %{x:.4~g} · %{y:.3g}<extra>%{fullData.name}</extra>",
    )


def describe_spaghetti(data: Measurements, after: float = np.inf) -> str:
    later = int((data.t > after).sum())
    below = int(data.censored.sum())
    return (
        f"{data.variable} of {len(np.unique(data.subject))} individuals over time, from {data.value.min():.3g} to "
        f"{data.value.max():.3g}"
        + (f"; {below} values are below the limit of quantification" if below else "")
        + (f"; {later} values after time {after:g} were held out." if later else ".")
    )


def fit(
    result: IndividualFits,
    place: int,
    own: Measurements,
    name: str,
    *,
    logarithmic: bool = False,
    dark: bool = False,
    height: int = 250,
) -> go.Figure:
    """One individual: measured, population and individual prediction, its 90 % band, and its doses. Without a legend.

    place  of the individual in the result; own: its measurements
    """
    figure = marks.empty(result.variable, result.time_unit, dark, height)
    low = marks.drawable(result.low[place], logarithmic)
    blue, times = theme.model(dark), result.times
    figure.add_trace(marks.band(times, low, result.high[place], blue, "90 % band"))
    figure.add_trace(
        marks.line(times, result.population[place], theme.muted_color(dark), "population prediction", "dash")
    )
    figure.add_trace(marks.line(times, result.individual[place], blue, "individual prediction"))
    figure.add_traces(marks.measured(own.t, own.value, own.censored, dark, after=result.after))
    last = own.t.max(initial=-np.inf)
    marks.doses(figure, own.dose_time[own.dose_time <= last], theme.changed(dark))
    for end in {result.until, result.after}:
        marks.end_of_history(figure, end, dark)
    figure.update_layout(
        showlegend=False,
        title={"text": theme.safe(name), "font": {"size": 15}},
        margin={"t": 32, "b": 8, "l": 8, "r": 8},
    )
    return marks.scaled(figure, np.concatenate([own.value, result.individual[place]]), logarithmic)


def describe_fit(result: IndividualFits, place: int, own: Measurements, name: str) -> str:
    later = int((own.t > result.after).sum())
    held = f", {later} of them held out," if later else ","
    return (
        f"{name}: {len(own.t)} measured values of {result.variable}{held} the highest {own.value.max(initial=0):.3g}; "
        f"the individual prediction goes up to {np.nanmax(result.individual[place]):.3g}, that of the population to "
        f"{np.nanmax(result.population[place]):.3g}."
    )
