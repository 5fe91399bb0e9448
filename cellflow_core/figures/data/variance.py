"""How much of the variance of the genes each axis carries, and all up to it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme


def variance(shares: np.ndarray, *, dark: bool = False, height: int = 260) -> go.Figure:
    """shares [dim]: share of all variance that each component carries, 0 to 1, largest first."""
    figure = theme.blank(dark, height=height, x="principal component", y="share of variance (%)")
    at = np.arange(1, len(shares) + 1)
    each, total = (100 * np.asarray(shares)).astype(np.float32), (100 * np.cumsum(shares)).astype(np.float32)
    figure.add_trace(
        go.Bar(
            x=at,
            y=each,
            name="each",
            marker={"color": theme.model(dark)},
            hovertemplate="PC%{x}: %{y:.2f} %<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=at,
            y=total,
            name="all up to it",
            mode="lines",
            line={"color": theme.changed(dark), "width": 2.5},
            hovertemplate="first %{x}: %{y:.1f} %<extra></extra>",
        )
    )
    figure.update_xaxes(showgrid=False, rangemode="nonnegative")
    figure.update_yaxes(rangemode="tozero")
    return figure.update_layout(bargap=0.2, dragmode=False)


def describe(shares: np.ndarray) -> str:
    """The figure in one sentence with its numbers."""
    if not len(shares):
        return "No component carries variance."
    half = np.flatnonzero(np.cumsum(shares) >= shares.sum() / 2)[0] + 1
    return (
        f"{len(shares)} principal components carry {shares.sum():.0%} of the variance of the genes; the first alone "
        f"{shares[0]:.0%}, and half of what they carry lies in the first {half}."
    )
