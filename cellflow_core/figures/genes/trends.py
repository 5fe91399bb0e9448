"""One gene along an order of the cells, a line with its interval for each group or fate."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import GroupTrends
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.analysis.results.regulation import LEAST_CELLS
from cellflow_core.figures import legend, theme
from cellflow_core.figures.cells.colouring import of_groups

_DASHES = ("solid", "dash", "dot", "dashdot")


def trends(
    result: GroupTrends,
    *,
    own: Mapping[str, str] = MappingProxyType({}),
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """Traces: for each group its interval and its mean. own: colours of groups that were chosen, by name."""
    figure = theme.blank(dark, height=height, x=theme.safe(result.order), y=theme.safe(result.gene))
    for k, (name, colour) in enumerate(zip(result.names, of_groups(result.names, own), strict=True)):
        there = np.isfinite(result.mean[k])
        if not there.any():
            continue
        x, mean, low, high = (
            each[there].astype(np.float32) for each in (result.at, result.mean[k], result.low[k], result.high[k])
        )
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([x, x[::-1]]),
                y=np.concatenate([high, low[::-1]]),
                mode="lines",
                fill="toself",
                fillcolor=theme.faint(colour),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                name=f"{theme.safe(name)}, interval",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=mean,
                mode="lines+markers",
                name=theme.safe(name, 28),
                line={"color": colour, "width": 2.5, "dash": _DASHES[k % len(_DASHES)]},
                marker={"size": 5},
                hovertemplate="%{y:.3g} at %{x:.4~g}<extra>%{fullData.name}</extra>",
            )
        )
    return legend.with_room(figure.update_layout(showlegend=True))


def describe(result: GroupTrends) -> str:
    """Where each group begins and ends, in one sentence."""
    listed = []
    for name, mean in zip(result.names, result.mean, strict=True):
        there = mean[np.isfinite(mean)]
        if len(there):
            listed.append(f"{name} from {there[0]:.3g} to {there[-1]:.3g}, highest {there.max():.3g}")
    return f"Mean of {result.gene} along {result.order}: {'; '.join(listed) or 'too few cells'}."


def missing(result: GroupTrends, row: str = "cell") -> str:
    """Which groups have no line and why, in one sentence; "" where each has one. row: what was measured at one time."""
    without = [k for k, mean in enumerate(result.mean) if not np.isfinite(mean).any()]
    if not without:
        return ""
    fewest = f"at no point along {result.order} {{}} {LEAST_CELLS:g} {row}s or more, so that a mean would say little"
    if len(without) == len(result.names):
        return f"There is no line to draw: {fewest.format('has a group')}. Choose groups of more {row}s, or no groups."
    names = joined([result.names[k] for k in without], 5)
    return f"There is no line for {names}: {fewest.format('are there')}."
