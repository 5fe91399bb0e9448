"""Exact optimal transport between two clouds of points, by the network simplex of POT; and what a dense plan is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ot
import torch
from jaxtyping import Float, Int
from torch import Tensor

EXACT_LIMIT = 5000
"""Points per side up to which a plan is solved whole, in about 1 GB; above it, in random blocks."""
EXACT_BLOCK = 1024
"""Points of the larger side in such a block: the cost is about a tenth above the optimum (50 axes), and a flow that is
learnt from such pairs is as accurate."""
_ZERO = 1e-13  # mass below which an entry of a plan is rounding error


@dataclass(frozen=True)
class DensePlan:
    """A transport plan between n points and m points, whole.

    matrix     mass of each pair [n, m], float64
    converged  whether the solver reached its tolerance
    """

    matrix: Float[Tensor, "n m"]
    converged: bool = True


def exact_plan(
    x0: Float[Tensor, "n dim"], x1: Float[Tensor, "m dim"], rng: torch.Generator
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    """The exact plan of squared Euclidean cost as (row, column, mass); the masses sum to one.

    Above EXACT_LIMIT points a side, both clouds are partitioned at random into the same number of blocks and each pair
    of blocks is solved exactly: an upper bound of the transport cost, within a tenth of it.
    """
    parts = []
    for i, j in in_blocks(len(x0), len(x1), EXACT_LIMIT, EXACT_BLOCK, rng):
        a, b = x0[i].detach().double().cpu().numpy(), x1[j].detach().double().cpu().numpy()
        plan = np.asarray(ot.emd(ot.unif(len(a)), ot.unif(len(b)), ot.dist(a, b), numItermax=5_000_000))
        row, column, mass = (each.to(i.device) for each in nonzero_entries(plan))
        parts.append((i[row], j[column], mass * (len(i) / len(x0))))
    rows, columns, masses = (torch.cat(part) for part in zip(*parts, strict=True))
    return rows, columns, masses


def weighted_plan(
    x0: Float[Tensor, "n dim"], x1: Float[Tensor, "m dim"], a: Float[Tensor, " n"], b: Float[Tensor, " m"]
) -> tuple[
    Int[Tensor, " pairs"], Int[Tensor, " pairs"], Float[Tensor, " pairs"], Float[Tensor, " n"], Float[Tensor, " m"]
]:
    """The exact plan between points of masses a, b (each normalised to one): (row, column, mass, f, g), solved whole.

    f, g  dual potentials (state^2): gradients of the cost in a and b, each up to a constant
    """
    p0, p1, q0, q1 = (each.detach().double().cpu().numpy() for each in (x0, x1, a, b))
    plan, log = ot.emd(q0 / q0.sum(), q1 / q1.sum(), ot.dist(p0, p1), numItermax=5_000_000, log=True)
    row, column, mass = (each.to(x0.device) for each in nonzero_entries(np.asarray(plan)))
    f, g = (torch.from_numpy(np.asarray(log[name])).to(x0) for name in ("u", "v"))
    return row, column, mass, f, g


def cost_plan(
    cost: Float[Tensor, "n m"],
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    """The exact plan between points of equal masses with these costs: (row, column, mass); the masses sum to one."""
    found = ot.emd(ot.unif(cost.shape[0]), ot.unif(cost.shape[1]), cost.double().cpu().numpy(), numItermax=5_000_000)
    row, column, mass = (each.to(cost.device) for each in nonzero_entries(np.asarray(found)))
    return row, column, mass


def in_blocks(
    n: int, m: int, limit: int, block: int, rng: torch.Generator
) -> list[tuple[Int[Tensor, " _"], Int[Tensor, " _"]]]:
    """Rows of either cloud that are coupled with each other: all up to `limit` points a side, else random blocks.

    A block holds at most `block` points of the larger cloud, and the same fraction of the other.
    """
    if not n or not m:
        raise ValueError(f"optimal transport needs points on both sides, got {n} and {m}")
    blocks = 1 if max(n, m) <= limit else min(-(-max(n, m) // block), n, m)
    left = torch.tensor_split(torch.randperm(n, generator=rng, device=rng.device), blocks)
    right = torch.tensor_split(torch.randperm(m, generator=rng, device=rng.device), blocks)
    return list(zip(left, right, strict=True))


def nonzero_entries(
    plan: Float[np.ndarray, "n m"],
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    """Row, column and mass of the entries of a plan that are above rounding error."""
    row, column = np.nonzero(plan > _ZERO)
    return torch.from_numpy(row), torch.from_numpy(column), torch.from_numpy(plan[row, column]).float()


def wasserstein(
    x: Float[np.ndarray, "n dim"],
    y: Float[np.ndarray, "m dim"],
    p: int = 1,
    weight: Float[np.ndarray, " n"] | None = None,
) -> float:
    """Exact Wasserstein-p distance of two clouds with Euclidean ground distance (state).

    weight  mass of each point of x, normalised to one; None for equal masses
    """
    if p not in (1, 2):
        raise ValueError(f"p={p} is not 1 or 2")
    mass = ot.unif(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    metric = "euclidean" if p == 1 else "sqeuclidean"
    cost = ot.dist(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), metric=metric)
    total = np.asarray(ot.emd2(mass / mass.sum(), ot.unif(len(y)), cost, numItermax=10_000_000))
    return total.item() ** (1 / p)
