"""Outlines that a person draws around cells in a 2-D view."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray


def in_polygon(points: Float[Array, "n 2"], polygon: Array) -> Bool[Array, " n"]:
    """Which points lie in a polygon [corners, 2] of at least three corners (even-odd rule)."""
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(f"a polygon needs three or more corners (x, y), got an array of shape {corners.shape}")
    points = np.asarray(points, dtype=np.float64)
    around = ((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1)
    x, y = points[around].T  # edges are asked about no others
    inside = np.zeros(len(x), bool)
    for (xa, ya), (xb, yb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ya == yb:
            continue
        crosses = (ya > y) != (yb > y)
        inside ^= crosses & (x < xa + (y - ya) * (xb - xa) / (yb - ya))
    around[around] = inside
    return around


def parse_polygon(outline: str) -> Float[Array, "corners 2"]:
    """The corners of an outline written as "x,y x,y x,y ...". Raises ValueError where it is not one."""
    try:
        rows: Any = [[float(each) for each in pair.split(",")] for pair in outline.split()]
        corners: Any = np.array(rows, dtype=np.float64)
    except ValueError:
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        shown = outline if len(outline) < 40 else outline[:37] + "..."
        raise ValueError(f'the outline {shown!r} is no list of three or more corners such as "0,0 1,0 1,1"')
    return corners


def format_polygon(polygon: Array | tuple[tuple[float, float], ...]) -> str:
    """A polygon [corners, 2] as text that `parse_polygon` reads."""
    return " ".join(f"{x:.6g},{y:.6g}" for x, y in np.asarray(polygon, dtype=np.float64).reshape(-1, 2).tolist())
