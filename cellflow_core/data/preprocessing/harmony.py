"""Batch correction of principal components by Harmony (Korsunsky et al., Nat Methods 2019), through harmonypy."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
NEAREST = 15
ASKED = 1_000
"""Cells whose neighbours are looked at to tell how far batches are mixed."""


def harmony_integrate(x: Float[Array, "cells dim"], batch: Array, seed: int = 0) -> Float[Array, "cells dim"]:
    """States moved so that batches [cells] overlap where their cells are alike.

    Where no group of alike cells holds two batches nothing is moved: Harmony has nothing to go by there.
    Raises ValueError where harmonypy is not installed, or there is only one batch.
    """
    try:
        import harmonypy
    except ImportError as error:
        raise ValueError(
            "batches are corrected by harmonypy, which is not installed: run pip install harmonypy, or import without "
            "a batch column"
        ) from error
    import pandas as pd

    if len(set(batch.tolist())) < 2:
        raise ValueError("the batch column holds one batch only: choose a column with two or more, or none")
    recorded = pd.DataFrame({"batch": np.asarray(batch, dtype=np.str_).astype(object)})
    found = harmonypy.run_harmony(
        np.asarray(x, dtype=np.float64), recorded, ["batch"], verbose=False, random_state=seed, ncores=1
    )
    moved = np.asarray(found.Z_corr, dtype=np.float32)
    return np.ascontiguousarray(moved if moved.shape == x.shape else moved.T)


def batch_mixing_score(x: Float[Array, "cells dim"], batch: Array, seed: int = 0) -> float:
    """Share of the 15 nearest cells that are of another batch, 0 (apart) to 1, over 1,000 cells drawn at random."""
    asked = np.random.default_rng(seed).permutation(len(x))[:ASKED]
    _, near = nearest_neighbors(x, NEAREST + 1, x[asked])
    others = batch[near] != batch[asked][:, None]
    return float(others.sum() / (near.size - len(asked)))  # a cell is its own nearest one, and never another batch


def mixed_at_random(batch: Array) -> float:
    """The share that `mixing` would be if batches were spread evenly over all states."""
    shares = np.unique(batch, return_counts=True)[1] / len(batch)
    return float(1 - (shares**2).sum())
