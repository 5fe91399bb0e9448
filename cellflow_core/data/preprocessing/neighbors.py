"""Which cells are neighbours in state space: computed once for each data set and stored with it."""

from __future__ import annotations

import logging
import secrets
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellflow_core.data.store.dataset import UNREADABLE, Dataset

if TYPE_CHECKING:
    import anndata

Array = np.ndarray
NEIGHBOURS = 15
SEED = 0
_EXACT = 20_000  # up to so many cells the neighbours are searched exactly, which needs no compilation
_FILE = "graph.npz"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Graph:
    """Nearest neighbours of each cell, scipy.sparse CSR tables [cells, cells].

    distances       Euclidean distance in state space to the NEIGHBOURS - 1 nearest other cells of each row (one
                    more above _EXACT cells)
    connectivities  symmetric weights in 0 to 1 (UMAP's fuzzy union; McInnes, Healy & Melville 2018)
    """

    distances: Any
    connectivities: Any

    def parts(self) -> tuple[int, Array]:
        """(number of pieces that no edge joins, piece of each cell)."""
        from scipy.sparse.csgraph import connected_components

        return connected_components(self.connectivities, directed=False)

    def smooth(self, values: Array, rounds: int = 1) -> Array:
        """Each cell's mean over itself and its neighbours, by weight, so many times over."""
        total = 1.0 + np.asarray(self.connectivities.sum(axis=1)).ravel()
        for _ in range(rounds):
            values = (values + self.connectivities @ values) / total
        return values

    def annotated(self, x: Array) -> anndata.AnnData:
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


def graph_of(dataset: Dataset) -> Graph:
    """The neighbour graph of a data set: read where it is stored, else computed and stored."""
    path = dataset.folder / _FILE
    if path.exists():
        try:
            return _load(path)
        except UNREADABLE as error:
            log.warning("%s cannot be read (%s) and is computed anew", path, error)
    made = neighbours(dataset.snapshots().x)
    _save(path, made)
    return made


def neighbours(x: Array) -> Graph:
    """The graph of states [cells, dim], by scanpy; the same states give the same graph."""
    import anndata
    import scanpy as sc
    from scipy.sparse import SparseEfficiencyWarning

    cells = anndata.AnnData(np.asarray(x, dtype=np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SparseEfficiencyWarning)  # scanpy's, where many cells coincide
        sc.pp.neighbors(
            cells,
            n_neighbors=_count(len(x)),
            use_rep="X",
            random_state=SEED,
            transformer="sklearn" if len(x) <= _EXACT else approximate(_count(len(x))),
        )
    return Graph(cells.obsp["distances"], cells.obsp["connectivities"])


def approximate(count: int) -> Any:
    """Nearest-neighbour descent (Dong, Moses & Li 2011), as scanpy takes it by itself; pynndescent gives a sparse array
    from 0.6 on, of which scanpy 1.11 cannot count the rows' entries, so it is handed over as a matrix."""
    from pynndescent import PyNNDescentTransformer
    from scipy.sparse import csr_matrix

    class Descent(PyNNDescentTransformer):
        def fit_transform(self, X: Array, y: Any = None, **fit_params: Any) -> Any:
            return csr_matrix(super().fit_transform(X, y, **fit_params))

    return Descent(n_neighbors=count, metric="euclidean", random_state=SEED)


def copy_to_child(parent: Path, child: Path) -> None:
    """Give a data set with the same states the graph of its parent; both are folders of data sets."""
    if (parent / _FILE).exists():
        partial = child / f".{_FILE}-{secrets.token_hex(4)}"
        shutil.copyfile(parent / _FILE, partial)
        partial.replace(child / _FILE)


def _count(cells: int) -> int:
    return min(NEIGHBOURS, cells - 1)


def _save(path: Path, made: Graph) -> None:
    held = {
        f"{name}_{part}": getattr(getattr(made, name).tocsr(), part)
        for name in ("distances", "connectivities")
        for part in ("data", "indices", "indptr")
    }
    partial = path.with_name(f".graph-{secrets.token_hex(4)}.npz")
    np.savez(partial, **held)
    partial.replace(path)


def _load(path: Path) -> Graph:
    from scipy.sparse import csr_matrix

    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        tables = []
        for name in ("distances", "connectivities"):
            data, indices, indptr = (stored[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
            tables.append(csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(indptr) - 1)))
    return Graph(*tables)
