"""Root and end states of arrows on a map: a square and stars, told apart by shape, colour and name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from cellflow_core.figures import theme
from cellflow_core.figures.cells.packed_map import Mark

SYMBOLS = {"root": "square", "end": "star"}
LEGEND = {"root": "root state", "end": "end states"}
MOST = 12
"""End states that are marked, those with the largest shares first."""


def root_and_ends(
    root: tuple[str, Float[np.ndarray, " 2"]] | None, ends: Sequence[tuple[str, Float[np.ndarray, " 2"]]]
) -> tuple[Mark, ...]:
    """Marks of the root (None: its place is not known) and of the first ends, by (name, place [2] on the map)."""
    every = [*([("root", *root)] if root else []), *(("end", *each) for each in ends[:MOST])]
    return tuple(Mark(float(x), float(y), kind, name) for kind, name, (x, y) in every if np.isfinite([x, y]).all())


def colours(dark: bool) -> dict[str, str]:
    """Of each kind of mark."""
    return {"root": theme.model(dark), "end": theme.changed(dark)}


def traces(marks: Sequence[Mark], dark: bool) -> list[go.Scatter]:
    """A trace, with its entry in the legend, for the root and for the ends, where there are some."""
    found = []
    for kind, symbol in SYMBOLS.items():
        here = [each for each in marks if each.kind == kind]
        if not here:
            continue
        found.append(
            go.Scatter(
                x=[each.x for each in here],
                y=[each.y for each in here],
                mode="markers+text",
                name=LEGEND[kind],
                showlegend=True,
                text=[f"<b>{theme.safe(each.name, 24)}</b>" for each in here],
                textposition="top center",
                textfont={"size": 14, "color": theme.text_color(dark), "shadow": f"0 0 3px {theme.page_color(dark)}"},
                hovertemplate=f"{kind} state: %{{text}}<extra></extra>",
                marker={
                    "symbol": symbol,
                    "size": 17 if kind == "end" else 14,
                    "color": colours(dark)[kind],
                    "line": {"width": 2, "color": theme.page_color(dark)},
                },
            )
        )
    return found
