"""Networks of genes: the regulators that act most, the targets of one, the matrix, and the overlap of trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import FateInfluence, GeneNetwork
from cellflow_core.figures import theme
from cellflow_core.figures.data import network

DRAWN = 30
"""Edges of the picture of a network."""
SHOWN = 40
"""Genes of the matrix: those that act and are acted on most."""


def regulators(result: GeneNetwork, most: int = 20, *, dark: bool = False) -> go.Figure:
    """Bars of the genes that act most on others: summed size of what they activate, and of what they repress."""
    first = np.argsort(-result.outgoing, kind="stable")[:most]
    figure = theme.blank(dark, height=110 + 24 * len(first), x="outgoing influence")
    looks = ((1, "activation", theme.model(dark), ""), (-1, "repression", theme.changed(dark), "/"))
    for sign, name, colour, shape in looks:
        part = np.where(np.sign(result.edges) == sign, np.abs(result.edges), 0.0).sum(axis=0)
        figure.add_trace(
            go.Bar(
                y=[theme.safe(result.genes[k], 24) for k in first],
                x=part[first].astype(np.float32),
                orientation="h",
                name=name,
                marker={
                    "color": colour,
                    "pattern": {"shape": shape, "fgcolor": theme.page_color(dark), "size": 6, "fillmode": "overlay"},
                },
                hovertemplate="%{y}: %{x:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(barmode="stack", bargap=0.25)


def describe_regulators(result: GeneNetwork, most: int = 5) -> str:
    first = np.argsort(-result.outgoing, kind="stable")[:most]
    listed = ", ".join(f"{result.genes[k]} {result.outgoing[k]:.3g}" for k in first)
    return f"Summed influence of a gene on the {len(result.genes) - 1:,} others, largest first: {listed}."


def regulon(result: GeneNetwork, gene: str, most: int = 12, *, dark: bool = False) -> go.Figure:
    """The genes that one acts on most, around it: a point activates, a bar at the end of a dashed line represses."""
    source, targets = _targets(result, gene, most)
    shown = (source, *targets)
    acts = np.zeros((len(shown), len(shown)))
    acts[1:, 0] = result.edges[list(targets), source]
    return network.network(acts, [result.genes[k] for k in shown], center=True, dark=dark)


def describe_regulon(result: GeneNetwork, gene: str, most: int = 12) -> str:
    source, targets = _targets(result, gene, most)
    named = [(result.edges[k, source], result.genes[k]) for k in targets]
    listed = ", ".join(f"{'activates' if score > 0 else 'represses'} {name} ({score:.3g})" for score, name in named)
    return f"{gene} {listed}." if targets else f"{gene} acts on no other gene."


def strongest(result: GeneNetwork, *, dark: bool = False) -> go.Figure:
    """The strongest edges, at most DRAWN, as a network of the genes that they join; of all genes where the truth can
    stand beside it."""
    edges = result.strongest(min(result.top, DRAWN))
    joined = sorted({gene for edge in edges for gene in edge})
    shown = joined if result.truth is None else list(range(len(result.genes)))
    acts = np.zeros((len(shown), len(shown)))
    for target, source in edges:
        acts[shown.index(target), shown.index(source)] = np.sign(result.score[target, source])
    return network.network(acts, [result.genes[k] for k in shown], dark=dark)


def describe_strongest(result: GeneNetwork) -> str:
    edges = result.strongest(min(result.top, DRAWN))
    listed = "; ".join(
        f"{result.genes[j]} {'activates' if result.score[i, j] > 0 else 'represses'} {result.genes[i]}"
        for i, j in edges
    )
    return f"The {len(edges)} strongest edges: {listed}."


def matrix(result: GeneNetwork, *, dark: bool = False) -> go.Figure:
    """Influence of sources (columns) on targets (rows) as colours, with the sign of the strongest edges; what a gene
    does to itself is left blank."""
    busy = np.abs(result.edges).sum(axis=0) + np.abs(result.edges).sum(axis=1)
    kept = np.sort(np.argsort(-busy, kind="stable")[:SHOWN])
    values = np.where(np.eye(len(kept), dtype=bool), np.nan, result.score[np.ix_(kept, kept)]).astype(np.float32)
    names = [theme.safe(result.genes[k], 16) for k in kept]
    strong = np.zeros(result.score.shape, dtype=int)
    for edge in result.strongest(result.top):
        strong[edge] = np.sign(result.score[edge])
    signs = np.array(["−", "", "+"])[strong[np.ix_(kept, kept)] + 1]
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    figure = theme.blank(dark, height=180 + max(14 * len(kept), 160), x="source", y="target")
    figure.add_trace(
        go.Heatmap(
            z=values,
            x=names,
            y=names,
            zmin=-most or -1.0,
            zmax=most or 1.0,
            colorscale=[list(each) for each in theme.diverging(dark)],
            colorbar={
                "title": {"text": theme.safe(result.unit or "score"), "side": "top", "font": {"size": 14}},
                "thickness": 10,
                "len": 0.9,
            },
            text=signs,
            texttemplate="%{text}",
            hovertemplate="source %{x}, target %{y}: %{z:.3g}<extra></extra>",
            hoverongaps=False,
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(side="bottom", tickangle=-60, showgrid=False, constrain="domain", tickfont={"size": 12})
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"size": 12})
    return figure.update_layout(dragmode=False)


def describe_matrix(result: GeneNetwork) -> str:
    edges = result.strongest(5)
    listed = "; ".join(f"{result.genes[j]} on {result.genes[i]} {result.score[i, j]:.3g}" for i, j in edges)
    return f"Influence of each gene on each other, {len(result.genes):,} genes; the largest: {listed or 'none'}."


def influence(result: FateInfluence, fate: str, most: int = 20, *, dark: bool = False) -> go.Figure:
    """Bars of the genes that push most towards a fate, with 8 of 10 cells."""
    k = result.names.index(fate)
    first = np.argsort(-result.influence[k], kind="stable")[:most]
    value, low, high = (each[k, first] for each in (result.influence, result.low, result.high))
    figure = theme.blank(dark, height=110 + 22 * len(first), x=f"influence on the velocity towards {theme.safe(fate)}")
    figure.add_trace(
        go.Bar(
            y=[theme.safe(result.genes[g], 24) for g in first],
            x=value.astype(np.float32),
            orientation="h",
            marker={"color": theme.model(dark)},
            error_x=theme.error_bars(np.minimum(low, value), value, np.maximum(high, value), dark),
            hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        )
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def describe_influence(result: FateInfluence, fate: str) -> str:
    k = result.names.index(fate)
    first = np.argsort(-result.influence[k], kind="stable")[:5]
    listed = ", ".join(
        f"{result.genes[g]} {result.influence[k, g]:.3g} ({result.low[k, g]:.3g} to {result.high[k, g]:.3g})"
        for g in first
    )
    return f"Influence on the velocity towards {fate} ({result.unit}), largest first: {listed}."


def _targets(result: GeneNetwork, gene: str, most: int) -> tuple[int, Sequence[int]]:
    """(place of the gene, places of the genes it acts on most)."""
    source = result.genes.index(gene)
    size = np.abs(result.edges[:, source])
    return source, [int(k) for k in np.argsort(-size, kind="stable")[:most] if size[k] > 0]
