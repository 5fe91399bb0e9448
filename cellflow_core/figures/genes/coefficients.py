"""The terms in the equation of a gene, as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import GeneEquations
from cellflow_core.figures import theme


def coefficients(
    result: GeneEquations, gene: int, names: Sequence[str], most: int = 20, *, dark: bool = False
) -> go.Figure:
    """Bars of the largest coefficients in the equation of a gene; names: of its terms, the largest first."""
    terms = result.largest(gene)[:most]
    values = result.coefficients[gene, terms].astype(np.float32)
    figure = theme.blank(dark, height=110 + 24 * max(len(terms), 1), x=theme.safe(result.quantity))
    figure.add_trace(
        go.Bar(
            y=[theme.safe(each, 24) for each in names[: len(terms)]],
            x=values,
            orientation="h",
            marker={
                "color": [theme.model(dark) if value > 0 else theme.changed(dark) for value in values],
                "pattern": {
                    "shape": ["" if value > 0 else "/" for value in values],
                    "fgcolor": theme.page_color(dark),
                    "size": 6,
                    "fillmode": "overlay",
                },
            },
            hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(showlegend=False, bargap=0.25, dragmode=False)
