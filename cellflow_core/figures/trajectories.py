"""Measured cells, and over them the paths on which a model carries some of the first ones."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.analysis.results.frame import frame
from cellflow_core.figures import scatter, theme
from cellflow_core.time_units import format_time


def journey(
    result: TimeCourse, points: np.ndarray, times: np.ndarray, *, paths: int = 60, dark: bool = False, height: int = 420
) -> go.Figure:
    """points [cells, 2]: measured cells in the view of `result`, coloured by times [cells].

    Of the simulated cells, the same random `paths` are drawn each time, as smooth lines through the simulated times (a
    velocity bends a path, it does not break it) with a dot at the last one. Measured cells decide the frame.
    """
    colour, names = scatter.grouped(times)
    title = f"time ({result.time_unit})" if result.time_unit else "time"
    figure = scatter.scatter(
        points, colour, axes=result.axes, title=title, names=names, in_order=True, dark=dark, height=height
    )
    figure.data[-1].update(opacity=0.45)
    kept = scatter.subsample(result.predicted.shape[1], paths)
    drawn = result.predicted[:, kept].transpose(1, 0, 2).astype(np.float32)  # [paths, steps, 2]
    gaps = np.full((len(kept), 1, 2), np.nan, np.float32)
    lines = np.concatenate([drawn, gaps], axis=1).reshape(-1, 2)
    quiet = {"showlegend": False, "hoverinfo": "skip"}
    line = {"color": theme.text_color(dark), "width": 1, "shape": "spline"}
    figure.add_trace(
        go.Scatter(x=lines[:, 0], y=lines[:, 1], mode="lines", line=line, opacity=0.45, name="paths", **quiet)
    )
    marker = {"size": 7, "color": theme.changed(dark), "line": {"width": 1, "color": theme.page_color(dark)}}
    ends = drawn[:, -1]
    figure.add_trace(go.Scatter(x=ends[:, 0], y=ends[:, 1], mode="markers", marker=marker, name="ends", **quiet))
    return theme.framed(figure, *frame(points, drawn))


def describe(result: TimeCourse, points: np.ndarray, paths: int = 60) -> str:
    """The figure in one sentence with its numbers."""
    count = min(paths, result.predicted.shape[1])
    return (
        f"{len(points):,} measured cells, and the paths of {count} simulated ones from time "
        f"{format_time(result.times[0])} to {format_time(result.times[-1])}."
    )
