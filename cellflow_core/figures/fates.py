"""Share of cells that end in each terminal state, predicted and measured."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Fates
from cellflow_core.figures import theme


def fates(result: Fates, *, dark: bool = False, height: int = 360) -> go.Figure:
    """Traces: predicted share with its interval, measured share of the last time."""
    figure = theme.blank(dark, height=height, y="share of cells")
    names = [theme.safe(each) for each in result.names]
    share = result.share.astype(np.float32)
    interval = {
        "type": "data",
        "symmetric": False,
        "width": 6,
        "thickness": 1.8,
        "color": theme.ink(dark),
        "array": (result.high - result.share).astype(np.float32),
        "arrayminus": (result.share - result.low).astype(np.float32),
    }
    hover = "%{x}: %{y:.1%}<extra>%{fullData.name}</extra>"
    figure.add_trace(
        go.Bar(
            x=names, y=share, name="predicted", marker_color=theme.model(dark), error_y=interval, hovertemplate=hover
        )
    )
    measured = result.measured.astype(np.float32)
    figure.add_trace(
        go.Bar(x=names, y=measured, name="measured at the last time", marker_color=theme.OTHER, hovertemplate=hover)
    )
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero").update_layout(barmode="group", bargap=0.35)


def describe(result: Fates) -> str:
    """The figure in one sentence with its numbers."""
    rows = zip(result.names, result.share, result.low, result.high, result.measured, strict=True)
    listed = "; ".join(f"{n} {s:.0%} ({a:.0%} to {b:.0%}), measured {m:.0%}" for n, s, a, b, m in rows)
    return f"Predicted share of cells in each state, with its 95 % interval, beside the measured: {listed}."
