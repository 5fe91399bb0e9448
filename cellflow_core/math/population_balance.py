"""Population balance on a graph of cells (Weinreb et al. 2018, doi:10.1073/pnas.1714723115). Sparse throughout."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray
TOLERANCE = 1e-8
"""Relative residual of the linear system."""
ITERATIONS = 20_000


def joined(neighbors: Int[Array, "cells k"]) -> Any:
    """Adjacency of cells of which one is a neighbor of the other: 0 and 1, symmetric, scipy.sparse CSR."""
    from scipy.sparse import csr_array

    cells, k = neighbors.shape
    links = csr_array(
        (np.ones(neighbors.size), neighbors.ravel().copy(), np.arange(0, cells * k + 1, k)), shape=(cells, cells)
    )
    links.sort_indices()
    return links.maximum(links.T).tocsr()


def potential(adjacency: Any, growth: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """V = pinv(L) R of growth rates R, with L = I - A / (row sums of A): high where cells enter, low where they leave.

    With d the row sums, what of R lies in the range of L is R - d (d R) / (d d), and L V = R is (diag(d) - A) V = d R,
    symmetric: conjugate gradients. V has the mean 0. The graph must be connected.
    Raises RuntimeError where the solver does not converge.
    """
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.linalg import cg

    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    balanced = growth - degree * (degree @ growth) / (degree @ degree)
    system = csr_array(diags_array(degree) - adjacency)
    found, failed = cg(
        system, degree * balanced, rtol=TOLERANCE, maxiter=ITERATIONS, M=csr_array(diags_array(1 / degree))
    )
    if failed:
        raise RuntimeError(f"the potential of the population balance did not converge in {failed} iterations")
    return found - found.mean()


def transitions(adjacency: Any, height: Float[Array, " cells"], diffusion: float) -> Any:
    """P_ij ~ A_ij exp((V_i - V_j) / D) as scipy.sparse CSR, rows sum to one: downhill, the more the smaller D is."""
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(len(height)), np.diff(adjacency.indptr))
    drop = (height[rows] - height[adjacency.indices]) / diffusion
    steepest = np.maximum.reduceat(drop, adjacency.indptr[:-1])
    weight = adjacency.data * np.exp(drop - steepest[rows])
    total = np.bincount(rows, weights=weight, minlength=len(height))
    return csr_array((weight / total[rows], adjacency.indices, adjacency.indptr), shape=adjacency.shape)
