"""What a model predicts for early cells of clones, against what became of the clones."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import ClonalBias
from cellflow_core.figures import theme

JITTER = 0.03
"""How far points are moved up or down at most, so that clones of the same share are seen apart; the page says so."""


def clones(result: ClonalBias, *, dark: bool = False, height: int = 420) -> go.Figure:
    """One point a clone: the mean prediction for its early cells against the share among its later ones; larger where
    more later cells were met. Traces: a guide where both are the same, clones by what they mostly became."""
    a, b = (theme.safe(each, 28) for each in result.names)
    figure = theme.blank(dark, height=height, x=f"predicted share of {a}", y=f"share of {a} among later cells")
    guide = {"color": theme.muted_color(dark), "dash": "dot", "width": 1.5}
    figure.add_trace(
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line=guide, hoverinfo="skip", name="as predicted", showlegend=False
        )
    )
    _, first, which = np.unique(result.clone, return_index=True, return_inverse=True)
    size = np.bincount(which)
    predicted = np.bincount(which, result.predicted) / size
    observed = np.bincount(which, result.observed) / size
    later = result.later[first]
    jittered = observed + np.random.default_rng(0).uniform(-JITTER, JITTER, len(first))
    jittered = np.where(jittered > 1, 2 - jittered, np.abs(jittered))  # a share beyond 0 or 1 there is not
    sides = (
        (f"mostly {a}", observed > 0.5, theme.CATEGORICAL[0]),
        (f"mostly {b}", observed < 0.5, theme.CATEGORICAL[1]),
        ("as many of either", observed == 0.5, theme.muted_color(dark)),
    )
    for name, chosen, colour in sides:
        if chosen.any():
            figure.add_trace(
                go.Scatter(
                    x=predicted[chosen].astype(np.float32),
                    y=jittered[chosen].astype(np.float32),
                    mode="markers",
                    name=name,
                    marker={
                        "size": np.clip(5 + 2.5 * np.sqrt(later[chosen]), 6, 22).astype(np.float32),
                        "color": colour,
                        "opacity": 0.65,
                        "line": {"width": 0},
                    },
                    customdata=np.stack([observed, later, size], axis=1)[chosen].astype(np.float32),
                    hovertemplate="predicted %{x:.0%}, among %{customdata[1]:.0f} later cells %{customdata[0]:.0%} "
                    "(%{customdata[2]:.0f} early)<extra></extra>",
                )
            )
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%")
    return figure.update_yaxes(range=[-0.06, 1.06], tickformat=".0%")


def curve(result: ClonalBias, *, dark: bool = False, height: int = 420) -> go.Figure:
    """Receiver operating characteristic over the early cells: traces with growth counted and, where it makes a
    difference, each descendant once; then guessing. The area under a curve is its AUROC."""
    a, b = (theme.safe(each, 28) for each in result.names)
    figure = theme.blank(dark, height=height, x=f"of those to {b}, taken for {a}", y=f"of those to {a}, found")
    rows = [("AUROC", result.predicted, result.auroc, theme.model(dark), "solid")]
    if not np.array_equal(result.predicted, result.without_growth):
        rows = [
            ("growth counted", result.predicted, result.auroc, theme.model(dark), "solid"),
            ("each descendant once", result.without_growth, result.ungrown_auroc, theme.CATEGORICAL[3], "dash"),
        ]
    for name, predicted, (low, value, high), colour, dash in rows:
        wrong, found = _rates(predicted, result.observed)
        text = f"{name}: {value:.2f} ({low:.2f} to {high:.2f})" if np.isfinite(value) else name
        figure.add_trace(
            go.Scatter(x=wrong, y=found, mode="lines", name=text, line={"color": colour, "width": 3, "dash": dash})
        )
    guide = {"color": theme.muted_color(dark), "dash": "dot", "width": 1.5}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="guessing: 0.50", line=guide))
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    return figure.update_yaxes(range=[0, 1.02], tickformat=".0%")


def describe(result: ClonalBias) -> str:
    """Both figures in one sentence with their numbers."""
    low, value, high = result.auroc
    count = len(np.unique(result.clone))
    text = (
        f"Predicted share of {result.names[0]} against {result.names[1]} for {len(result.clone):,} early cells of "
        f"{count:,} clones, beside the share among their later cells: AUROC {value:.2f} ({low:.2f} to {high:.2f})"
    )
    if np.array_equal(result.predicted, result.without_growth):
        return f"{text}; guessing has 0.50."
    low, value, high = result.ungrown_auroc
    return f"{text}, with growth left out {value:.2f} ({low:.2f} to {high:.2f}); guessing has 0.50."


def _rates(predicted: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(share of the low ones, share of the high ones) predicted at least so high, for every cut from high to low."""
    high, low = predicted[observed > 0.5], predicted[observed < 0.5]
    cuts = np.concatenate([[np.inf], np.unique(predicted)[::-1]])
    wrong, found = ((each[:, None] >= cuts).mean(axis=0) if len(each) else np.zeros(len(cuts)) for each in (low, high))
    return wrong.astype(np.float32), found.astype(np.float32)
