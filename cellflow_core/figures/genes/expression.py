"""Measured expression over groups of cells: violins of one gene, and dots of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import of_groups

OUTLINE = 48
"""Levels at which the outline of a violin is drawn."""
_BINS = 256
_LARGEST = 22
_LONGEST = 18
_HALF = 0.42
"""Half the width of a violin; groups are 1 apart."""


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

    Drawn as outlines of all cells, not as plotly's violins: a browser needs half a second for densities of thousands.
    own: colours of groups that were chosen, by name.
    """
    figure = theme.blank(dark, height=height, y=theme.safe(gene))
    colours = theme.ordered(len(names), dark) if in_order else of_groups(names, own)
    shown = [theme.safe(each, _LONGEST) for each in names]
    there, middles = [], []
    for k, name in enumerate(shown):
        held = values[codes == k]
        if not len(held):
            continue
        there.append(k)
        middles.append(np.quantile(held, (0.25, 0.5, 0.75)))
        level, width = outline(held)
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([k + _HALF * width, k - _HALF * width[::-1]]).astype(np.float32),
                y=np.concatenate([level, level[::-1]]).astype(np.float32),
                mode="lines",
                fill="toself",
                fillcolor=theme.faint(colours[k], 0.5),
                line={"color": colours[k], "width": 1.5},
                name=name,
                hoverinfo="skip",
            )
        )
    if there:
        figure.add_traces(_boxes(np.array(there), np.stack(middles), [shown[k] for k in there], dark))
    _name_groups(figure, shown)
    figure.update_xaxes(showgrid=False, zeroline=False)
    return figure.update_layout(showlegend=False, dragmode=False)


def outline(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(level, density over its maximum), [OUTLINE] each, between the smallest and the largest of values [cells].

    Gaussian kernels of the width 1.06 min(sd, IQR / 1.34) n^(-1/5) (Silverman 1986, eq. 3.28 and 3.30; the standard
    deviation where the middle half is one value), on a histogram that is at least as fine as what is drawn.
    """
    low, high = float(values.min()), float(values.max())
    level = np.linspace(low, high, OUTLINE)
    if low == high:
        return level, np.ones(OUTLINE)
    count, edges = np.histogram(values, _BINS, (low, high))
    spread, half = float(values.std()), float(np.subtract(*np.quantile(values, (0.75, 0.25)))) / 1.34
    width = max(1.06 * (min(spread, half) or spread) * len(values) ** -0.2, edges[1] - edges[0])
    at = (edges[1:] + edges[:-1]) / 2
    density = np.exp(-np.square((level[:, None] - at) / width) / 2) @ count
    return level, density / density.max()


def _name_groups(figure: go.Figure, shown: list[str]) -> None:
    """One tick each, which a narrow figure does not leave out either."""
    places = {"tickvals": list(range(len(shown))), "ticktext": shown, "range": [-0.6, len(shown) - 0.4]}
    figure.update_xaxes(places, ticklabeloverflow="allow", automargin=True)


def _boxes(at: np.ndarray, middles: np.ndarray, names: Sequence[str], dark: bool) -> list[go.Scatter]:
    """The middle half of each group as a bar and its median as a point; middles: quartiles [groups, 3]."""
    gap = np.full(len(at), np.nan)
    ink = theme.text_color(dark)
    bars = go.Scatter(
        x=np.stack([at, at, gap], axis=1).ravel().astype(np.float32),
        y=np.stack([middles[:, 0], middles[:, 2], gap], axis=1).ravel().astype(np.float32),
        mode="lines",
        line={"color": ink, "width": 5},
        hoverinfo="skip",
        name="middle half of the cells",
    )
    text = [
        f"{name}: median {b:.3g}, middle half {a:.3g} to {c:.3g}"
        for name, (a, b, c) in zip(names, middles, strict=True)
    ]
    medians = go.Scatter(
        x=at.astype(np.float32),
        y=middles[:, 1].astype(np.float32),
        mode="markers",
        marker={"color": theme.page_color(dark), "size": 9, "line": {"color": ink, "width": 2}},
        text=text,
        hovertemplate="%{text}<extra></extra>",
        name="median",
    )
    return [bars, medians]


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
    _name_groups(figure, shown)
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
