"""UMAP of the cells, computed once for each data set and stored with it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.data.store import add_view, open_dataset

Array = np.ndarray
NEIGHBOURS = 15
SEED = 0
_EXACT = 20_000  # up to so many cells the neighbours are searched exactly, which needs no compilation


def add_umap(dataset_id: str) -> None:
    """Store the view "umap" of a data set; returns at once where it is there. Takes half a minute to compile first."""
    dataset = open_dataset(dataset_id)
    if "umap" not in dataset.info.views:
        add_view(dataset_id, "umap", umap(dataset.snapshots().x, dataset.view("pca")))


def umap(x: Float[Array, "cells dim"], start: Float[Array, "cells 2"]) -> Float[Array, "cells 2"]:
    """UMAP (McInnes, Healy & Melville 2018) of states, begun at `start` so that it is laid out alike every time."""
    import anndata
    import scanpy as sc

    cells = anndata.AnnData(np.asarray(x, dtype=np.float32))
    sc.pp.neighbors(
        cells,
        n_neighbors=min(NEIGHBOURS, len(x) - 1),
        use_rep="X",
        random_state=SEED,
        transformer="sklearn" if len(x) <= _EXACT else None,
    )
    sc.tl.umap(cells, init_pos=np.ascontiguousarray(start, dtype=np.float32), random_state=SEED)
    return np.asarray(cells.obsm["X_umap"], dtype=np.float32)
