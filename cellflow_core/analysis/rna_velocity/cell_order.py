"""An order of the cells along their arrows, and how much of the arrows one order can explain.

HodgeRank: Jiang et al. 2011, Math. Program. 127:203, doi:10.1007/s10107-010-0419-x. With the cosine c_ij between the
velocity of cell i and the displacement to its neighbor j, the order o is the least squares of o_j - o_i = c_ij over all
pairs of neighbors. What it leaves over are arrows in circles, which have no order.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.math.velocity_graph import VelocityGraph

Array = np.ndarray


def cell_order(graph: VelocityGraph) -> tuple[Float[Array, " cells"], float]:
    """(order from 0 to 1, share of the squared flow between neighbors that it explains)."""
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsqr

    flow, (i, j) = _flow(graph)
    rows = np.arange(len(flow))
    cells = len(graph.neighbors)
    ones = np.ones(len(flow))
    incidence = csr_array(
        (np.concatenate([ones, -ones]), (np.tile(rows, 2), np.concatenate([j, i]))), (len(flow), cells)
    )
    found = lsqr(incidence, flow, atol=1e-8, btol=1e-8, iter_lim=2000)[0]
    whole = float(np.square(flow).sum())
    explained = 1 - float(np.square(flow - incidence @ found).sum()) / whole if whole > 0 else 0.0
    low, high = found.min(), found.max()
    return (found - low) / (high - low if high > low else 1.0), max(explained, 0.0)


def _flow(graph: VelocityGraph) -> tuple[Array, tuple[Array, Array]]:
    """(flow from the first to the second cell, cells) of each pair of neighbors once: half the difference of both
    cosines where each is a neighbor of the other, else that of one."""
    from scipy.sparse import csr_array, triu

    cells, k = graph.neighbors.shape
    rows = np.arange(0, cells * k + 1, k)
    shape = (cells, cells)
    values = graph.cosine.astype(np.float64).ravel()
    cosine = csr_array((values, graph.neighbors.ravel(), rows), shape=shape, copy=True)
    known = csr_array((np.ones(cells * k), graph.neighbors.ravel(), rows), shape=shape, copy=True)
    both = triu(cosine - cosine.T, 1).tocoo()
    count = csr_array(known + known.T)[both.row, both.col]
    return both.data / np.maximum(np.asarray(count).ravel(), 1.0), (both.row, both.col)
