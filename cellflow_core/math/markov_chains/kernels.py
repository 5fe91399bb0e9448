"""Kernels: transition probabilities between measured cells, scipy.sparse CSR [cells, cells], rows sum to one.

After Lange et al., Nat. Methods 2022, doi:10.1038/s41592-021-01346-6, and Weiler et al., Nat. Methods 2024,
doi:10.1038/s41592-024-02303-9. Along RNA velocity: math/velocity_graph.py; along a potential: population_balance.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Array = np.ndarray
KEPT = 0.3
"""Share of the strongest links of a cell that stay, whatever the order of the two cells (Weiler et al. 2024) ..."""
MOST_KEPT = 30
"""... and the most of them."""


def row_stochastic(weights: Any) -> Any:
    """Non-negative weights scaled so that rows sum to one; a cell without any stays where it is."""
    from scipy.sparse import csr_array, diags_array

    table: Any = csr_array(weights).astype(np.float64)
    total = np.asarray(table.sum(axis=1)).ravel()
    lost = total <= 0
    if lost.any():
        table, total = csr_array(table + diags_array(lost.astype(float))), np.where(lost, 1.0, total)
    found = csr_array(diags_array(1 / total) @ table)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def along_order(links: Any, order: Float[Array, " cells"]) -> Any:
    """Transitions along the links of a graph to cells that are not earlier in an order, and along the KEPT strongest
    links of a cell in both directions (the hard threshold of the pseudotime kernel)."""
    from scipy.sparse import csr_array

    table: Any = csr_array(links)
    table.eliminate_zeros()
    count = np.diff(table.indptr)
    row = np.repeat(np.arange(len(count)), count)
    strongest = np.lexsort((-table.data, row))
    rank = np.empty(len(row), int)
    rank[strongest] = np.arange(len(row)) - np.repeat(table.indptr[:-1], count)
    close = rank < np.minimum(np.floor(KEPT * count), MOST_KEPT)[row]
    kept = close | (order[table.indices] >= order[row])
    return row_stochastic(csr_array((table.data * kept, table.indices, table.indptr), shape=table.shape))


def directed_diffusion(distances: Any, order: Float[Array, " cells"]) -> Any:
    """Palantir's chain (Setty et al. 2019, doi:10.1038/s41587-019-0068-4): links weighted by
    exp(-d^2 / 2 s_i^2 - d^2 / 2 s_j^2), without those to cells that are more than s_i earlier.

    distances  to the nearest other cells of each row, all above 0 and the same number of them; s: the distance to the
               neighbor at a third of these
    order      in the unit of the distances
    """
    from scipy.sparse import csr_array

    table: Any = csr_array(distances)
    cells = len(order)
    near = np.sort(table.data.reshape(cells, -1), axis=1)
    width = near[:, max(near.shape[1] // 3 - 1, 0)]
    width = np.maximum(width, 1e-3 * np.median(width))  # cells that coincide
    row = np.repeat(np.arange(cells), near.shape[1])
    square = table.data**2 / 2
    weight = np.exp(-square / width[row] ** 2 - square / width[table.indices] ** 2)
    weight *= order[table.indices] >= order[row] - width[row]
    return row_stochastic(csr_array((weight, table.indices, table.indptr), shape=table.shape))


def mixture(parts: Sequence[tuple[float, Any]]) -> Any:
    """The mean of chains over the same cells by weight. Raises ValueError where no weight is above 0."""
    total = sum(weight for weight, _ in parts)
    if total <= 0:
        raise ValueError("no kernel has a weight above 0: give one of them a weight")
    return row_stochastic(sum(weight / total * chain for weight, chain in parts if weight > 0))
