"""Which neighbor each cell is likely to become: where its velocity points (La Manno et al. 2018; Bergen et al. 2020).

With the cosine c_ij between the velocity of cell i and the displacement x_j - x_i to each of its k nearest cells,

    w_ij = exp(c_ij / sigma) / sum_j exp(c_ij / sigma)

and the displacement to be expected is sum_j (w_ij - 1/k) (x_j - x_i): without direction, nothing is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray
SIGMA = 0.1
"""Width of the kernel, in cosines."""
BLOCK = 2**25
"""Numbers held in memory at a time."""


def cosines(a: Float[Array, "cells axes"], b: Float[Array, "cells axes"]) -> Float[Array, " cells"]:
    """Cosine between each row of a and that of b; 0 where one of them is 0."""
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a * b).sum(axis=1) / np.maximum(size, 1e-30)


@dataclass(frozen=True)
class VelocityGraph:
    """Transitions of every cell to its nearest cells.

    neighbors  which cells, [cells, k]; weight: their probabilities, rows sum to one; cosine: of velocity and
               displacement, -1 to 1
    """

    neighbors: Int[Array, "cells k"]
    weight: Float[Array, "cells k"]
    cosine: Float[Array, "cells k"]

    def displacement(self, x: Float[Array, "cells dim"], of: slice = slice(None)) -> Float[Array, "some dim"]:
        """To be expected of each cell, or of some, in the units of x, any coordinates of all cells."""
        excess = self.weight[of] - 1 / self.weight.shape[1]  # rows sum to zero
        found = np.zeros((len(excess), x.shape[1]))
        for k in range(excess.shape[1]):
            found += excess[:, k, None] * x[self.neighbors[of, k]]
        return found

    def transitions(self) -> Any:
        """The probabilities as scipy.sparse CSR [cells, cells]."""
        from scipy.sparse import csr_array

        cells, k = self.neighbors.shape
        rows = np.arange(0, cells * k + 1, k)
        found = csr_array((self.weight.ravel(), self.neighbors.ravel(), rows), shape=(cells, cells), copy=True)
        found.sort_indices()
        return found


def velocity_graph(
    x: Float[Array, "cells dim"],
    v: Float[Array, "cells dim"],
    neighbors: Int[Array, "cells k"],
    sigma: float | None = SIGMA,
) -> VelocityGraph:
    """x, v: states and velocities in the same axes; neighbors: as `neighbors.nearest_others` finds them.

    sigma  width of the kernel, in cosines; None: the median size of the cosines (Lange et al. 2022)

    Raises ValueError, with a sentence, for a velocity that is not finite.
    """
    lost = int((~np.isfinite(v).all(axis=1)).sum())
    if lost:
        raise ValueError(f"the velocities of {lost:,} of {len(v):,} cells are no finite numbers: train again")
    cosine = np.empty(neighbors.shape, dtype=np.float32)
    speed = np.maximum(np.linalg.norm(v, axis=1), 1e-30)
    rows = max(BLOCK // (neighbors.shape[1] * x.shape[1]), 1)
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        step = x[neighbors[part]] - x[part, None]
        along = np.einsum("ckd,cd->ck", step, v[part])
        cosine[part] = along / np.maximum(np.linalg.norm(step, axis=2) * speed[part, None], 1e-30)
    if sigma is None:
        sigma = max(float(np.median(np.abs(cosine))), 1e-3)
    weight = np.exp((cosine - cosine.max(axis=1, keepdims=True)) / sigma)
    return VelocityGraph(neighbors, weight / weight.sum(axis=1, keepdims=True), cosine)
