"""Principal components of genes, exact and without a dense copy of the whole table."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.space import StateSpace

Array = np.ndarray
_ROWS = 4096


def pca(table: Any, genes: tuple[str, ...], components: int) -> tuple[Float[Array, "cells dim"], StateSpace]:
    """(state, space) of the leading components of a numpy or scipy.sparse table [cells, genes].

    Components are at most min(cells - 1, genes) and those that carry variance; the largest loading of each is positive.
    """
    cells, count = table.shape
    wanted = min(components, cells - 1, count)
    mean = np.asarray(table.mean(axis=0), dtype=np.float64).ravel()
    if cells <= count:
        _, spread, rows = np.linalg.svd(_dense(table) - mean, full_matrices=False)
        variance = spread**2
    else:
        gram = np.zeros((count, count))
        for start in range(0, cells, _ROWS):
            block = _dense(table[start : start + _ROWS]) - mean
            gram += block.T @ block
        values, vectors = np.linalg.eigh(gram)
        variance, rows = values[::-1], vectors[:, ::-1].T
    kept = min(wanted, int((variance > variance[0] * 1e-10).sum()))
    decoder = rows[:kept] * np.sign(rows[np.arange(kept), np.abs(rows[:kept]).argmax(axis=1)])[:, None]
    x = np.concatenate([(_dense(table[k : k + _ROWS]) - mean) @ decoder.T for k in range(0, cells, _ROWS)])
    axes = tuple(f"PC{k + 1}" for k in range(kept))
    space = StateSpace("pca", axes, genes, mean.astype(np.float32), decoder.astype(np.float32))
    return x.astype(np.float32), space


def _dense(table: Any) -> Float[Array, "rows genes"]:
    return np.asarray(table if isinstance(table, np.ndarray) else table.toarray(), dtype=np.float64)
