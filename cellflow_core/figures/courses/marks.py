"""What figures of courses share: bands, doses at the foot, values below the limit, and a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme

Array = np.ndarray

MOST_DOSES = 80
"""Doses that are marked at the foot of a figure."""
_TALL = 0.05


def empty(variable: str, time_unit: str, dark: bool, height: int) -> go.Figure:
    """Axes of time and of a variable."""
    unit = f" ({theme.safe(time_unit)})" if time_unit else ""
    return theme.blank(dark, height=height, x=f"time{unit}", y=theme.safe(variable))


def band(times: Array, low: Array, high: Array, colour: str, name: str, legend: bool = True) -> go.Scatter:
    """The area between two curves; where either is missing there is none."""
    there = np.isfinite(low) & np.isfinite(high)
    times, low, high = (each[there].astype(np.float32) for each in (times, low, high))
    return go.Scatter(
        x=np.concatenate([times, times[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor=theme.faint(colour),
        line={"width": 0},
        hoverinfo="skip",
        name=name,
        legendgroup=name,
        showlegend=legend,
    )


def line(times: Array, values: Array, colour: str, name: str, dash: str = "solid", legend: bool = True) -> go.Scatter:
    return go.Scatter(
        x=times.astype(np.float32),
        y=values.astype(np.float32),
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2.4},
        name=name,
        legendgroup=name,
        showlegend=legend,
        hovertemplate="time %{x:.4~g} · %{y:.3g}<extra>%{fullData.name}</extra>",
    )


def measured(
    t: Array, values: Array, censored: Array, dark: bool, *, after: float = np.inf, size: int = 8, legend: bool = True
) -> list:
    """Points; diamonds for those held out, later than `after`; open triangles, at the limit, for values below it."""
    text = theme.text_color(dark)
    kinds = [
        ("measured", ~censored & (t <= after), "circle", text),
        ("held out", ~censored & (t > after), "diamond", theme.changed(dark)),
        ("below the limit of quantification", censored, "triangle-down-open", text),
    ]
    return [
        go.Scatter(
            x=t[kept].astype(np.float32),
            y=values[kept].astype(np.float32),
            mode="markers",
            marker={"size": size, "color": colour, "symbol": symbol, "line": {"width": 1.5}},
            name=name,
            legendgroup=name,
            showlegend=legend,
            hovertemplate="time %{x:.4~g} · %{y:.3g}<extra>%{fullData.name}</extra>",
        )
        for name, kept, symbol, colour in kinds
        if kept.any()
    ]


def end_of_history(figure: go.Figure, time: float, dark: bool) -> None:
    """A dotted upright line, where the time is finite."""
    if np.isfinite(time):
        figure.add_vline(time, line={"color": theme.muted_color(dark), "dash": "dot", "width": 1.5})


def doses(figure: go.Figure, times: Sequence[float] | Array, colour: str, row: int = 0) -> None:
    """A tick at the foot for each dose. row: 0 for the lowest, where several plans are marked."""
    for moment in np.unique(times)[:MOST_DOSES]:
        figure.add_shape(
            type="line",
            x0=float(moment),
            x1=float(moment),
            xref="x",
            yref="y domain",
            y0=row * _TALL,
            y1=(row + 0.8) * _TALL,
            line={"color": colour, "width": 3},
        )


def drawable(values: Array, logarithmic: bool) -> Array:
    """Without the values that a logarithmic axis has no place for."""
    return np.where(values > 0, values, np.nan) if logarithmic else values


def scaled(figure: go.Figure, values: Array, logarithmic: bool) -> go.Figure:
    """A logarithmic vertical axis if asked for and if there is anything above 0; values there are not shown else."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not logarithmic or not len(positive):
        return figure
    low, high = np.log10(positive.min()), np.log10(positive.max())
    theme.logarithmic(figure, positive)
    return figure.update_yaxes(range=[float(low - 0.1), float(high + 0.1)])
