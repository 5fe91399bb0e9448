"""The picture of a lesson: its layers, those of the answer only once they may be seen."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.figures import theme

HEIGHT = 420
_HEAD = 0.3  # length of an arrow's head, of the arrow


def lesson(picture: LessonPicture, *, answered: bool, dark: bool = False) -> go.Figure:
    """Traces in the order of the layers; axes hold all layers from the first, so that nothing jumps at the answer."""
    figure = theme.blank(dark, height=HEIGHT, x=picture.x, y=picture.y)
    shown = [each for each in picture.layers if answered or not each.answer]
    for layer in shown:
        figure.add_trace(_trace(layer, dark))
    if any(layer.kind == "bars" for layer in picture.layers):
        figure.update_layout(barmode="group", bargap=0.35)
    if picture.share:
        figure.update_yaxes(range=[0, 1], tickformat=".0%")
    else:
        _fix_axes(figure, picture)
    if picture.equal:
        figure.update_yaxes(scaleanchor="x")
        theme.square(figure)
    return figure


def _trace(layer: Layer, dark: bool) -> go.Scatter | go.Bar:
    colour = _colour(layer, dark)
    name = theme.safe(layer.name)
    if layer.kind == "bars":
        return go.Bar(
            x=list(layer.names), y=layer.y, name=name, marker_color=colour, texttemplate="%{y:.0%}", textangle=0
        )
    if layer.kind == "points":
        size = 6 if layer.role == "quiet" else 10
        return go.Scatter(
            x=layer.x, y=layer.y, name=name, mode="markers", marker={"color": colour, "size": size}, hoverinfo="skip"
        )
    x, y = (layer.x, layer.y) if layer.kind == "lines" else _arrows(layer)
    line = {"color": colour, "width": 3 if layer.role in ("second", "truth") and layer.kind == "lines" else 1.5}
    if layer.role == "truth":
        line["dash"] = "dash"
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line, hoverinfo="skip")


def _arrows(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Shaft and head of every arrow as one line, divided by NaN."""
    assert layer.to_x is not None and layer.to_y is not None
    begin, end = np.stack([layer.x, layer.y]), np.stack([layer.to_x, layer.to_y])
    back = (begin - end) * _HEAD
    across = np.stack([-back[1], back[0]]) * 0.5
    corners = (begin, end, end + back + across, end, end + back - across, np.full_like(begin, np.nan))
    x, y = (np.stack([each[k] for each in corners], axis=1).ravel() for k in (0, 1))
    return x, y


def _colour(layer: Layer, dark: bool) -> str:
    if layer.role == "quiet":
        return theme.background_point_color(dark)
    if layer.role == "truth":
        return theme.text_color(dark)
    return {"first": theme.model(dark), "second": theme.changed(dark), "third": theme.CATEGORICAL[2]}[layer.role]


def _fix_axes(figure: go.Figure, picture: LessonPicture) -> None:
    every = [np.concatenate([each.x, *([] if each.to_x is None else [each.to_x])]) for each in picture.layers]
    heights = [np.concatenate([each.y, *([] if each.to_y is None else [each.to_y])]) for each in picture.layers]
    corners = [(np.nanmin(np.concatenate(each)), np.nanmax(np.concatenate(each))) for each in (every, heights)]
    low, high = np.array(corners, dtype=float).T
    edge = 0.06 * (high - low)
    theme.framed(figure, low - edge, high + edge)
