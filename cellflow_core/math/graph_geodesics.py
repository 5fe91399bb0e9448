"""Geodesic distances between two clouds along their nearest-neighbour graph."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial.distance import cdist

Array = np.ndarray
NEIGHBOURS = 15
_LEAST = 1e-12  # an edge of length zero would be no edge


def geodesic_distances(
    x0: Float[Array, "n dim"], x1: Float[Array, "m dim"], neighbours: int = NEIGHBOURS
) -> Float[Array, "n m"]:
    """From each point of x0 to each of x1 along edges between nearest neighbours in both clouds (state).

    Undirected Euclidean edges to the `neighbours` nearest points (the graph of Isomap, Tenenbaum et al., Science 2000).
    Components are connected by the shortest edge that leaves each, so that every distance is finite.
    """
    x = np.concatenate([x0, x1])
    separation = np.maximum(cdist(x, x), _LEAST)
    nearest = np.argsort(separation, axis=1)[:, : min(neighbours + 1, len(separation))]  # the first is the point itself
    start = np.repeat(np.arange(len(separation)), nearest.shape[1])
    graph = _graph(separation, start, nearest.ravel())
    while (found := connected_components(graph, directed=False))[0] > 1:
        edges = [_shortest_exit(separation, found[1] == piece) for piece in range(found[0])]
        graph = csr_array(graph.maximum(_graph(separation, *np.array(edges).T)))
    return dijkstra(graph, directed=False, indices=np.arange(len(x0)))[:, len(x0) :]


def _shortest_exit(separation: Array, inside: Array) -> tuple[int, int]:
    """The shortest edge from these points to others."""
    own, other = np.flatnonzero(inside), np.flatnonzero(~inside)
    row, column = divmod(int(separation[np.ix_(own, other)].argmin()), len(other))
    return int(own[row]), int(other[column])


def _graph(separation: Array, start: Array, end: Array) -> csr_array:
    """Undirected edges between `start` and `end`."""
    table = coo_array((separation[start, end], (start, end)), shape=separation.shape).tocsr()
    return csr_array(table.maximum(table.T.tocsr()))
