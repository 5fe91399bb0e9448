"""What share of each gene a state keeps, genes from the best to the worst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme

LOWEST = -0.5
"""Shares below are drawn here."""
NAMED = 4


def reconstruction(
    genes: Sequence[str], share: np.ndarray, *, chosen: str | None = None, dark: bool = False, height: int = 320
) -> go.Figure:
    """share [genes]: of the variance of each gene, 1 is all, 0 no better than the gene's mean; NaN is left out.

    chosen: a gene to point at
    """
    figure = theme.blank(dark, height=height, x="gene, the best first", y="variance kept (%)")
    order = ranked(share)
    drawn = (100 * np.maximum(share[order], LOWEST)).astype(np.float32)
    rank = np.arange(1, len(order) + 1)
    kind = go.Scatter if len(order) <= 2000 else go.Scattergl
    figure.add_trace(
        kind(
            x=rank,
            y=drawn,
            mode="markers",
            marker={"size": 6 if len(order) <= 300 else 4, "color": theme.model(dark)},
            text=[theme.safe(genes[k]) for k in order],
            customdata=(100 * share[order]).astype(np.float32),
            hovertemplate="%{text}: %{customdata:.1f} %<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_hline(y=0, line={"color": theme.muted_color(dark), "dash": "dash", "width": 1.5})
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=0, yanchor="top", showarrow=False,
        text="its mean in every cell, whatever the state", font={"color": theme.muted_color(dark), "size": 13},
    )  # fmt: skip
    for words, at, side, level in (("best", order[:NAMED], "left", 1.0), ("worst", order[::-1][:NAMED], "right", 0.82)):
        listed = ", ".join(theme.safe(genes[k], 16) for k in at)
        figure.add_annotation(
            x=0.02 if side == "left" else 0.98, xref="paper", xanchor=side, y=level, yref="paper", yanchor="top",
            showarrow=False, text=f"{words}: {listed}", font={"color": theme.text_color(dark), "size": 13},
            bgcolor=theme.page_color(dark), opacity=0.9,
        )  # fmt: skip
    places = [k for k, at in enumerate(order) if genes[at] == chosen]
    for place in places:
        figure.add_trace(
            go.Scatter(
                x=[place + 1],
                y=[float(drawn[place])],
                mode="markers",
                marker={"size": 14, "symbol": "diamond", "color": theme.changed(dark)},
                name=theme.safe(genes[order[place]]),
                hovertemplate=f"{theme.safe(genes[order[place]])}: {100 * share[order[place]]:.1f} %<extra></extra>",
                showlegend=True,
            )
        )
    figure.update_xaxes(showgrid=False, rangemode="nonnegative")
    lowest = float(drawn.min()) if len(drawn) else 0.0
    return figure.update_yaxes(range=[min(-12.0, lowest - 6), 132]).update_layout(dragmode=False)


def ranked(share: np.ndarray) -> np.ndarray:
    """Indices of the genes that vary, the one that is kept best first."""
    order = np.argsort(-np.nan_to_num(share, nan=-np.inf), kind="stable")
    return order[: int(np.isfinite(share).sum())]


def describe(genes: Sequence[str], share: np.ndarray) -> str:
    """The figure in one sentence with its numbers."""
    order = ranked(share)
    if not len(order):
        return "No gene differs between the cells compared."
    best, worst = order[0], order[-1]
    low = int((share[order] < LOWEST).sum())
    beyond = f"; {low:,} genes below {LOWEST:.0%} are drawn there" if low else ""
    return (
        f"Share of the variance kept of {len(order):,} genes: most of {genes[best]} ({share[best]:.0%}), least of "
        f"{genes[worst]} ({share[worst]:.0%}), half of the genes above {np.median(share[order]):.0%}; 0 % is the mean "
        f"of the gene in every cell{beyond}."
    )
