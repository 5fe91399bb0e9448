"""Principal components of genes, exact and without a dense copy of the whole table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
_ROWS = 4096
_SINGLE = 1e10
"""Above so many products (cells x genes^2) blocks are multiplied in single precision and summed in double."""


@dataclass(frozen=True)
class Components:
    """Cells in their leading components.

    state   [cells, dim] float32
    shares  share of all variance of the genes that each component carries, [dim], largest first
    """

    state: Float[Array, "cells dim"]
    space: StateSpace
    shares: Float[Array, " dim"]


def pca(table: Any, genes: tuple[str, ...], components: int) -> tuple[Float[Array, "cells dim"], StateSpace]:
    """(state, space) of the leading components of a numpy or scipy.sparse table [cells, genes]."""
    found = principal(table, genes, components)
    return found.state, found.space


def principal(table: Any, genes: tuple[str, ...], components: int) -> Components:
    """The leading components of a numpy or scipy.sparse table [cells, genes], by the eigenvectors of its covariance.

    Components are at most min(cells - 1, genes) and those that carry variance; the largest loading of each is positive.
    """
    cells, count = table.shape
    wanted = max(min(components, cells - 1, count), 1)
    mean = np.asarray(table.mean(axis=0, dtype=np.float64)).ravel()
    if cells <= count:
        _, spread, rows = np.linalg.svd(_dense(table, np.float64) - mean, full_matrices=False)
        variance, rows = spread[:wanted] ** 2, rows[:wanted]
        total = float((spread**2).sum())
        least = 1e-10
    else:
        single = cells * float(count) ** 2 > _SINGLE
        scatter = _scatter(table, mean, np.float32 if single else np.float64)
        variance, rows = _leading(scatter, wanted)
        total = float(np.trace(scatter))
        least = 1e-7 if single else 1e-10
    kept = int((variance > variance[0] * least).sum())
    decoder = rows[:kept] * np.sign(rows[np.arange(kept), np.abs(rows[:kept]).argmax(axis=1)])[:, None]
    axes = tuple(f"PC{k + 1}" for k in range(kept))
    space = AffineSpace("pca", axes, genes, mean.astype(np.float32), decoder.astype(np.float32))
    shares = variance[:kept] / total if total > 0 else np.zeros(kept)
    return Components(_projected(table, mean, decoder), space, shares)


def _scatter(table: Any, mean: Float[Array, " genes"], kind: Any) -> Float[Array, "genes genes"]:
    """Sum over cells of the outer product of their distance from the mean."""
    from scipy.linalg import blas

    product: Any = blas.ssyrk if kind is np.float32 else blas.dsyrk  # type: ignore[attr-defined]
    upper = np.zeros((table.shape[1], table.shape[1]))
    center = mean.astype(kind)
    for start in range(0, table.shape[0], _ROWS):
        block = _dense(table[start : start + _ROWS], kind) - center
        upper += product(1.0, block.T)  # a row-major block is its transpose in Fortran's order: no copy is made
    return upper + np.triu(upper, 1).T


def _leading(scatter: Float[Array, "genes genes"], wanted: int) -> tuple[Array, Array]:
    """(eigenvalues, eigenvectors as rows) of the largest eigenvalues, in descending order."""
    from scipy.linalg import eigh

    count = len(scatter)
    if wanted * 4 > count:
        values, vectors = np.linalg.eigh(scatter)
    else:
        values, vectors = eigh(scatter, subset_by_index=(count - wanted, count - 1), check_finite=False)
    return values[::-1][:wanted], vectors[:, ::-1][:, :wanted].T


def _projected(table: Any, mean: Float[Array, " genes"], decoder: Float[Array, "dim genes"]) -> Array:
    """State of every cell. A sparse table is never made dense: (x - mean) d = x d - mean d."""
    if isinstance(table, np.ndarray):
        blocks = [(table[k : k + _ROWS] - mean) @ decoder.T for k in range(0, len(table), _ROWS)]
        return np.concatenate(blocks).astype(np.float32)
    return (table @ decoder.T - mean @ decoder.T).astype(np.float32)


def _dense(table: Any, kind: Any) -> Float[Array, "rows genes"]:
    return np.ascontiguousarray(table if isinstance(table, np.ndarray) else table.toarray(), dtype=kind)
