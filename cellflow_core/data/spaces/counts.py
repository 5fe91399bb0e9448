"""Counts of cells of which only log-normalised values are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

Array = np.ndarray
WHOLE = 0.02
"""Distance from a whole number that a recovered count may have, as a share of it or of 1; rounding makes some."""
SURE = 0.99
"""Share of the values that must be so near."""


def recover_counts(table: Any, totals: Array) -> Any:
    """Counts, CSR [cells, genes], from log(1 + scale count / total) [cells, genes] and total counts [cells].

    The least value of a cell is most often one count, which tells the scale. None where that gives no whole numbers:
    then the values were made otherwise.
    """
    values: Any = sparse.csr_array(table).astype(np.float64)
    values.eliminate_zeros()
    if not values.nnz or not (np.isfinite(totals).all() and (totals > 0).all()) or values.data.min() < 0:
        return None
    values.data = np.expm1(values.data)
    filled = np.diff(values.indptr) > 0
    least = np.minimum.reduceat(values.data, values.indptr[:-1][filled])
    scale = float(np.median(least * totals[filled]))
    found = values.data * np.repeat(totals, np.diff(values.indptr)) / scale
    whole = np.rint(found)
    near = np.abs(found - whole) <= WHOLE * np.maximum(whole, 1)
    if near.mean() < SURE or whole.min() < 1:
        return None
    values.data = whole.astype(np.float32)
    return values.astype(np.float32)
