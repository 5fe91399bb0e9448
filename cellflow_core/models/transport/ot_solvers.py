"""Couplings of the cells of two times: one class for each kind, with its parameters and its solver.

Costs are squared Euclidean distances but for `Geodesic`. Exact plans come from the network simplex of POT, entropic
ones from math/sinkhorn.py, of which a few partners of each cell are kept (ot_problem.py).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import ot
import torch
from torch import Tensor

from cellflow_core.math import wasserstein_fisher_rao
from cellflow_core.math.graph_geodesics import geodesic_distances
from cellflow_core.math.ot import EXACT_BLOCK, EXACT_LIMIT, exact_plan
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models.transport.ot_problem import OTProblem, SparsePlan, from_matrix, sampled, semi_couplings

SIMPLEX_ITERATIONS = 5_000_000
FUSED_ITERATIONS = 10_000


@dataclass(frozen=True)
class Coupling:
    """How cells of one time are paired with cells of the next.

    name       what settings call it
    limit      cells a time up to which a plan is solved whole; above, in random blocks
    block      cells of the larger time in such a block
    """

    name: ClassVar[str]
    limit: ClassVar[int] = 2048
    block: ClassVar[int] = 1024


@dataclass(frozen=True)
class Independent(Coupling):
    """Any cell with any cell, paired anew in each batch."""

    name: ClassVar[str] = "independent"


@dataclass(frozen=True)
class Minibatch(Coupling):
    """Exact transport within each batch (Tong et al., arXiv:2302.00482)."""

    name: ClassVar[str] = "minibatch"


@dataclass(frozen=True)
class OTSolver(Coupling):
    """A coupling that is solved once over all cells."""

    @abstractmethod
    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        """The pairs of one block."""


@dataclass(frozen=True)
class Exact(OTSolver):
    """Exact transport."""

    name: ClassVar[str] = "exact"
    limit: ClassVar[int] = EXACT_LIMIT
    block: ClassVar[int] = EXACT_BLOCK

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        return SparsePlan(*exact_plan(problem.x0, problem.x1, rng))


@dataclass(frozen=True)
class Blockwise(Exact):
    """Exact transport between random blocks of cells: many cells cost little more than few, and a network that learns
    from the pairs is as accurate."""

    name: ClassVar[str] = "blockwise"
    limit: ClassVar[int] = 1024


@dataclass(frozen=True)
class Geodesic(OTSolver):
    """Exact transport whose cost is the squared length of the shortest path through the cells of both times.

    Tong et al., arXiv:2307.03672; the graph is Isomap's, doi:10.1126/science.290.5500.2319.
    """

    name: ClassVar[str] = "geodesic"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        cost = geodesic_distances(_to_numpy(problem.x0), _to_numpy(problem.x1)) ** 2
        plan, converged = _simplex(*_uniform(cost), cost)
        return from_matrix(plan, problem.x0.device, converged)


@dataclass(frozen=True)
class Partial(OTSolver):
    """Exact transport of a fraction of the mass; cells without a likely partner stay out.

    Caffarelli & McCann, Ann. Math. 2010, doi:10.4007/annals.2010.171.673, solved with one dummy point a side that takes
    the rest at no cost.
    """

    transported_mass: float = 0.9
    name: ClassVar[str] = "partial"
    limit: ClassVar[int] = EXACT_LIMIT
    block: ClassVar[int] = EXACT_BLOCK

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        cost = _to_numpy(problem.cost())
        n, m = cost.shape
        rest = 1 - self.transported_mass
        extended = np.zeros((n + 1, m + 1))
        extended[:n, :m] = cost
        extended[n, m] = 2 * cost.max() + 1.0  # so that nothing goes from one dummy point to the other
        a, b = (np.append(each, rest) for each in _uniform(cost))
        plan, converged = _simplex(a, b, extended)
        plan = plan[:n, :m]
        return from_matrix(plan / plan.sum(), problem.x0.device, converged)


@dataclass(frozen=True)
class FusedGromovWasserstein(OTSolver):
    """Near cells whose distances to the cells of their own time agree; POT's conditional gradient.

    Vayer et al., ICML 2019, arXiv:1805.09114. Cost and distances are divided by their means, so that alpha means the
    same in any unit.

    structure_key  name in `SnapshotTensors.cell_data` that cells of one time are compared by; "" for their states
    alpha          weight of the structure against the cost, 0 to 1
    """

    structure_key: str = ""
    alpha: float = 0.5
    name: ClassVar[str] = "fused"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        cost = _to_numpy(problem.cost())
        distance0, distance1 = (_distances(each) for each in (problem.structure0, problem.structure1))
        unit = np.sqrt((np.mean(distance0**2) + np.mean(distance1**2)) / 2) or 1.0
        plan, log = ot.gromov.fused_gromov_wasserstein(
            cost / (cost.mean() or 1.0),
            distance0 / unit,
            distance1 / unit,
            *_uniform(cost),
            alpha=self.alpha,
            symmetric=True,
            max_iter=FUSED_ITERATIONS,
            log=True,
        )
        return from_matrix(np.asarray(plan), problem.x0.device, len(log["loss"]) <= FUSED_ITERATIONS)


@dataclass(frozen=True)
class Entropic(OTSolver):
    """Entropic transport (Cuturi, NeurIPS 2013, arXiv:1306.0895).

    epsilon  regularisation, in multiples of the mean cost
    """

    epsilon: float = 0.05
    name: ClassVar[str] = "sinkhorn"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        cost = problem.cost()
        return sampled(entropic_plan(cost, self.epsilon * float(cost.mean())), rng)


@dataclass(frozen=True)
class StaticBridge(OTSolver):
    """The static Schroedinger bridge of Brownian motion: entropic transport with epsilon = 2 sigma^2 (t1 - t0).

    sigma  diffusion coefficient (state / sqrt(time))
    """

    sigma: float
    name: ClassVar[str] = "sinkhorn"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        return sampled(entropic_plan(problem.cost(), 2 * self.sigma**2 * problem.interval), rng)


Relax = Literal["source", "both"]


@dataclass(frozen=True)
class Unbalanced(OTSolver):
    """Entropic transport with relaxed marginals (Chizat et al., Math. Comp. 2018, arXiv:1607.05816).

    Relaxed at the source, the mass that an earlier cell leaves behind is its growth. Relaxed at both, P is the mass
    that is transported, and a pair has P_ij / (n sum_j P_ij) at first and P_ij / (m sum_i P_ij) at last: all measured
    cells of either time, as semi-couplings have them.

    epsilon  regularisation, in multiples of the mean cost
    rho      penalty of the relaxed marginals, in the same unit; large rho is uniform growth
    relax    which marginals are relaxed: that of the earlier cells, or both
    """

    epsilon: float = 0.05
    rho: float = 1.0
    relax: Relax = "source"
    name: ClassVar[str] = "unbalanced"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        cost = problem.cost()
        mean = float(cost.mean())
        rho = self.rho * mean
        both = self.relax == "both"
        plan = entropic_plan(cost, self.epsilon * mean, rho, rho if both else math.inf, problem.growth)
        return semi_couplings(plan, problem.growth, rng) if both else sampled(plan, rng, grows=True)


@dataclass(frozen=True)
class WassersteinFisherRao(OTSolver):
    """Optimal entropy transport (Liero, Mielke & Savare, Invent. Math. 2018, arXiv:1508.07941), with masses as above.

    The plan of least Wasserstein-Fisher-Rao action, math/wasserstein_fisher_rao.py.

    epsilon  regularisation, in multiples of the mean squared distance, of which the cost is 1 / (4 delta^2) for near
             cells
    delta    length scale of growth against transport (state)
    """

    epsilon: float = 0.05
    delta: float = 1.0
    name: ClassVar[str] = "wfr"

    def solve(self, problem: OTProblem, rng: torch.Generator) -> SparsePlan:
        squares = problem.cost()
        epsilon = self.epsilon * float(squares.mean()) / (4 * self.delta**2)
        cost = wasserstein_fisher_rao.cost(squares.sqrt(), self.delta)
        return semi_couplings(entropic_plan(cost, epsilon, 1.0, 1.0, problem.growth), problem.growth, rng)


COUPLINGS: Mapping[str, type[Coupling]] = {
    each.name: each
    for each in (
        Independent,
        Minibatch,
        Exact,
        Blockwise,
        Geodesic,
        Partial,
        FusedGromovWasserstein,
        Entropic,
        Unbalanced,
        WassersteinFisherRao,
    )
}
"""Name in settings -> kind of coupling."""


def coupling(name: str, *configured: Coupling) -> Coupling:
    """The coupling of this name: that of `configured`, else with its defaults."""
    return next((each for each in configured if each.name == name), None) or COUPLINGS[name]()


def ot_solver(name: str, *configured: OTSolver) -> OTSolver:
    """The same for a coupling that is solved over all cells. Raises ValueError for another."""
    found = coupling(name, *configured)
    if not isinstance(found, OTSolver):
        raise ValueError(f"{name} pairs have no plan of all cells: take another coupling")
    return found


def _simplex(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, bool]:
    """The exact plan between masses a and b, and whether it is optimal."""
    plan, log = ot.emd(a, b, cost, numItermax=SIMPLEX_ITERATIONS, log=True)
    return np.asarray(plan), log["warning"] is None


def _uniform(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ot.unif(cost.shape[0]), ot.unif(cost.shape[1])


def _distances(structure: Tensor) -> np.ndarray:
    """Distances within a time: Euclidean, or 0 and 1 for names (whole numbers, of which -1 is unlike any other)."""
    if not structure.is_floating_point():
        same = (structure[:, None] == structure) & (structure[:, None] >= 0)
        return _to_numpy(~(same | torch.eye(len(structure), dtype=torch.bool, device=structure.device)))
    vectors = structure.double().reshape(len(structure), -1)
    return _to_numpy(torch.cdist(vectors, vectors))


def _to_numpy(values: Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
