"""Parameters of individuals: a bar of 90 % for each, over the band of the population."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import IndividualParameters
from cellflow_core.figures import theme

MOST = 60
"""Individuals that are drawn."""


def parameter(result: IndividualParameters, k: int, *, dark: bool = False, height: int = 260) -> go.Figure:
    """One parameter of all individuals, from its lowest median to its highest; what is known of it as open circles."""
    order = np.argsort(result.values[:, k, 1], kind="stable")
    order = order[np.linspace(0, len(order) - 1, min(len(order), MOST)).round().astype(int)]
    low, middle, high = result.values[order, k].T
    place, blue = np.arange(len(order)), theme.model(dark)
    figure = theme.blank(dark, height=height, x="individuals, by median", y="")
    figure.add_hrect(
        result.population[k, 0], result.population[k, 2], fillcolor=theme.muted_color(dark), opacity=0.16, line_width=0
    )
    figure.add_hline(result.population[k, 1], line={"color": theme.muted_color(dark), "dash": "dash", "width": 1.5})
    figure.add_trace(
        go.Scatter(
            x=place,
            y=middle,
            error_y={"array": high - middle, "arrayminus": middle - low, "color": blue, "thickness": 1.5, "width": 0},
            mode="markers",
            marker={"color": blue, "size": 6},
            customdata=result.subjects[order],
            name="median and 90 %",
            hovertemplate="individual %{customdata}: %{y:.3g}<extra></extra>",
        )
    )
    known = result.known[order, k]
    if np.isfinite(known).any():
        marker = {"symbol": "circle-open", "size": 8, "color": theme.changed(dark), "line": {"width": 2}}
        hover = "in the data: %{y:.3g}<extra></extra>"
        figure.add_trace(go.Scatter(x=place, y=known, mode="markers", marker=marker, name="known", hovertemplate=hover))
    return figure.update_layout(
        showlegend=False,
        title={"text": theme.safe(result.names[k]), "font": {"size": 15}},
        margin={"t": 32, "b": 8, "l": 8, "r": 8},
        xaxis={"showticklabels": False},
    )


def describe(result: IndividualParameters, k: int) -> str:
    """The figure in a sentence with its numbers."""
    middle, (low, _, high) = result.values[:, k, 1], result.population[k]
    return (
        f"{result.names[k]} of {len(middle)} individuals: medians from {middle.min():.3g} to {middle.max():.3g}; "
        f"90 % of the population from {low:.3g} to {high:.3g}."
    )
