"""Basins of a surface on a grid: where a ball comes to rest, what it climbs to leave, and which cells are there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.grid import Grid

Array = np.ndarray
DEPTH = 0.04
"""A dip that is shallower than this share of the height of the surface is no basin of its own."""


class Basins(NamedTuple):
    """Basins, the deepest first.

    of       [rows, columns]: the basin of each grid point, -1 off the surface
    lowest   [basins]: flat index of the lowest point
    saddle   [basins, basins]: flat index of the highest point of the lowest path between each two, -1 where none leads
             from one to the other
    climb    [basins, basins]: its height above the lowest point of the first of the two, NaN where there is no path
    """

    of: Int[Array, "rows columns"]
    lowest: Int[Array, " basins"]
    saddle: Int[Array, "basins basins"]
    climb: Float[Array, "basins basins"]

    @property
    def barrier(self) -> Float[Array, " basins"]:
        """Climb to the lowest saddle that leads out of each, NaN where none does."""
        least = np.where(np.isfinite(self.climb), self.climb, np.inf).min(axis=1, initial=np.inf)
        return np.where(np.isinf(least), np.nan, least)


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
    met_at: list[tuple[int, int, int]] = []

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
                met_at.append((met[0], other, place))
    kept = sorted({root(each) for each in range(len(parent))}, key=lambda each: flat[lowest[each]])
    place_of = {basin: k for k, basin in enumerate(kept)}
    of = np.array([-1 if each < 0 else place_of[root(each)] for each in owner])
    inner = np.array([lowest[each] for each in kept], dtype=int)
    saddle = _saddles([(place_of[a], place_of[b], place) for a, b, place in met_at], len(kept))
    climb = np.where(saddle >= 0, flat[saddle], np.nan) - flat[inner][:, None]

    def narrow(places: Array) -> Array:
        return np.where(places < 0, -1, (places // wide - 1) * columns + places % wide - 1)

    return Basins(of.reshape(rows + 2, wide)[1:-1, 1:-1], narrow(inner), narrow(saddle), climb)


def _saddles(met_at: list[tuple[int, int, int]], basins: int) -> Int[Array, "basins basins"]:
    """Where the surface, flooded from below, first joins each two basins, from (basin, basin, place) in the order in
    which neighbors meet; -1 on the diagonal and where it never does."""
    joined = np.arange(basins)
    saddle = np.full((basins, basins), -1)
    for a, b, place in met_at:
        if joined[a] == joined[b]:
            continue
        one, other = joined == joined[a], joined == joined[b]
        saddle[np.outer(one, other) | np.outer(other, one)] = place
        joined[other] = joined[a]
    return saddle


def basin_of(points: Float[Array, "points 2"], found: Basins, grid: Grid) -> Int[Array, " points"]:
    """The basin that each point of the view lies in, -1 off the surface."""
    return np.where(grid.covered(points, found.of >= 0), grid.nearest(found.of, points), -1)


def basin_names(
    found: Basins, height: Float[Array, "rows columns"], own: Int[Array, " cells"], cell_height: Array, labels: Array
) -> tuple[str, ...]:
    """The commonest labels of the cells in the lower half of each basin, "" where there is none.

    own, cell_height, labels [cells]: the basin of each cell, the height under it, and what it is called
    """
    highest = np.array([np.nanmax(height[found.of == k]) for k in range(len(found.lowest))])
    middle = (highest + height.ravel()[found.lowest]) / 2
    low = (own >= 0) & (cell_height <= middle[own])
    return common_labels(labels, own, low, len(found.lowest))


def common_labels(labels: Array, basin: Int[Array, " cells"], low: Array, basins: int) -> tuple[str, ...]:
    """The commonest label of the cells low in each basin, "" where there is no labelled cell; with the second one where
    that has at least half as many cells. low [cells]: which cells count."""
    names = []
    for k in range(basins):
        kinds, counts = np.unique(labels[(basin == k) & low & (labels != "")], return_counts=True)
        first = [str(kinds[j]) for j in np.argsort(-counts, kind="stable")[:2] if counts[j] >= counts.max() / 2]
        names.append(" and ".join(first))
    return tuple(names)
