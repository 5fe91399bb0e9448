"""The direction in which cells move: streamlines over the cells of one time.

Drawn as lines, not as `go.Quiver`: arrows on a grid hide currents and cover the cells, and their length competes with
colour for the meaning "speed". Speed is shown once, as colour, in a few classes (one NaN-gapped trace each).
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import FlowField
from cellflow_core.figures import theme
from cellflow_core.figures.scatter import BEHIND_UP_TO, subsample
from cellflow_core.figures.streamlines import field_lines
from cellflow_core.time_units import format_time, format_times

CLASSES = 6
_ABOVE = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "len": 0.9}
"""A colour bar over the picture: beside it, a phone would have no room for the cells."""


def flow(
    result: FlowField,
    everything: np.ndarray | None = None,
    *,
    by: str = "speed",
    style: str = "streams",
    dark: bool = False,
    height: int = 560,
) -> go.Figure:
    """Traces: cells behind, then the lines by class of speed, then arrow heads by class.

    everything  [cells, 2] of all times, drawn farthest behind, for orientation
    by          what colour means: "speed" of the lines; "growth" of the cells, with the lines in ink; "nothing"
    style       "streams", "grid" (mean arrows) or "cells" (those of single cells); arrows have equal lengths
    Raises ValueError for another word, and where growth is asked for and the model knows none.
    """
    if by not in ("speed", "growth", "nothing"):
        raise ValueError(f"by={by!r} is not speed, growth or nothing")
    figure = theme.blank(dark, height=height, y=theme.safe(result.axes[1]))
    _name_below(figure, theme.safe(result.axes[0]))
    if everything is not None:
        figure.add_trace(
            _cells(everything, "all times", {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.45})
        )
    look = {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.9}
    if by == "growth":
        look = _growth_look(result, dark)
    figure.add_trace(_cells(result.cells, "cells", look))
    lines = field_lines(result, style)
    edges = _edges(result.speed) if by == "speed" else np.array([0.0, np.inf])
    colours = _colours(len(edges) - 1, dark) if by == "speed" else (theme.text_color(dark),)
    unit = _unit(result)
    for k, each in enumerate(colours):
        xy, middle = _class(lines, edges[k], edges[k + 1])
        figure.add_trace(
            go.Scatter(
                x=xy[:, 0],
                y=xy[:, 1],
                mode="lines",
                line={"width": 2.2 if by == "speed" else 1.5, "color": each},
                opacity=1 if by == "speed" else 0.6,
                showlegend=False,
                name="flow",
                customdata=middle,
                hovertemplate="speed %{customdata:.3g}" + unit + "<extra></extra>",
            )
        )
    for k, each in enumerate(colours):
        figure.add_trace(_heads(lines, edges[k], edges[k + 1], each))
    if by == "speed":
        figure.add_trace(_bar(edges, dark, unit))
    return theme.square(figure)


def _name_below(figure: go.Figure, name: str) -> None:
    """The name of the horizontal axis. Plotly draws an axis title among the cells when a colour bar lies above."""
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0, "yanchor": "top", "yshift": -6, "showarrow": False}
    figure.add_annotation(text=name, font={"size": 15}, **place).update_layout(margin_b=36)


def _cells(points: np.ndarray, name: str, marker: dict) -> go.Scatter:
    """Cells, thinned; a marker that has a value for each cell is thinned alike."""
    kept = subsample(len(points), BEHIND_UP_TO)
    xy = points[kept].astype(np.float32)
    valued = isinstance(marker["color"], np.ndarray)
    if valued:
        marker = marker | {"color": marker["color"][kept].astype(np.float32)}
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        showlegend=False,
        name=name,
        marker=marker,
        hoverinfo=None if valued else "skip",
        hovertemplate="growth %{marker.color:.3g}<extra></extra>" if valued else None,
    )


def _growth_look(result: FlowField, dark: bool) -> dict:
    """Cells coloured by their growth: the same range on both sides of 0, in which 98 % of them are."""
    if result.growth is None:
        raise ValueError("this model knows no growth, so its cells cannot be coloured by it")
    most = max(float(np.quantile(np.abs(result.growth), 0.98)), 1e-6)
    unit = f"1 / {theme.safe(result.time_unit) or 'time unit'}"
    return {
        "size": 6,
        "opacity": 0.9,
        "color": result.growth,
        "colorscale": theme.diverging(dark),
        "cmin": -most,
        "cmax": most,
        "showscale": True,
        "colorbar": {"title": {"text": f"growth ({unit})", "side": "top"}, "tickformat": "+.2~g", **_ABOVE},
    }


def describe(result: FlowField) -> str:
    """The figure in one sentence with its numbers."""
    known = np.isfinite(result.speed)
    unit = _unit(result)
    when = "" if np.isnan(result.time) else f" at time {format_time(result.time)}"
    return (
        f"Streamlines of the cells{when} over {len(result.cells):,} measured cells: "
        f"median speed {np.nanmedian(result.speed):.3g}{unit}, fastest {np.nanmax(result.speed):.3g}{unit}; "
        f"shown where there are cells, {known.mean():.0%} of the frame.{_growth_words(result)}"
        if known.any()
        else f"There are no cells{when} to draw a flow for."
    )


def _growth_words(result: FlowField) -> str:
    if result.growth is None:
        return ""
    low, middle, high = np.quantile(result.growth, [0.05, 0.5, 0.95])
    return (
        f" Growth of the cells: {middle:+.2g} per {theme.safe(result.time_unit) or 'time unit'} in the middle, "
        f"{low:+.2g} to {high:+.2g} in nine of ten cells."
    )


def _unit(result: FlowField) -> str:
    return f" units of {result.speed_axes} / {theme.safe(result.time_unit) or 'time unit'}"


def _edges(speed: np.ndarray) -> np.ndarray:
    """Edges of the classes of speed, at round numbers between the slowest and the fastest tenth of the grid points."""
    known = speed[np.isfinite(speed)]
    if not len(known):
        return np.array([0.0, np.inf])
    slow, fast = np.quantile(known, [0.1, 0.9])
    levels = theme.round_levels(float(slow), float(fast), CLASSES)
    inner = levels[(levels > known.min()) & (levels < known.max())]
    return np.concatenate([[0.0], inner, [np.inf]])


def _colours(count: int, dark: bool) -> tuple[str, ...]:
    return theme.sampled(theme.SEQUENTIAL, *((0.25, 1.0) if dark else (0.0, 0.78)), count)


def _class(lines: list[np.ndarray], low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """The pieces of the lines whose speed is in [low, high), NaN between pieces: points [n, 2] and speed [n]."""
    pieces = []
    for line in lines:
        inside = (line[:, 2] >= low) & (line[:, 2] < high)
        edge = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
        for start, stop in edge.reshape(-1, 2):
            pieces += [line[start : stop + 1], np.full((1, 3), np.nan)]  # one point more: no gap to the next class
    joined = np.concatenate(pieces) if pieces else np.full((1, 3), np.nan)
    return joined[:, :2].astype(np.float32), joined[:, 2].astype(np.float32)


def _heads(lines: list[np.ndarray], low: float, high: float, colour: str) -> go.Scatter:
    """One arrow head on each line, at 60 % of its length, on a single arrow at its end.

    Each is a pair of points: plotly turns the marker from the first, which is not drawn, to the second, so it points
    along the line at any zoom.
    """
    pairs, sizes = [], []
    for line in lines:
        for share in (0.33, 0.75) if len(line) > 45 else (0.6,):
            at = len(line) - 1 if len(line) == 2 else max(1, int(share * (len(line) - 1)))
            if low <= line[at, 2] < high:
                pairs += [line[at - 1, :2], line[at, :2]]
                sizes += [0, 11]
    xy = np.array(pairs or [[np.nan, np.nan]], dtype=np.float32)
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        name="arrow heads",
        marker={
            "symbol": "arrow",
            "angleref": "previous",
            "size": sizes or 0,
            "color": colour,
            "opacity": 1,
            "line": {"width": 0},
        },
    )


def _bar(edges: np.ndarray, dark: bool, unit: str) -> go.Scatter:
    """A colour bar for the classes: an invisible trace that owns it."""
    count = len(edges) - 1
    ticks = {"tickvals": list(range(1, count)), "ticktext": format_times(edges[1:-1])}
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        name="speed",
        marker={
            "color": [0],
            "colorscale": theme.stepped(_colours(count, dark)),
            "cmin": 0,
            "cmax": count,
            "showscale": True,
            "colorbar": {"title": {"text": f"speed ({unit.strip()})", "side": "top"}, **ticks, **_ABOVE},
        },
    )
