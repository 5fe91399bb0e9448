"""The neighbor graph of a data set: computed once and stored with it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np

from cellflow_core.atomic_write import replacing
from cellflow_core.data.store.dataset import UNREADABLE, Dataset
from cellflow_core.math.neighbors import NeighborGraph, neighbor_graph

_FILE = "graph.npz"

log = logging.getLogger(__name__)


def graph_of(dataset: Dataset) -> NeighborGraph:
    """The neighbor graph of a data set: read where it is stored, else computed and stored."""
    path = dataset.folder / _FILE
    if path.exists():
        try:
            return _load(path)
        except UNREADABLE as error:
            log.warning("%s cannot be read (%s) and is computed anew", path, error)
    graph = neighbor_graph(dataset.snapshots().x)
    _save(path, graph)
    return graph


def copy_to_child(parent: Path, child: Path) -> None:
    """Give a data set with the same states the graph of its parent; both are folders of data sets."""
    if (parent / _FILE).exists():
        with replacing(child / _FILE) as partial:
            shutil.copyfile(parent / _FILE, partial)


def _save(path: Path, graph: NeighborGraph) -> None:
    arrays = {
        f"{name}_{part}": getattr(getattr(graph, name).tocsr(), part)
        for name in ("distances", "connectivities")
        for part in ("data", "indices", "indptr")
    }
    with replacing(path) as partial:
        np.savez(partial, **arrays)


def _load(path: Path) -> NeighborGraph:
    from scipy.sparse import csr_matrix

    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        tables = []
        for name in ("distances", "connectivities"):
            data, indices, indptr = (stored[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
            tables.append(csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, len(indptr) - 1)))
    return NeighborGraph(*tables)
