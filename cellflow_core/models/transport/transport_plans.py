"""Which cell of one time turns into which of the next, and into how many: the plans that are computed once.

    full        exact transport, squared Euclidean cost
    parts       the same between random parts of at most 1,024 cells, which is full where there are no more: many cells
                cost little more than few, and a network that learns from the pairs is as near to the truth
    geodesic    the same, with the squared length of the shortest way through the cells of both times as cost
                (Tong et al., arXiv:2307.03672; the graph is Isomap's, doi:10.1126/science.290.5500.2319)
    partial     exact transport of a share of the mass; cells without a likely partner stay out (Caffarelli & McCann,
                Ann. Math. 2010, doi:10.4007/annals.2010.171.673)
    fused       fused Gromov-Wasserstein: pairs near each other whose distances to the cells of their own time agree
                (Vayer et al., ICML 2019, arXiv:1805.09114), solved by POT's conditional gradient
    sinkhorn    entropic transport (Cuturi, NeurIPS 2013, arXiv:1306.0895)
    unbalanced  entropic transport in which each cell may leave more or less behind, at a price (Chizat et al., Math.
                Comp. 2018, arXiv:1607.05816): what cells leave behind is their growth. With the price on both sides P
                is the mass that travels, and a pair has P_ij / (n sum_j P_ij) at first and P_ij / (m sum_i P_ij) at
                last: all measured cells of either time, as semi-couplings have them
    travelling  optimal entropy transport (Liero, Mielke & Savare, Invent. Math. 2018, arXiv:1508.07941): the plan of
                least action where moving and growing both have their price, with masses as above (math/wfr.py)

Up to a limit of cells all are coupled at once, above it random blocks of them (math/ot.py). An entropic plan joins any
two cells a little: of each cell PARTNERS partners are kept, drawn in proportion to the plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import ot
import torch
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math import wasserstein_fisher_rao
from cellflow_core.math.graph_geodesics import geodesic_distances
from cellflow_core.math.ot import EXACT_BLOCK, EXACT_LIMIT, exact_plan, in_blocks, nonzero_entries
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models.contract import TransportPlan

Kind = Literal["exact", "blockwise", "geodesic", "partial", "fused", "sinkhorn", "unbalanced", "wfr"]
Sides = Literal["source", "both"]
DENSE_LIMIT = 2048
"""Cells per side up to which a plan that needs all costs at once is solved whole; above, in random blocks."""
DENSE_BLOCK = 1024
"""Cells of the larger side in such a block."""
BLOCK_SIZE = 1024
"""Cells of the larger side in a part."""
N_SAMPLED_PARTNERS = 16
"""Partners kept of each cell in an entropic plan; more where the other time has more than as many cells."""


@dataclass(frozen=True)
class OTConfig:
    """What the plans can be told; each kind looks at its own.

    epsilon    sinkhorn, unbalanced: how far mass is spread around the best plan, in mean costs of the interval
    noise      the same as sigma (state / sqrt(time)) of the Brownian motion between the times: epsilon is then
               2 sigma^2 (t1 - t0), which makes the plan that of the Schroedinger bridge
    price      unbalanced: price of growth and loss against the mean cost of the interval; dear growth is little growth
    sides      unbalanced: whose marginal has the price, that of the earlier cells alone or those of both times
    delta      travelling: price of growth, a length (state)
    share      partial: mass that is joined, 0 to 1
    structure  fused: name in `SnapshotTensors.about` that cells of one time are compared by; "" for their states
    weight     fused: weight of the structure against the distance, 0 to 1
    """

    epsilon: float = 0.05
    noise: float | None = None
    rho: float = 1.0
    relax: Sides = "source"
    delta: float = 1.0
    transported_mass: float = 0.9
    structure_key: str = ""
    alpha: float = 0.5


def plans(
    kind: Kind, frames: SnapshotTensors, rng: torch.Generator, how: OTConfig | None = None
) -> tuple[TransportPlan, ...]:
    """The plan between each time and the next, over all cells."""
    return tuple(_plan(kind, frames, k, rng, how or OTConfig()) for k in range(len(frames.x) - 1))


@dataclass(frozen=True)
class _OTProblem:
    """Cells that are coupled with each other, and what they are compared by within their own time.

    gap  time between them; total  mass of the later ones where that of the earlier ones is 1
    """

    x0: Tensor
    x1: Tensor
    structure0: Tensor
    own1: Tensor
    gap: float
    total: float

    def cost(self) -> Tensor:
        """Squared distances, [n, m] float64."""
        return torch.cdist(self.x0.double(), self.x1.double()).square()


def _plan(kind: Kind, frames: SnapshotTensors, k: int, rng: torch.Generator, how: OTConfig) -> TransportPlan:
    x0, x1 = frames.x[k : k + 2]
    own0, own1 = x0, x1
    if kind == "fused" and how.structure_key:
        if how.structure_key not in frames.cell_data:
            known = ", ".join(frames.cell_data) or "no names"
            raise KeyError(f"nothing is known of {how.structure_key!r} of these cells; known are {known}")
        own0, own1 = frames.cell_data[how.structure_key][k : k + 2]
    t0, t1 = float(frames.times[k]), float(frames.times[k + 1])
    total = 1.0 if frames.mass is None else float(frames.mass[k + 1] / frames.mass[k])
    parts = []
    limit, block = (EXACT_LIMIT, EXACT_BLOCK) if kind in ("exact", "partial") else (DENSE_LIMIT, DENSE_BLOCK)
    if kind == "blockwise":
        limit, block = BLOCK_SIZE, BLOCK_SIZE
    for i, j in in_blocks(len(x0), len(x1), limit, block, rng):
        row, column, *masses = _SOLVERS[kind](_OTProblem(x0[i], x1[j], own0[i], own1[j], t1 - t0, total), how, rng)
        parts.append((i[row], j[column], *(mass * (len(i) / len(x0)) for mass in masses)))
    row, column, weight, *grown = (torch.cat(part) for part in zip(*parts, strict=True))
    return TransportPlan(t0, t1, x0[row], x1[column], weight, grown[0] if grown else None)


def _exact(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    return exact_plan(cells.x0, cells.x1, rng)


def _geodesic(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    cost = geodesic_distances(_to_numpy(cells.x0), _to_numpy(cells.x1)) ** 2
    return _sparse(np.asarray(ot.emd(*_shares(cost), cost, numItermax=5_000_000)), cells)


def _partial(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    """By one further point a side, which takes what is not joined at no cost."""
    cost = _to_numpy(cells.cost())
    n, m = cost.shape
    left = 1 - how.transported_mass
    wider = np.zeros((n + 1, m + 1))
    wider[:n, :m] = cost
    wider[n, m] = 2 * cost.max() + 1.0  # so that nothing goes from the one to the other
    a, b = (np.append(each, left) for each in _shares(cost))
    plan = np.asarray(ot.emd(a, b, wider, numItermax=5_000_000))[:n, :m]
    return _sparse(plan / plan.sum(), cells)


def _fused(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    """Costs and distances against their own means, so that `weight` means the same in any unit."""
    cost, own0, own1 = _to_numpy(cells.cost()), _pairwise_distances(cells.structure0), _pairwise_distances(cells.own1)
    unit = np.sqrt((np.mean(own0**2) + np.mean(own1**2)) / 2) or 1.0
    a, b = _shares(cost)
    plan = ot.gromov.fused_gromov_wasserstein(
        cost / (cost.mean() or 1.0), own0 / unit, own1 / unit, a, b, alpha=how.alpha, symmetric=True
    )
    return _sparse(np.asarray(plan), cells)


def _entropic(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    cost = cells.cost()
    return _sample_partners(entropic_plan(cost, _epsilon(cells, cost, how)), rng)


def _unbalanced(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    """What each earlier cell leaves behind has its price; the later ones are met as they are or have it too."""
    cost = cells.cost()
    price = how.rho * float(cost.mean())
    both = how.relax == "both"
    plan = entropic_plan(cost, _epsilon(cells, cost, how), price, price if both else math.inf, cells.total)
    if both:
        return _semi_couplings(plan / plan.sum(1)[:, None], plan / plan.sum(0), cells.total, rng)
    row, column, weight = _sample_partners(plan, rng)
    return row, column, weight, weight * (len(cost) * plan.sum(1)).float()[row]


def _wfr(cells: _OTProblem, how: OTConfig, rng: torch.Generator) -> tuple[Tensor, ...]:
    """Blur is counted in squared distances here too, which the cost is over 4 delta^2 for near cells."""
    squares = cells.cost()
    blur = _epsilon(cells, squares, how) / (4 * how.delta**2)
    plan = entropic_plan(wasserstein_fisher_rao.cost(squares.sqrt(), how.delta), blur, 1.0, 1.0, cells.total)
    return _semi_couplings(plan / plan.sum(1)[:, None], plan / plan.sum(0), cells.total, rng)


def _semi_couplings(early: Tensor, late: Tensor, total: float, rng: torch.Generator) -> tuple[Tensor, ...]:
    """Partners of every cell of either side: row, column, mass early, which sums to one, and late, to `total`.

    early [n, m] with rows that sum to one, late with columns that do. A pair may come from its row or its column, and
    has its share of what both draw (balance heuristic of Veach & Guibas, SIGGRAPH 1995); each cell's mass is exact.
    """
    n, m = early.shape
    down, across = _sample_partners(early, rng), _sample_partners(late.T, rng)
    row, column = torch.cat([down[0], across[1]]), torch.cat([down[1], across[0]])
    first, last = early[row, column] / n, late[row, column] / m
    first, last = first / (first + last), last / (first + last)
    first /= n * torch.zeros(n, dtype=first.dtype, device=first.device).index_add_(0, row, first)[row]
    last *= total / (m * torch.zeros(m, dtype=last.dtype, device=last.device).index_add_(0, column, last)[column])
    return row, column, first.float(), last.float()


_SOLVERS: Mapping[Kind, Callable[[_OTProblem, OTConfig, torch.Generator], tuple[Tensor, ...]]] = {
    "exact": _exact,
    "blockwise": _exact,
    "geodesic": _geodesic,
    "partial": _partial,
    "fused": _fused,
    "sinkhorn": _entropic,
    "unbalanced": _unbalanced,
    "wfr": _wfr,
}


def _epsilon(cells: _OTProblem, cost: Tensor, how: OTConfig) -> float:
    """epsilon (state^2)."""
    return how.epsilon * float(cost.mean()) if how.noise is None else 2 * how.noise**2 * cells.gap


def _sample_partners(plan: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Partners of each row in proportion to the plan: row, column and mass, which sums to one over all."""
    n, m = plan.shape
    each = max(N_SAMPLED_PARTNERS, -(-N_SAMPLED_PARTNERS * m // n))
    upto = plan.cumsum(1)
    steps = torch.arange(each, device=plan.device) + torch.rand(n, 1, generator=rng, device=plan.device)
    column = torch.searchsorted(upto, steps * (upto[:, -1:] / each)).clamp_(max=m - 1)
    row = torch.arange(n, device=plan.device).repeat_interleave(each)
    return row, column.flatten(), torch.full((n * each,), 1 / (n * each), device=plan.device)


def _sparse(plan: np.ndarray, cells: _OTProblem) -> tuple[Tensor, ...]:
    return tuple(each.to(cells.x0.device) for each in nonzero_entries(plan))


def _shares(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ot.unif(cost.shape[0]), ot.unif(cost.shape[1])


def _pairwise_distances(of: Tensor) -> np.ndarray:
    """Distances within a time: Euclidean, or 0 and 1 for names (whole numbers, of which -1 is unlike any other)."""
    if not of.is_floating_point():
        same = (of[:, None] == of) & (of[:, None] >= 0)
        return _to_numpy(~(same | torch.eye(len(of), dtype=torch.bool, device=of.device)))
    wide = of.double().reshape(len(of), -1)
    return _to_numpy(torch.cdist(wide, wide))


def _to_numpy(of: Tensor) -> np.ndarray:
    return of.detach().double().cpu().numpy()
