"""The order of cells and the lineages through them, over a 2-D view."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import CellLineages
from cellflow_core.figures import scatter, theme

SEVERAL = "on several lineages"
Colour = Literal["order", "branch", "other"]


def lineages(
    result: CellLineages, points: np.ndarray, colour: Colour = "order", *, dark: bool = False, height: int = 520
) -> go.Figure:
    """Measured cells [cells, 2] in the view, the curves of the lineages, where they begin, part and end.

    colour  "order", "other" (the order from the other end) or "branch": the lineage that a cell is on
    """
    if colour == "branch":
        codes = np.where(result.own < 0, len(result.names), result.own)
        names = (*result.names, SEVERAL) if (result.own < 0).any() else result.names
        figure = scatter.scatter(points, codes, names=names, axes=result.axes, dark=dark, height=height)
        if len(names) > len(result.names):
            colours = (*theme.categorical(len(result.names)), theme.OTHER)
            figure.data[-1].update(marker_colorscale=theme.stepped(colours))
            figure.data[-2].update(marker_color=theme.OTHER)
    else:
        values = _of(result, colour)
        figure = scatter.scatter(points, _ranks(values), axes=result.axes, title="order", dark=dark, height=height)
        figure.data[-1].update(text=[f"{each:.3g}" for each in values[scatter.subsample(len(points))]])
        figure.update_layout(legend_title_text="")
        figure.data[-1].update(hovertemplate="order %{text}<extra></extra>")
    kind: Any = type(figure.data[-1])
    for k in range(len(result.names)):
        x, y = result.curves[result.lineage == k].T.astype(np.float32)
        for width, line in ((6, theme.page_color(dark)), (2.5, theme.text_color(dark))):
            figure.add_trace(kind(x=x, y=y, mode="lines", line={"width": width, "color": line}, hoverinfo="skip"))
            figure.data[-1].update(name="lineages", showlegend=k == 0 and width < 6)
    root = result.other_root if colour == "other" else result.root
    assert root is not None
    marks = [("beginning", root[None], "star", 17)]
    if len(result.branchings):
        marks.append(("branching", result.branchings, "diamond", 12))
    for name, places, symbol, size in marks:
        look = {"symbol": symbol, "size": size, "color": theme.changed(dark)}
        look["line"] = {"width": 1.5, "color": theme.page_color(dark)}
        x, y = places.T.astype(np.float32)
        figure.add_trace(kind(x=x, y=y, mode="markers", name=name, marker=look, hovertemplate=f"{name}<extra></extra>"))
    for k, name in enumerate(result.names):
        x, y = result.curves[result.lineage == k][-1]
        figure.add_annotation(**theme.label(float(x), float(y), theme.safe(name, 28), dark))
    return figure


def describe(result: CellLineages, colour: Colour = "order") -> str:
    """The figure in one sentence with its numbers."""
    cells = f"{len(result.order):,} cells"
    if colour == "branch":
        several = int((result.own < 0).sum())
        listed = ", ".join(f"{name} {int((result.own == k).sum()):,}" for k, name in enumerate(result.names))
        return f"{cells} coloured by the lineage they are on: {listed}; {several:,} {SEVERAL}."
    values = _of(result, colour)
    whence = " from the other end" if colour == "other" else ""
    drawn = f", with {len(result.names)} lineages and {len(result.branchings)} branchings" if result.names else ""
    return f"{cells} coloured by their order{whence}, from {values.min():.3g} to {values.max():.3g}{drawn}."


def _of(result: CellLineages, colour: Colour) -> np.ndarray:
    if colour == "other":
        assert result.other_order is not None
        return result.other_order
    return result.order


def _ranks(values: np.ndarray) -> np.ndarray:
    """Place in the order of each cell, 0 to 1: orders of two methods, or from two ends, have one scale."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(len(values) - 1, 1)
