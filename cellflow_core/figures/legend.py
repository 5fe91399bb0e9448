"""The legend above a figure."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cellflow_core.figures.theme import safe

_LINE = 21
"""Pixels of one name."""

_INCLUDED = 3
"""Names for which a figure has room anyway."""


def entry(name: str, colour: str) -> go.Scatter:
    """A trace that only stands in the legend."""
    marker = {"size": 10, "color": colour}
    return go.Scatter(x=[None], y=[None], mode="markers", name=safe(name), hoverinfo="skip", marker=marker)


def with_room(figure: go.Figure) -> go.Figure:
    """The figure, higher by the names in its legend, which stand one below the other where the window is narrow."""
    traces: Any = figure.data
    names = sum(each.name is not None and each.showlegend is not False for each in traces)
    more = _LINE * max(0, names - _INCLUDED)
    return figure.update_layout(height=figure.layout["height"] + more, legend={"maxheight": 0.7})
