"""The direction in which cells move: streamlines over the cells of one time.

Drawn as lines, not as `go.Quiver`: arrows on a grid hide currents and cover the cells, and their length competes with
colour for the meaning "speed". Speed is shown once, as colour, in a few classes (one NaN-gapped trace each).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import FixedPoints, FlowField
from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import BAR_ABOVE, Colouring
from cellflow_core.figures.fields import classed_lines, fixed_point_marks
from cellflow_core.figures.fields.colourings import speed_unit
from cellflow_core.figures.scatter import BEHIND_UP_TO, outline, subsample
from cellflow_core.time_units import format_time, format_times


def flow(
    result: FlowField,
    everything: np.ndarray | None = None,
    *,
    by: str = "speed",
    colouring: Colouring | None = None,
    points: FixedPoints | None = None,
    style: str = "streams",
    faint: bool = True,
    polygon: Sequence[tuple[float, float]] = (),
    dark: bool = False,
    height: int = 560,
) -> go.Figure:
    """Traces: cells behind, then the lines by class of speed and opacity, then arrow heads alike, then fixed points.

    everything  [cells, 2] of all times, drawn farthest behind, for orientation
    by          what the colour of the lines means: "speed", or "nothing", in ink
    colouring   of the cells [cells] of the result; lines are then drawn in ink
    style       "streams", "grid" (mean arrows) or "cells" (those of single cells); arrows have equal lengths
    polygon     the outline around selected cells
    faint       whether lines are fainter where few cells are behind them, or trainings disagree
    Raises ValueError for another word.
    """
    if by not in ("speed", "nothing"):
        raise ValueError(f"by={by!r} is not speed or nothing")
    figure = theme.blank(dark, height=height, y=theme.safe(result.axes[1]))
    _name_below(figure, theme.safe(result.axes[0]))
    if everything is not None:
        figure.add_trace(
            _cells(everything, "all times", {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.45})
        )
    by = "nothing" if colouring else by
    look = {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.9}
    if colouring is not None:
        look = {"size": 6, "opacity": 0.9, **colouring.marker(dark)}
        figure.add_traces(colouring.legend(dark))
        figure.update_layout(legend_title={"text": theme.safe(colouring.title), "side": "top"})
    figure.add_trace(_cells(result.cells, "cells", look, colouring))
    edges = classed_lines.speed_edges(result.speed) if by == "speed" else np.array([0.0, np.inf])
    colours = classed_lines.speed_colours(len(edges) - 1, dark) if by == "speed" else (theme.text_color(dark),)
    strength, width = (1.0, 2.2) if by == "speed" else (0.6, 1.5)
    figure.add_traces(classed_lines.traces(result, style, edges, colours, faint, strength, width))
    outline(figure, polygon, dark)
    if points is not None:
        figure.add_traces(fixed_point_marks.traces(points, dark))
    if by == "speed":
        figure.add_trace(_bar(edges, dark, speed_unit(result)))
    return theme.square(figure)


def _name_below(figure: go.Figure, name: str) -> None:
    """The name of the horizontal axis. Plotly draws an axis title among the cells when a colour bar lies above."""
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0, "yanchor": "top", "yshift": -6, "showarrow": False}
    figure.add_annotation(text=name, font={"size": 15}, **place).update_layout(margin_b=36)


def _cells(points: np.ndarray, name: str, marker: dict, colouring: Colouring | None = None) -> go.Scatter:
    """Cells, thinned; a marker that has a value for each cell is thinned alike."""
    kept = subsample(len(points), BEHIND_UP_TO)
    xy = points[kept].astype(np.float32)
    text, hover = None, None
    if colouring is not None:
        marker = marker | {"color": marker["color"][kept]}
        named = np.array([theme.safe(each) for each in (*colouring.names, "none")])
        text = named[colouring.values[kept]].tolist() if colouring.names else None
        hover = (
            "%{text}<extra></extra>" if text else f"{theme.safe(colouring.title)} %{{marker.color:.3g}}<extra></extra>"
        )
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        showlegend=False,
        name=name,
        marker=marker,
        text=text,
        hoverinfo=None if hover else "skip",
        hovertemplate=hover,
    )


def describe(result: FlowField) -> str:
    """The figure in one sentence with its numbers."""
    known = np.isfinite(result.speed)
    unit = speed_unit(result)
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
            "colorscale": theme.stepped(classed_lines.speed_colours(count, dark)),
            "cmin": 0,
            "cmax": count,
            "showscale": True,
            "colorbar": {"title": {"text": f"speed ({unit.strip()})", "side": "top"}, **ticks, **BAR_ABOVE},
        },
    )
