"""A screen of genes as a volcano plot: the change of one terminal state, against how sure it is."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import PerturbationScreen
from cellflow_core.analysis.results.perturbation import MAX_EXTRAPOLATED
from cellflow_core.analysis.results.screen import SURE
from cellflow_core.figures import theme

NAMED = 10
"""Genes with the largest changes, whose names are written."""
_MOST = 50.0
"""Largest -log10 q that is drawn: where all cells change alike it has no bound."""


def volcano(result: PerturbationScreen, fate: int, *, dark: bool = False, height: int = 460) -> go.Figure:
    """Every perturbed gene. Traces: changes that count, the others, and genes whose cells leave the data (open)."""
    change, q = 100 * result.change[:, fate], result.q[:, fate]
    sure = np.minimum(-np.log10(np.maximum(q, 1e-300)), _MOST)
    far, counts = result.outside > MAX_EXTRAPOLATED, q < SURE
    figure = theme.blank(
        dark,
        height=height,
        x=f"change of {theme.safe(result.names[fate])} (percentage points)",
        y="−log₁₀ q",
    )
    groups = (
        (counts & ~far, "changes", theme.changed(dark), "circle"),
        (~counts & ~far, "no change", theme.muted_color(dark), "circle"),
        (far, "cells leave the data", theme.changed(dark), "circle-open"),
    )
    for mask, name, colour, symbol in groups:
        rows = np.flatnonzero(mask & result.perturbed)
        if not len(rows):
            continue
        figure.add_trace(
            go.Scatter(
                x=change[rows].astype(np.float32),
                y=sure[rows].astype(np.float32),
                mode="markers",
                name=name,
                text=[theme.safe(result.genes[k], 24) for k in rows],
                marker={"size": 9, "color": colour, "symbol": symbol, "line": {"width": 2}},
                customdata=np.stack([q[rows], 100 * result.outside[rows]], axis=1),
                hovertemplate="%{text}: %{x:+.1f} points, q %{customdata[0]:.2g}, "
                "%{customdata[1]:.0f} % outside the data<extra></extra>",
            )
        )
    for (x, y), names in _names_by_place(result, fate, change, sure).items():
        figure.add_annotation(**{**theme.label(x, y, ", ".join(names), dark), "yshift": 18})
    top = float(np.nanmax(sure, initial=2.0))
    figure.update_yaxes(range=[-0.06 * top, 1.2 * top])
    figure.add_hline(y=-np.log10(SURE), line={"color": theme.muted_color(dark), "width": 1, "dash": "dot"})
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1})
    return figure


def _names_by_place(
    result: PerturbationScreen, fate: int, change: np.ndarray, sure: np.ndarray
) -> dict[tuple[float, float], list[str]]:
    """Names of the genes with the largest changes; genes that lie on each other share one label."""
    found: dict[tuple[float, float], list[str]] = {}
    for k in largest(result, fate, NAMED):
        found.setdefault((round(float(change[k]), 0), round(float(sure[k]), 1)), []).append(
            theme.safe(result.genes[k], 16)
        )
    return found


def largest(result: PerturbationScreen, fate: int, count: int) -> list[int]:
    """Genes with the largest changes that count, the largest first."""
    size = np.where(result.q[:, fate] < SURE, np.abs(result.change[:, fate]), 0.0)
    return [int(k) for k in np.argsort(-size, kind="stable")[:count] if size[k] > 0]


def describe(result: PerturbationScreen, fate: int) -> str:
    """The largest changes in one sentence with their numbers."""
    listed = ", ".join(f"{result.genes[k]} {100 * result.change[k, fate]:+.0f}" for k in largest(result, fate, 5))
    what = f"Volcano plot of {int(result.perturbed.sum())} genes and the share of {result.names[fate]}"
    return f"{what}; largest changes in percentage points: {listed}." if listed else f"{what}; none changes it."
