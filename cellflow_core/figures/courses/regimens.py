"""Courses under plans of doses, with the window, the doses at the foot, and what lies outside the observed doses."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import RegimenComparison
from cellflow_core.figures import theme
from cellflow_core.figures.courses import marks

_FEW = 2
"""Plans up to which they have the colours of the model and of what was changed."""


def colours(count: int, dark: bool) -> tuple[str, ...]:
    """Of so many plans."""
    return (theme.model(dark), theme.changed(dark))[:count] if count <= _FEW else theme.categorical(count)


def regimens(
    result: RegimenComparison, *, logarithmic: bool = False, dark: bool = False, height: int = 430
) -> go.Figure:
    """Median and 90 % band of each plan; shaded from the time on at which one is outside the observed doses."""
    figure = marks.empty(result.variable, result.time_unit, dark, height)
    for k, colour in enumerate(colours(len(result.plans), dark)):
        name = theme.safe(result.plans[k])
        low = marks.drawable(result.low[k], logarithmic)
        figure.add_trace(marks.band(result.times, low, result.high[k], colour, name, legend=False))
        figure.add_trace(marks.line(result.times, result.middle[k], colour, name, "solid" if k != 1 else "longdash"))
        marks.doses(figure, result.dose_time[result.dose_plan == k], colour, row=k)
    if len(result.measured_time):
        figure.add_traces(marks.measured(result.measured_time, result.measured_value, result.measured_censored, dark))
        figure.add_vline(result.start, line={"color": theme.muted_color(dark), "dash": "dot", "width": 1.5})
    _shade(figure, result, dark)
    for level in result.window:
        if np.isfinite(level):
            figure.add_hline(level, line={"color": theme.muted_color(dark), "dash": "dash", "width": 1.5})
    shown = np.concatenate([result.middle.ravel(), result.measured_value])
    return marks.scaled(figure, shown, logarithmic)


def _shade(figure: go.Figure, result: RegimenComparison, dark: bool) -> None:
    """Grey from where any plan is outside the observed doses, with the word for it."""
    if np.isnan(result.outside).all():
        return
    figure.add_vrect(
        x0=float(np.nanmin(result.outside)),
        x1=float(result.times[-1]),
        fillcolor=theme.muted_color(dark),
        opacity=0.14,
        line_width=0,
        layer="below",
        annotation={
            "text": "outside the observed doses",
            "font": {"size": 13, "color": theme.muted_color(dark)},
            "x": float(result.times[-1]),
            "xanchor": "right",
            "y": 1,
            "yanchor": "top",
        },
    )


def describe(result: RegimenComparison) -> str:
    """The figure in a sentence with its numbers."""
    peaks = ", ".join(f"{result.middle[k].max():.3g} under {name}" for k, name in enumerate(result.plans))
    return f"{result.variable} of {result.of} under {len(result.plans)} plans of doses: the median goes up to {peaks}."
