"""Nearest neighbors, and the weighted graph of them: the one place where neighbors of cells are searched."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    import anndata

Array = np.ndarray
NEIGHBORS = 15
SEED = 0
COMPONENTS = 50
_EXACT_PRODUCTS = 5e11
"""Up to so many products of coordinates, some minutes of one core, `nearest_others` compares all axes of all cells."""
_EXACT = 20_000
"""Up to so many cells the search for the graph is exact, which needs no compilation."""


def nearest_neighbors(
    x: Float[Array, "cells dim"], count: int, queries: Float[Array, "queries dim"] | None = None
) -> tuple[Float[Array, "queries count"], Int[Array, "queries count"]]:
    """(Euclidean distances, rows of x) of the `count` cells nearest to each query, the nearest first; exact.

    queries  points to search from; None: the cells themselves, each of which is then its own nearest neighbor
    There are fewer than `count` columns where x has fewer cells.
    """
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=min(count, len(x))).fit(x)
    distance, row = index.kneighbors(x if queries is None else queries)
    return distance, row


def nearest_others(x: Float[Array, "cells dim"], count: int) -> Int[Array, "cells count"]:
    """Rows of the cells nearest to each cell, itself left out; fewer than `count` columns where there are fewer cells.

    Exact in the axes of x; of many cells in many axes, in their first COMPONENTS principal components.
    Raises ValueError for fewer than three cells.
    """
    if len(x) < 3:
        raise ValueError(f"{len(x)} cells have no neighbors to go to: at least 3 are needed")
    if x.shape[1] > COMPONENTS and float(len(x)) ** 2 * x.shape[1] > _EXACT_PRODUCTS:
        from sklearn.decomposition import PCA

        x = PCA(COMPONENTS, svd_solver="randomized", random_state=SEED).fit_transform(x)
    found = nearest_neighbors(x, count + 1)[1]
    itself = found == np.arange(len(x))[:, None]
    itself[~itself.any(axis=1), -1] = True  # copies of the cell came first
    return found[~itself].reshape(len(x), -1)


@dataclass(frozen=True)
class NeighborGraph:
    """Nearest neighbors of each cell, scipy.sparse CSR tables [cells, cells].

    distances       Euclidean distance in state space to the NEIGHBORS - 1 nearest other cells of each row (one more
                    above _EXACT cells)
    connectivities  symmetric weights in 0 to 1 (UMAP's fuzzy union; McInnes, Healy & Melville 2018)
    """

    distances: Any
    connectivities: Any

    def connected_components(self) -> tuple[int, Int[Array, " cells"]]:
        """(number of connected components, component of each cell)."""
        from scipy.sparse.csgraph import connected_components

        return connected_components(self.connectivities, directed=False)

    def smooth(self, values: Float[Array, " cells"], rounds: int = 1) -> Float[Array, " cells"]:
        """Each cell's weighted mean over itself and its neighbors, `rounds` times over."""
        total = 1.0 + np.asarray(self.connectivities.sum(axis=1)).ravel()
        for _ in range(rounds):
            values = (values + self.connectivities @ values) / total
        return values

    def annotated(self, x: Float[Array, "cells dim"]) -> anndata.AnnData:
        """The states with this graph, as scanpy's tools expect it."""
        import anndata

        cells = anndata.AnnData(np.asarray(x, dtype=np.float32))
        cells.obsp["distances"], cells.obsp["connectivities"] = self.distances, self.connectivities
        params = {"n_neighbors": _count(len(x)), "method": "umap", "metric": "euclidean", "use_rep": "X"}
        cells.uns["neighbors"] = {
            "connectivities_key": "connectivities",
            "distances_key": "distances",
            "params": params | {"random_state": SEED},
        }
        return cells


def neighbor_graph(x: Float[Array, "cells dim"], neighbors: int = NEIGHBORS) -> NeighborGraph:
    """The graph of states, by scanpy; the same states give the same graph. A cell counts as one of its `neighbors`."""
    import anndata
    import scanpy as sc
    from scipy.sparse import SparseEfficiencyWarning

    count = min(neighbors, len(x) - 1)
    cells = anndata.AnnData(np.asarray(x, dtype=np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SparseEfficiencyWarning)  # scanpy's, where many cells coincide
        sc.pp.neighbors(
            cells,
            n_neighbors=count,
            use_rep="X",
            random_state=SEED,
            transformer="sklearn" if len(x) <= _EXACT else approximate(count),
        )
    return NeighborGraph(cells.obsp["distances"], cells.obsp["connectivities"])


def approximate(count: int) -> Any:
    """Nearest-neighbor descent (Dong, Moses & Li 2011), scanpy's own choice for many cells.

    pynndescent returns a sparse array from 0.6 on, of which scanpy 1.11 cannot count the entries of a row, so it is
    handed over as a matrix.
    """
    from pynndescent import PyNNDescentTransformer
    from scipy.sparse import csr_matrix

    class Descent(PyNNDescentTransformer):
        def fit_transform(self, X: Array, y: Any = None, **fit_params: Any) -> Any:
            return csr_matrix(super().fit_transform(X, y, **fit_params))

    return Descent(n_neighbors=count, metric="euclidean", random_state=SEED)


def _count(cells: int) -> int:
    return min(NEIGHBORS, cells - 1)
