"""Cells on a 2-D view, coloured by a group or a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import legend, theme
from cellflow_core.figures.cells.colouring import of_groups
from cellflow_core.time_units import format_times

VECTOR_UP_TO = 4_000
DRAWN_UP_TO = 60_000
BEHIND_UP_TO = 3_000
"""Cells drawn behind others, as SVG: plotly draws every WebGL trace in front of every SVG trace."""


def subsample(count: int, most: int = DRAWN_UP_TO) -> np.ndarray:
    """Which of `count` cells are drawn: all, or the same random `most` of them each time, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def grouped(labels: np.ndarray, most: int = 12) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as codes [cells] into names. Beyond `most` groups, the smaller ones are merged into "other groups".

    Numbers (times) keep their order; names are sorted by how many cells have them.
    """
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    numeric = np.issubdtype(names.dtype, np.number)
    words = format_times(names.tolist()) if numeric else tuple(str(each) for each in names)
    if len(names) <= most:
        return codes.astype(np.int16), words
    kept = np.sort(np.argsort(-counts, kind="stable")[: most - 1])
    new = np.full(len(names), most - 1, dtype=np.int16)
    new[kept] = np.arange(most - 1)
    return new[codes], (*(words[k] for k in kept), f"{len(names) - most + 1} other groups")


def scatter(
    points: np.ndarray,
    colour: np.ndarray | None = None,
    *,
    axes: tuple[str, str],
    title: str = "",
    names: Sequence[str] = (),
    in_order: bool = False,
    own: Mapping[str, str] = MappingProxyType({}),
    span: tuple[float, float] | None = None,
    polygon: Sequence[tuple[float, float]] = (),
    dark: bool = False,
    height: int = 480,
) -> go.Figure:
    """Cells [cells, 2] as one trace. colour [cells]: codes into `names`, or values where there are no names.

    title     what the colour means; in_order: the names have an order (times)
    own       chosen colours of groups, by name; span: chosen ends of the scale of values
    polygon   an outline to draw, in the view, as a lasso left it
    """
    figure = theme.blank(dark, height=height, x=theme.safe(axes[0]), y=theme.safe(axes[1]))
    kept = subsample(len(points))
    kind = go.Scatter if len(kept) <= VECTOR_UP_TO else go.Scattergl
    size = float(np.clip(11 - 1.6 * np.log10(max(len(kept), 10)), 3.5, 8))
    marker: dict = {"size": size, "opacity": 0.8, "line": {"width": 0}}
    text = None
    if colour is None:
        marker["color"] = theme.background_point_color(dark)
    elif names:
        colours = theme.ordered(len(names), dark) if in_order else of_groups(names, own)
        marker |= {"color": colour[kept].astype(np.int16), "colorscale": theme.stepped(colours)}
        marker |= {"cmin": -0.5, "cmax": len(names) - 0.5, "showscale": False}
        text = np.array([theme.safe(each) for each in names])[colour[kept]].tolist()
        figure.add_traces([legend.entry(name, each) for name, each in zip(names, colours, strict=True)])
    else:
        bar = {"title": {"text": theme.safe(title)}}
        marker |= {"color": colour[kept].astype(np.float32), "colorscale": theme.sequential(dark), "colorbar": bar}
        marker |= dict(zip(("cmin", "cmax"), span or (), strict=False))
    hover = "%{text}<extra></extra>" if text else "%{marker.color:.3g}<extra></extra>"
    xy = points[kept].astype(np.float32)
    figure.add_trace(
        kind(
            x=xy[:, 0],
            y=xy[:, 1],
            mode="markers",
            marker=marker,
            text=text,
            showlegend=False,
            name="cells",
            hovertemplate=None if colour is None else hover,
            hoverinfo="skip" if colour is None else None,
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0.15}},
        )
    )
    outline(figure, polygon, dark)
    figure.update_layout(
        legend={"title": {"text": theme.safe(title), "side": "top"}, "itemclick": False, "itemdoubleclick": False}
    )
    return theme.square(figure)


def outline(figure: go.Figure, polygon: Sequence[tuple[float, float]], dark: bool) -> None:
    """Draw the outline around selected cells, where there is one."""
    if len(polygon) > 2:
        figure.add_shape(type="path", path=_path(polygon), line={"color": theme.changed(dark), "width": 2})


def describe(points: np.ndarray, colour: np.ndarray | None, names: Sequence[str], title: str, row: str = "cell") -> str:
    """The figure in one sentence with its numbers. row: what a point is"""
    text = f"{len(points):,} {row}s on a 2-D view"
    if len(points) > DRAWN_UP_TO:
        text += f" ({DRAWN_UP_TO:,} of them drawn)"
    if colour is None:
        return text + "."
    if not names:
        return text + f", coloured by {title} from {np.nanmin(colour):.3g} to {np.nanmax(colour):.3g}."
    counts = np.bincount(colour, minlength=len(names))
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    return text + f", coloured by {title}: {listed}."


def _path(polygon: Sequence[tuple[float, float]]) -> str:
    return "M " + " L ".join(f"{float(x)},{float(y)}" for x, y in polygon) + " Z"
