"""The Jacobian of a velocity field between genes.

After Qiu et al., Cell 185:690, 2022, doi:10.1016/j.cell.2021.12.045: in axes that are genes, J_ij = df_i / dx_j; in
principal components, with loadings W [dim, genes], W^T J W, which sees a gene only as far as the axes hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
CELLS = 300
"""Cells over which the mean is taken, drawn at random where there are more."""
BLOCK = 20_000_000
"""Derivatives that are held at once."""


def some_cells(chosen: Bool[Array, " cells"], seed: int = 0) -> Int[Array, " some"]:
    """At most CELLS of these, in order. Raises ValueError where there is none."""
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise ValueError("no cell is in this group, so there is no mean over its cells: choose another one")
    return np.sort(np.random.default_rng(seed).choice(rows, min(CELLS, len(rows)), replace=False))


def jacobians(moving: Dynamics, data: Snapshots, rows: Int[Array, " some"]) -> Iterator[Float[Array, "block dim dim"]]:
    """df_i / dx_j (1 / time) at these cells, each at its own time, a block of cells after the other.

    Raises ValueError for a model without a field.
    """
    size = max(1, BLOCK // data.dim**2)
    for time in data.times if len(data.times) else (first_time(data),):
        here = rows[cells_of_time(data, float(time))[rows]]
        for start in range(0, len(here), size):
            yield field_geometry(moving, data.x[here[start : start + size]], float(time)).jacobian


def loadings(data: Snapshots, genes: Sequence[str]) -> Float[Array, "dim genes"]:
    """How the state changes with each of these genes. Raises ValueError where axes are no linear map of genes."""
    space = data.space
    if not isinstance(space, AffineSpace) or not space.genes:
        raise ValueError(
            f"the axes of these cells ({space.kind}) are no linear map of genes, so derivatives of the velocity are no "
            "influence of one gene on another: use a model of genes or principal components"
        )
    return np.stack([space.gene(each)[0] for each in genes], axis=1).astype(np.float64)


def gene_jacobian(
    model: Model, data: Snapshots, genes: Sequence[str], rows: Int[Array, " some"]
) -> Float[Array, "genes genes"]:
    """Change of the velocity of the target (row) when the source (column) rises, mean over cells, each gene in its
    standard deviations (1 / time).

    Raises ValueError where the model has no field, its axes are no genes, or its field does not vary.
    """
    moving, w = dynamics(model), loadings(data, genes)
    total = np.zeros((data.dim, data.dim))
    for block in jacobians(moving, data, rows):
        total += block.sum(axis=0, dtype=np.float64)
    if not total.any():
        raise ValueError(
            f"the field of {moving.title} is constant in steps: its derivatives are 0, and say nothing of genes"
        )
    spread = spreads(data, genes)
    inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    return inverse[:, None] * (w.T @ (total / len(rows)) @ w) * spread


def spreads(data: Snapshots, genes: Sequence[str]) -> Float[Array, " genes"]:
    """Standard deviation of each gene over all cells, as their states tell it."""
    found = data.space.gene_std(data.x)
    return np.array([found[data.space.index(each)] for each in genes], dtype=np.float64)
