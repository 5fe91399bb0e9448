"""Measured expression over groups of cells: violins of one gene, and dots of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import of_groups
from cellflow_core.figures.scatter import subsample

DRAWN_UP_TO = 1_500
"""Cells of a group that its violin is made of."""
_LARGEST = 22
_LONGEST = 18


def violins(
    gene: str,
    values: np.ndarray,
    codes: np.ndarray,
    names: Sequence[str],
    *,
    in_order: bool = False,
    own: Mapping[str, str] = MappingProxyType({}),
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """A violin a group of values [cells] by codes [cells] into names, with the median and the middle half in it.

    own  colours of groups that were chosen, by name
    """
    figure = theme.blank(dark, height=height, y=theme.safe(gene))
    colours = theme.ordered(len(names), dark) if in_order else of_groups(names, own)
    for k, name in enumerate(names):
        held = values[codes == k].astype(np.float32)
        if not len(held):
            continue
        figure.add_trace(
            go.Violin(
                y=held[subsample(len(held), DRAWN_UP_TO)],
                name=theme.safe(name, _LONGEST),
                points=False,
                box={"visible": True, "width": 0.2},
                spanmode="hard",
                line={"color": colours[k], "width": 1.5},
                hoverinfo="name+y",
                scalegroup="genes",
                scalemode="width",
            )
        )
    figure.update_xaxes(showgrid=False, type="category")
    return figure.update_layout(showlegend=False, dragmode=False)


def describe_violins(gene: str, values: np.ndarray, codes: np.ndarray, names: Sequence[str]) -> str:
    """Median and middle half of each group, in one sentence."""
    listed = []
    for k, name in enumerate(names):
        own = values[codes == k]
        if len(own):
            low, middle, high = np.quantile(own, (0.25, 0.5, 0.75))
            listed.append(f"{name} {middle:.3g} ({low:.3g} to {high:.3g})")
    return f"{gene} by group, median and middle half of the cells: {'; '.join(listed)}."


def dots(
    genes: Sequence[str], mean: np.ndarray, share: np.ndarray, names: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """A dot for each gene and group: colour is the mean over cells [genes, groups], from the gene's lowest to its
    highest; size the share of cells with any expression."""
    low, high = mean.min(axis=1, keepdims=True), mean.max(axis=1, keepdims=True)
    scaled = np.divide(mean - low, high - low, out=np.zeros_like(mean), where=high > low)
    x, y = np.meshgrid(np.arange(len(names)), np.arange(len(genes)))
    figure = theme.blank(dark, height=90 + 34 * len(genes)).update_layout(margin_t=8)
    text = [
        f"{theme.safe(gene)} in {theme.safe(name)}: mean {mean[i, k]:.3g}, in {share[i, k]:.0%} of the cells"
        for i, gene in enumerate(genes)
        for k, name in enumerate(names)
    ]
    figure.add_trace(
        go.Scatter(
            x=x.ravel(),
            y=y.ravel(),
            mode="markers",
            showlegend=False,
            text=text,
            hovertemplate="%{text}<extra></extra>",
            marker={
                "size": (3 + _LARGEST * np.sqrt(share.ravel())).astype(np.float32),
                "color": scaled.ravel().astype(np.float32),
                "colorscale": theme.sequential(dark),
                "cmin": 0,
                "cmax": 1,
                "line": {"width": 1, "color": theme.muted_color(dark)},
                "colorbar": {
                    "title": {"text": "mean", "side": "top"},
                    "tickvals": [0, 1],
                    "ticktext": ["lowest", "highest"],
                    "thickness": 10,
                    "len": 0.9,
                },
            },
        )
    )
    shown = [theme.safe(each, _LONGEST) for each in names]
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=shown, range=[-0.6, len(names) - 0.4])
    figure.update_yaxes(
        tickvals=list(range(len(genes))),
        ticktext=[theme.safe(each, _LONGEST) for each in genes],
        range=[len(genes) - 0.4, -0.6],
    )
    figure.update_xaxes(showgrid=False, zeroline=False).update_yaxes(showgrid=False, zeroline=False)
    return figure.update_layout(dragmode=False)


def describe_dots(genes: Sequence[str], mean: np.ndarray, names: Sequence[str]) -> str:
    """In which group each gene is highest, in one sentence."""
    listed = (f"{gene} in {names[int(row.argmax())]} ({row.max():.3g})" for gene, row in zip(genes, mean, strict=True))
    return f"Mean expression over {len(names)} groups; each gene is highest in: {', '.join(listed)}."
