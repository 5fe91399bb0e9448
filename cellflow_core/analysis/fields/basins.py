"""Basins of a surface on a grid: where a ball comes to rest, what it climbs to leave, and which cells are there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray
DEPTH = 0.04
"""A dip that is shallower than this share of the height of the surface is no basin of its own."""


class Basins(NamedTuple):
    """Basins, the deepest first.

    of       [rows, columns]: the basin of each grid point, -1 off the surface
    lowest   [basins]: flat index of the lowest point
    barrier  [basins]: height of the lowest saddle above it, NaN where none leads out
    """

    of: Int[Array, "rows columns"]
    lowest: Int[Array, " basins"]
    barrier: Float[Array, " basins"]


def find_basins(height: Float[Array, "rows columns"], depth: float = DEPTH) -> Basins:
    """Watersheds of a surface (NaN where there is none), filled from below; the deepest basin first.

    Two that meet at a saddle less than `depth` of the surface's height above the shallower one are the same (by
    persistence; Edelsbrunner, Letscher & Zomorodian 2002, doi:10.1007/s00454-002-2885-2).
    """
    rows, columns = height.shape
    flat = np.full((rows + 2, columns + 2), np.nan)
    flat[1:-1, 1:-1] = height
    wide, flat = columns + 2, flat.ravel()
    least = depth * (np.nanmax(height) - np.nanmin(height))
    around = [step + side for step in (-wide, 0, wide) for side in (-1, 0, 1) if step or side]
    order = np.argsort(flat, kind="stable")[: int(np.isfinite(flat).sum())]
    owner = [-1] * len(flat)
    parent: list[int] = []
    lowest: list[int] = []
    saddle: dict[int, float] = {}

    def root(basin: int) -> int:
        while parent[basin] != basin:
            basin = parent[basin]
        return basin

    for place in order.tolist():
        near = [place + step for step in around if owner[place + step] >= 0]
        met = sorted({root(owner[each]) for each in near}, key=lambda each: flat[lowest[each]])
        if not met:
            owner[place] = len(parent)
            parent.append(len(parent))
            lowest.append(place)
            continue
        owner[place] = owner[min(near, key=lambda each: flat[each])]
        for other in met[1:]:
            if flat[place] - flat[lowest[other]] < least:
                parent[other] = met[0]
            else:
                for each in (met[0], other):
                    saddle.setdefault(each, float(flat[place]))
    kept = sorted({root(each) for each in range(len(parent))}, key=lambda each: flat[lowest[each]])
    place_of = {basin: k for k, basin in enumerate(kept)}
    of = np.array([-1 if each < 0 else place_of[root(each)] for each in owner])
    inner = np.array([lowest[each] for each in kept], dtype=int)
    return Basins(
        of.reshape(rows + 2, wide)[1:-1, 1:-1],
        (inner // wide - 1) * columns + inner % wide - 1,
        np.array([saddle.get(each, np.nan) - flat[lowest[each]] for each in kept]),
    )


def common_labels(labels: Array, basin: Int[Array, " cells"], low: Array, basins: int) -> tuple[str, ...]:
    """The commonest label of the cells low in each basin, "" where there is no labelled cell; with the second one where
    that has at least half as many cells. low [cells]: which cells count."""
    names = []
    for k in range(basins):
        kinds, counts = np.unique(labels[(basin == k) & low & (labels != "")], return_counts=True)
        first = [str(kinds[j]) for j in np.argsort(-counts, kind="stable")[:2] if counts[j] >= counts.max() / 2]
        names.append(" and ".join(first))
    return tuple(names)
