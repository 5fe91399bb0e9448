"""Cells of counts, written to a file and imported: what tests of imports share."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file

PAUL = "paul15_myeloid/paul15_2660x3004_counts.h5ad"
EB = "eb_embryoid_body/eb_subset2750.h5ad"
LARRY = "weinreb_larry_cospar/larry_test_781cells.h5ad"


def counts(cells: int = 300, genes: int = 60, seed: int = 0) -> anndata.AnnData:
    """Two cell types and two batches, each at three days, five mitochondrial genes."""
    rng = np.random.default_rng(seed)
    kind, batch = np.arange(cells) % 2, np.arange(cells) // 2 % 2
    mean = np.exp(rng.normal(0.5, 1, genes))[None] * np.where(kind[:, None] == 1, np.exp(rng.normal(0, 1, genes)), 1)
    mean = mean * np.where(batch[:, None] == 1, np.exp(rng.normal(0, 0.7, genes)), 1)
    names = [f"mt-Gene{k}" if k < 5 else f"Gene{k}a" for k in range(genes)]
    obs = pd.DataFrame(
        {
            "day": np.resize(["d0", "d0", "d0", "d0", "d3", "d3", "d3", "d3", "d7"], cells),
            "type": np.array(["a", "b"])[kind],
            "batch": batch,
            "score": rng.normal(size=cells),
            "growth_rate": rng.normal(size=cells),
            "dpt_pseudotime": np.where(rng.random(cells) < 0.1, np.nan, rng.random(cells)),
        },
        index=[f"c{k}" for k in range(cells)],
    )
    held = anndata.AnnData(csr_matrix(rng.poisson(mean).astype(np.float32)), obs=obs)
    held.var_names = names
    return held


def written(folder, held):
    path = folder / "cells.h5ad"
    held.write_h5ad(path)
    return path


def brought(folder, held, numbers=None, **choices) -> store.Dataset:
    """Imported with "day" as the time."""
    path = written(folder, held)
    numbers = {"d0": 0.0, "d3": 3.0, "d7": 7.0} if numbers is None else numbers
    chosen = ImportChoices(**{"time_column": "day", "unit": "day", **choices})
    return store.open_dataset(import_file(path, path.name, chosen, numbers))
