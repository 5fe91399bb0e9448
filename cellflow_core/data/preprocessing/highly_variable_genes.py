"""Highly variable genes, by scanpy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

Array = np.ndarray


def most_variable(x: Any, features: tuple[str, ...], count: int, batch: Array | None = None) -> Array:
    """Indices, ascending, of the `count` most variable genes of logarithmic values (scanpy, flavour "seurat").

    With `batch` [cells], genes are chosen within each batch and those that many batches choose come first.
    """
    if len(features) <= count:
        return np.arange(len(features))
    import anndata
    import pandas as pd
    import scanpy as sc

    cells = anndata.AnnData(
        x.astype(np.float32, copy=False), var=pd.DataFrame(index=pd.Index([str(k) for k in range(len(features))]))
    )
    if batch is not None:
        cells.obs["batch"] = pd.Categorical(batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = sc.pp.highly_variable_genes(
            cells, n_top_genes=count, flavor="seurat", batch_key=None if batch is None else "batch", inplace=False
        )
    assert found is not None
    return np.flatnonzero(found.loc[cells.var_names, "highly_variable"].to_numpy())
