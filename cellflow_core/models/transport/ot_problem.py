"""An optimal transport problem between the cells of two times, and the pairs that solve it.

An entropic plan couples any two cells a little: of each cell N_SAMPLED_PARTNERS partners are kept, sampled in
proportion to the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.math.ot import DensePlan, nonzero_entries

N_SAMPLED_PARTNERS = 16
"""Partners kept of each cell in an entropic plan; more where the other time has more than as many cells."""


@dataclass(frozen=True)
class OTProblem:
    """Transport of cells x0 of one time onto cells x1 of the next, equally weighted within either time.

    interval     time between them
    growth       total mass of the later cells where that of the earlier ones is 1
    structure0   what cells of the earlier time are compared by among themselves (fused Gromov-Wasserstein): vectors, or
                 names as whole numbers, -1 where unknown; structure1: the same of the later time
    """

    x0: Float[Tensor, "n dim"]
    x1: Float[Tensor, "m dim"]
    interval: float
    growth: float
    structure0: Tensor
    structure1: Tensor

    def cost(self) -> Float[Tensor, "n m"]:
        """Squared Euclidean distances (state^2), float64."""
        return torch.cdist(self.x0.double(), self.x1.double()).square()


@dataclass(frozen=True)
class SparsePlan:
    """A solution: pairs of rows of x0 and x1.

    mass         of each pair, summing to one
    target_mass  of each pair at the later time, summing to `growth`, where the plan is unbalanced
    converged    whether the solver reached its tolerance
    """

    row: Int[Tensor, " pairs"]
    column: Int[Tensor, " pairs"]
    mass: Float[Tensor, " pairs"]
    target_mass: Float[Tensor, " pairs"] | None = None
    converged: bool = True


def from_matrix(matrix: Float[np.ndarray, "n m"], device: torch.device, converged: bool) -> SparsePlan:
    """The entries of a plan that are not zero."""
    row, column, mass = (each.to(device) for each in nonzero_entries(matrix))
    return SparsePlan(row, column, mass, converged=converged)


def sampled(plan: DensePlan, rng: torch.Generator, grows: bool = False) -> SparsePlan:
    """Partners of each row in proportion to the plan.

    grows  whether what the plan has of a row is its mass at the later time; else each row keeps its mass
    """
    row, column, mass = _sample_partners(plan.matrix, rng)
    growth = (len(plan.matrix) * plan.matrix.sum(1)).float()[row] if grows else None
    return SparsePlan(row, column, mass, None if growth is None else mass * growth, plan.converged)


def semi_couplings(plan: DensePlan, growth: float, rng: torch.Generator) -> SparsePlan:
    """Partners of every cell of either side: pairs with their mass early, which sums to one, and late, to `growth`.

    A pair may be sampled from its row or its column, and has its fraction of what both sample (balance heuristic of
    Veach & Guibas, SIGGRAPH 1995); the mass of each cell is exact.
    """
    early, late = plan.matrix / plan.matrix.sum(1)[:, None], plan.matrix / plan.matrix.sum(0)
    n, m = plan.matrix.shape
    rows, columns = _sample_partners(early, rng), _sample_partners(late.T, rng)
    row, column = torch.cat([rows[0], columns[1]]), torch.cat([rows[1], columns[0]])
    first, last = early[row, column] / n, late[row, column] / m
    first, last = first / (first + last), last / (first + last)
    first /= n * torch.zeros(n, dtype=first.dtype, device=first.device).index_add_(0, row, first)[row]
    last *= growth / (m * torch.zeros(m, dtype=last.dtype, device=last.device).index_add_(0, column, last)[column])
    return SparsePlan(row, column, first.float(), last.float(), plan.converged)


def _sample_partners(matrix: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Row, column and mass, which sums to one over all."""
    n, m = matrix.shape
    each = max(N_SAMPLED_PARTNERS, -(-N_SAMPLED_PARTNERS * m // n))
    cdf = matrix.cumsum(1)
    steps = torch.arange(each, device=matrix.device) + torch.rand(n, 1, generator=rng, device=matrix.device)
    column = torch.searchsorted(cdf, steps * (cdf[:, -1:] / each)).clamp_(max=m - 1)
    row = torch.arange(n, device=matrix.device).repeat_interleave(each)
    return row, column.flatten(), torch.full((n * each,), 1 / (n * each), device=matrix.device)
