"""The relief of a landscape: its surface in colour with contour lines, and the pale rim beyond the cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Landscape
from cellflow_core.figures import theme
from cellflow_core.figures.scene.surface import Mesh, blurred, continued

UNKNOWN = -0.25
"""Colour value of places where no share is known, below all shares."""
BAR = {
    "orientation": "h",
    "len": 0.34,
    "thickness": 8,
    "x": 0.98,
    "xanchor": "right",
    "y": 0.01,
    "yanchor": "bottom",
}


def body(result: Landscape, mesh: Mesh, levels: np.ndarray, by: str, dark: bool) -> go.Surface:
    """The surface, with contour lines at these levels on it and below it; coloured `by` height, or by the share of the
    motion that is no gradient, grey where none of the cells are that it was told of."""
    unit = theme.safe(result.unit)
    step = float(levels[1] - levels[0])
    return go.Surface(
        x=mesh.x.astype(np.float32),
        y=mesh.y.astype(np.float32),
        z=mesh.z.astype(np.float32),
        **(_height(unit, levels, dark) if by == "height" else _non_gradient(result, mesh, dark)),
        name="landscape",
        connectgaps=False,
        showlegend=False,
        contours={
            "z": {
                "show": True,
                "start": float(levels[0]),
                "end": float(levels[-1]),
                "size": step,
                "width": 1,
                "color": theme.contour_color(dark),
                "usecolormap": False,
                "project": {"z": True},
            }
        },
        lighting={"ambient": 0.5, "diffuse": 0.7, "specular": 0.1, "roughness": 0.6, "fresnel": 0.1},
        lightposition={"x": -5_000, "y": -10_000, "z": 12_000},
    )


def rim(mesh: Mesh, dark: bool) -> go.Surface:
    """Beyond the cells: pale, and paler outwards."""
    colour = theme.background_point_color(dark)
    return go.Surface(
        x=mesh.x.astype(np.float32),
        y=mesh.y.astype(np.float32),
        z=mesh.z.astype(np.float32),
        surfacecolor=mesh.far.astype(np.float32),
        cmin=0,
        cmax=1,
        colorscale=[[0, colour], [1, colour]],
        opacityscale=[[0, 0.55], [1, 0.0]],
        showscale=False,
        showlegend=False,
        hoverinfo="skip",
        name="no cells here",
        lighting={"ambient": 0.9, "diffuse": 0.3, "specular": 0},
    )


def _height(unit: str, levels: np.ndarray, dark: bool) -> dict[str, Any]:
    """Colour by height."""
    title = {"text": f"height ({unit})", "side": "top"}
    return {
        "colorscale": theme.terrain(dark),
        "cmin": float(levels[0]),
        "cmax": float(levels[-1]),
        "hovertemplate": f"height %{{z:.3g}} ({unit})<extra></extra>",
        "colorbar": {**BAR, "title": title, "tickvals": levels[:: -(-len(levels) // 5)].tolist()},
    }


def _non_gradient(result: Landscape, mesh: Mesh, dark: bool) -> dict[str, Any]:
    """Colour by the share of the squared velocity that no potential explains. Raises ValueError for a model without a
    field."""
    if result.local_non_gradient is None:
        raise ValueError("this model has no velocity field, so no part of it can be a gradient or not")
    column, row = (
        np.clip(np.rint((place - axis[0]) / (axis[1] - axis[0])).astype(int), 0, len(axis) - 1)
        for place, axis in ((mesh.x, result.x), (mesh.y, result.y))
    )
    share, grey = result.local_non_gradient[row, column], theme.background_point_color(dark)
    edge = blurred(np.isfinite(share).astype(float), passes=2)  # 0.5 where the places of known shares end
    known = edge >= 0.5
    share = continued(share, np.isfinite(share))
    coloured = np.where(known, share, np.maximum(UNKNOWN, share + (edge - 0.5) * 4))
    colours = theme.sequential(dark)
    zero = -UNKNOWN / (1 - UNKNOWN)
    steps = [[zero + (1 - zero) * k / (len(colours) - 1), each] for k, each in enumerate(colours)]
    words = np.where(known, np.char.add(np.char.mod("%.0f", 100 * share), "% is no gradient"), "")
    return {
        "surfacecolor": coloured.astype(np.float32),
        "colorscale": [[0.0, grey], [zero - 0.01, grey], *steps],
        "cmin": UNKNOWN,
        "cmax": 1.0,
        "text": words.astype(object),
        "hovertemplate": "%{text}<extra></extra>",
        "colorbar": {
            **BAR,
            "title": {"text": "share that is no gradient", "side": "top"},
            "tickvals": [0.0, 0.5, 1.0],
            "ticktext": ["0%", "50%", "100%"],
        },
    }
