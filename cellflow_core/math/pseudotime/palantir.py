"""Palantir's pseudotime (Setty et al. 2019, Nat Biotechnol 37:451, doi 10.1038/s41587-019-0068-4), from the paper.

Its steps: a diffusion map with a kernel that adapts to the local density, distances over all scales of diffusion,
waypoints spread over the map, shortest paths from each waypoint, and a pseudotime that each cell takes from the
perspectives of all waypoints until it no longer changes. Ours differs in two choices: the kernel is the symmetric
exp(-d^2 / (s_i s_j)) of self-tuning clustering (Zelnik-Manor & Perona 2004), and the order begins at the very cell that
was chosen, not at the end of the map nearest to it. Its Markov chain along the order is in markov_chains/kernels.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
COMPONENTS = 10
NEIGHBOURS = 30  # in the multiscale space
_ROUNDS = 25
_STEADY = 0.9999  # correlation of two rounds at which the order counts as settled
_AT_ONCE = 64  # waypoints


class Order(NamedTuple):
    """place: of each cell in the order, 0 at the root to 1, infinite where no path leads from it; links: scipy.sparse
    [cells, cells], distances to the nearest other cells in the diffusion map; length: of the longest of the shortest
    paths along them from the root to a cell."""

    place: Float[Array, " cells"]
    links: Any
    length: float


def pseudotime(
    distances: Any,
    root: int,
    waypoints: int = 500,
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda stage: None,
) -> Float[Array, " cells"]:
    """Place of each cell in the order, 0 at `root` to 1; infinite where no path leads from it.

    distances  scipy.sparse [cells, cells]: distance to the nearest neighbours of each cell, in one connected piece
    """
    on_progress("finding the axes of diffusion")
    return find_order(multiscale(*diffusion_map(distances, seed=seed)), root, waypoints, seed, on_progress).place


def find_order(
    scales: Float[Array, "cells axes"],
    root: int,
    waypoints: int = 500,
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda stage: None,
) -> Order:
    """The order from a root cell.

    scales     diffusion components, as `multiscale` gives them
    waypoints  cells whose perspectives are averaged; memory is 12 bytes a waypoint and cell
    """
    from scipy.sparse.csgraph import dijkstra

    on_progress("placing waypoints")
    chosen = max_min_waypoints(scales, root, waypoints, seed)
    on_progress(f"walking from {len(chosen)} waypoints to every cell")
    links = _near(scales)
    paths = np.empty((len(chosen), len(scales)), np.float32)
    for first in range(0, len(chosen), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        paths[part] = dijkstra(links, directed=False, indices=chosen[part])
    place = np.full(len(scales), np.inf)
    reached = np.isfinite(paths[0])
    inside = reached[chosen]  # the first waypoint is the root
    on_progress("agreeing on one order")
    place[reached] = refine_pseudotime(paths[np.ix_(inside, reached)], np.cumsum(reached)[chosen[inside]] - 1)
    return Order(place, links, float(paths[0, reached].max()))


def diffusion_map(
    distances: Any, components: int = COMPONENTS, seed: int = 0
) -> tuple[Float[Array, " components"], Float[Array, "cells components"]]:
    """(eigenvalues, right eigenvectors of unit length) of the Markov matrix of an adaptive kernel, the constant first.

    The width s_i of a cell is its distance to the neighbour at a third of those known.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import eigsh

    table = distances.tocsr()
    third = max(int(np.diff(table.indptr).min()) // 3, 1) - 1
    rows = np.split(table.data, table.indptr[1:-1])
    width = np.array([np.partition(each, third)[third] for each in rows], dtype=np.float64)
    width = np.maximum(width, np.median(width) * 1e-3 or 1.0)  # cells that coincide
    edges = coo_matrix(table)
    weight = np.exp(-(edges.data.astype(np.float64) ** 2) / (width[edges.row] * width[edges.col]))
    kernel = coo_matrix((weight, (edges.row, edges.col)), shape=table.shape).tocsr()
    kernel = kernel.maximum(kernel.T) + diags(np.ones(len(width)))
    half = 1 / np.sqrt(np.asarray(kernel.sum(axis=1)).ravel())
    count = min(components, len(width) - 2)
    begin = np.random.default_rng(seed).normal(size=len(width))
    values, vectors = eigsh(diags(half) @ kernel @ diags(half), k=count, which="LA", v0=begin)
    largest = np.argsort(-values)
    vectors = vectors[:, largest] * half[:, None]
    return values[largest], vectors / np.linalg.norm(vectors, axis=0)


def multiscale(
    values: Float[Array, " components"], vectors: Float[Array, "cells components"]
) -> Float[Array, "cells axes"]:
    """Diffusion components weighted by lambda / (1 - lambda): the sum over all lengths of the walk.

    The constant one is left out; those up to the largest gap between eigenvalues are kept, two at least.
    """
    gaps = values[1:-1] - values[2:]
    kept = slice(1, 2 + max(int(gaps.argmax()) + 1 if len(gaps) else 1, 2) - 1)
    return vectors[:, kept] * (values[kept] / np.maximum(1 - values[kept], 1e-9))


def max_min_waypoints(
    scales: Float[Array, "cells axes"], root: int, count: int, seed: int = 0
) -> Int[Array, " waypoints"]:
    """Cells that cover every axis evenly (max-min sampling along each axis by itself); the root comes first."""
    if count >= len(scales):
        return np.concatenate([[root], np.delete(np.arange(len(scales)), root)])
    draw = np.random.default_rng(seed)
    chosen = [root]
    for axis in scales.T:
        away = np.abs(axis - axis[draw.integers(len(axis))])
        for _ in range(max(count // scales.shape[1], 1)):
            farthest = int(away.argmax())
            chosen.append(farthest)
            away = np.minimum(away, np.abs(axis - axis[farthest]))
    return np.array(list(dict.fromkeys(chosen)))


def refine_pseudotime(
    paths: Float[Array, "waypoints cells"], waypoints: Int[Array, " waypoints"]
) -> Float[Array, " cells"]:
    """The order, 0 to 1, on which the waypoints agree; `paths` are shortest distances, the root's in the first row.

    Each waypoint sees a cell at its own place plus or minus the distance between them; near waypoints count most.
    """
    width = np.float32(1.06 * paths.std() * paths.shape[0] ** -0.2 or 1.0)
    weight = np.exp(-0.5 * np.square(paths / width))
    weight /= weight.sum(axis=0)
    order = paths[0].astype(np.float64)
    for _ in range(_ROUNDS):
        own = order[waypoints].astype(np.float32)[:, None]
        side = np.where(order[None] < own, np.float32(-1), np.float32(1))
        side[0] = 1  # nothing comes before the root
        new = np.einsum("wc,wc->c", weight, own + side * paths).astype(np.float64)
        steady = np.corrcoef(order, new)[0, 1] > _STEADY
        order = new
        if steady:
            break
    order -= order.min()
    return order / (order.max() or 1.0)


def _near(scales: Float[Array, "cells axes"]) -> Any:
    """Distances to the nearest other cells in the multiscale space, scipy.sparse [cells, cells]."""
    from scipy.sparse import csr_matrix

    cells = len(scales)
    count = min(NEIGHBOURS, cells - 1)
    distances, which = nearest_neighbors(scales, count + 1)
    others = which != np.arange(cells)[:, None]
    others[others.all(axis=1), -1] = False  # copies of the cell came first
    distances, which = distances[others], which[others]
    least = distances[distances > 0].min(initial=1.0) * 1e-6  # an edge of length 0 would be none
    rows = np.repeat(np.arange(cells), count)
    return csr_matrix((np.maximum(distances, least), (rows, which)), shape=(cells, cells))
