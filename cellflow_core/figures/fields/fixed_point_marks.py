"""Fixed points of a field on a map."""

from __future__ import annotations

import plotly.graph_objects as go

from cellflow_core.analysis.results import FixedPoints
from cellflow_core.figures import theme
from cellflow_core.figures.cells.packed_map import Mark

SYMBOLS = {"attractor": "circle", "saddle": "x-thin-open", "repeller": "circle-open"}


def traces(points: FixedPoints, dark: bool) -> list[go.Scatter]:
    """A trace for each kind of fixed point that has cells around it, numbered as `names` does."""
    every = names(points)
    found = []
    for kind, symbol in SYMBOLS.items():
        rows = [k for k, each in enumerate(points.kinds) if each == kind and points.supported[k]]
        if not rows:
            continue
        filled = symbol == "circle"
        colour = theme.changed(dark)
        found.append(
            go.Scatter(
                x=points.places[rows, 0],
                y=points.places[rows, 1],
                mode="markers+text",
                name=kind,
                text=[every[k] for k in rows],
                textposition="top right",
                textfont={"size": 14, "color": theme.text_color(dark)},
                hovertemplate=f"{kind} %{{text}}<extra></extra>",
                marker={
                    "symbol": symbol,
                    "size": 13,
                    "color": colour,
                    "line": {"width": 2, "color": theme.page_color(dark) if filled else colour},
                },
            )
        )
    return found


def names(points: FixedPoints) -> tuple[str, ...]:
    """A short name for each: A1, A2 for attractors, S1 for saddles, R1 for repellers, in their order."""
    counts = dict.fromkeys(SYMBOLS, 0)
    found = []
    for kind in points.kinds:
        counts[kind] += 1
        found.append(f"{kind[0].upper()}{counts[kind]}")
    return tuple(found)


def marks(points: FixedPoints) -> list[Mark]:
    """The same for a map drawn by the browser."""
    return [
        Mark(float(x), float(y), kind, name)
        for (x, y), kind, name, near in zip(points.places, points.kinds, names(points), points.supported, strict=True)
        if near
    ]
