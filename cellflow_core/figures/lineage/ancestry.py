"""Ancestors and descendants of chosen cells: where they stand, and which groups they are of at each time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Ancestry
from cellflow_core.figures import scatter, theme
from cellflow_core.figures.cells.colouring import of_groups
from cellflow_core.time_units import format_time, format_times


def cells(result: Ancestry, *, dark: bool = False, height: int = 460) -> go.Figure:
    """Every measured cell, coloured by the mass it shares with the chosen ones: 1 where it has as much as it would if
    all cells of its time had alike. The chosen cells are ringed, the heaviest cells are in front."""
    value = _relative(result)
    order = np.argsort(value, kind="stable")
    figure = scatter.scatter(
        result.points[order], value[order], axes=result.axes, title="mass shared", dark=dark, height=height
    )
    top = float(np.quantile(value[value > 0], 0.98)) if (value > 0).any() else 1.0
    figure.data[-1].update(marker_cmin=0.0, marker_cmax=top)
    own = (result.cell_time == result.time) & (result.weight > 0)
    rings = result.points[own][scatter.subsample(int(own.sum()), scatter.BEHIND_UP_TO)].astype(np.float32)
    marker = {"size": 8, "symbol": "circle-open", "color": theme.changed(dark), "line": {"width": 1.5}}
    chosen = go.Scatter(x=rings[:, 0], y=rings[:, 1], mode="markers", marker=marker, name="chosen", hoverinfo="skip")
    return figure.add_trace(chosen).update_layout(legend_title_text="")


def groups(
    result: Ancestry, *, own: Mapping[str, str] = MappingProxyType({}), dark: bool = False, height: int = 320
) -> go.Figure:
    """Part of each group in the ancestors and descendants at each time, one bar a time.

    own: colours of groups that were chosen, by name
    """
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y="part of the mass")
    times = format_times(result.times)
    for k, (name, colour) in enumerate(zip(result.names, of_groups(result.names, own), strict=True)):
        hover = "time %{x}: %{y:.1%}<extra>%{fullData.name}</extra>"
        share = result.share[:, k].astype(np.float32)
        figure.add_trace(go.Bar(x=times, y=share, name=theme.safe(name, 28), marker_color=colour, hovertemplate=hover))
    figure.add_vline(
        x=int(np.argmin(np.abs(result.times - result.time))), line={"color": theme.changed(dark), "dash": "dot"}
    )
    figure.update_xaxes(type="category")
    return figure.update_yaxes(tickformat=".0%", range=[0, 1.001]).update_layout(barmode="stack", bargap=0.3)


def describe(result: Ancestry) -> str:
    """The figures in one sentence with their numbers."""
    text = f"{result.chosen}: where their mass comes from, and where it goes."
    parts = []
    for time, share in zip(result.times, result.share, strict=True):
        if len(share) and share.sum() > 0:
            parts.append(f"{share.max():.0%} {result.names[int(share.argmax())]} at {format_time(time)}")
    return f"{text} The largest parts: {', '.join(parts)}." if parts else text


def _relative(result: Ancestry) -> np.ndarray:
    """Weight of each cell over that of an even share of its time."""
    _, code, count = np.unique(result.cell_time, return_inverse=True, return_counts=True)
    return result.weight * count[code]
