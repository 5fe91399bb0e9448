"""Predicted against measured knock-outs: the genes of one target, and the scores of all rows."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import KnockOutScores
from cellflow_core.figures import theme

NAMED = 8
"""Genes with the largest measured changes, whose names are written."""


def genes(result: KnockOutScores, target: int, *, dark: bool = False, height: int = 420) -> go.Figure:
    """Each gene but the target: measured change across, predicted one up; the line is a perfect prediction."""
    rows = _others(result, target)
    x, y = result.measured[target, rows], result.predicted[target, rows]
    figure = theme.blank(dark, height=height, x="measured change of the mean", y="predicted change")
    figure.add_trace(
        go.Scatter(
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            mode="markers",
            text=[theme.safe(result.genes[k], 24) for k in rows],
            marker={"size": 8, "color": theme.changed(dark)},
            hovertemplate="%{text}: measured %{x:+.3g}, predicted %{y:+.3g}<extra></extra>",
        )
    )
    end = max(float(np.abs(x).max(initial=0)), 1e-9)
    line = {"color": theme.muted_color(dark), "width": 1, "dash": "dot"}
    figure.add_shape(type="line", x0=-end, x1=end, y0=-end, y1=end, line=line)
    figure.add_hline(y=0, line={"color": theme.muted_color(dark), "width": 1})
    for k in np.argsort(-np.abs(x), kind="stable")[:NAMED]:
        note = theme.label(float(x[k]), float(y[k]), theme.safe(result.genes[rows[k]], 16), dark)
        figure.add_annotation(**{**note, "yshift": 14})
    return figure


def describe_genes(result: KnockOutScores, target: int, count: int = 5) -> str:
    """The largest measured changes beside what was predicted, in one sentence."""
    rows = _others(result, target)
    largest = rows[np.argsort(-np.abs(result.measured[target, rows]), kind="stable")[:count]]
    listed = ", ".join(
        f"{result.genes[k]} {result.measured[target, k]:+.3g} (predicted {result.predicted[target, k]:+.3g})"
        for k in largest
    )
    return f"Measured and predicted change of {len(rows)} genes without {result.targets[target]}: {listed}."


def _others(result: KnockOutScores, target: int) -> np.ndarray:
    return np.array([k for k, gene in enumerate(result.genes) if gene != result.targets[target]], dtype=int)
