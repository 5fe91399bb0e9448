"""UMAP of the cells, computed once for each data set and stored with it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.data.preprocessing.neighbor_graph import graph_of
from cellflow_core.data.store import add_view, open_dataset
from cellflow_core.math.neighbors import SEED, NeighborGraph

Array = np.ndarray


def add_umap(dataset_id: str) -> None:
    """Store the view "umap" of a data set; returns at once where it is there. Takes half a minute to compile first."""
    dataset = open_dataset(dataset_id)
    if "umap" not in dataset.info.views:
        found = graph_of(dataset)
        add_view(dataset_id, "umap", umap(dataset.snapshots().x, found, dataset.embedding("pca")))


def umap(x: Float[Array, "cells dim"], found: NeighborGraph, start: Float[Array, "cells 2"]) -> Float[Array, "cells 2"]:
    """UMAP (McInnes, Healy & Melville 2018) of states, begun at `start` so that it is laid out alike every time."""
    import scanpy as sc

    cells = found.annotated(x)
    sc.tl.umap(cells, init_pos=np.ascontiguousarray(start, dtype=np.float32), random_state=SEED)
    return np.asarray(cells.obsm["X_umap"], dtype=np.float32)
