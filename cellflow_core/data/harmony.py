"""Batch correction of principal components by Harmony (Korsunsky et al., Nat Methods 2019), through harmonypy."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def corrected(x: Float[Array, "cells dim"], batch: Array, seed: int = 0) -> Float[Array, "cells dim"]:
    """States moved so that batches [cells] overlap where their cells are alike.

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
    told = pd.DataFrame({"batch": np.asarray(batch, dtype=np.str_).astype(object)})
    found = harmonypy.run_harmony(
        np.asarray(x, dtype=np.float64), told, ["batch"], verbose=False, random_state=seed, ncores=1
    )
    moved = np.asarray(found.Z_corr, dtype=np.float32)
    return np.ascontiguousarray(moved if moved.shape == x.shape else moved.T)
