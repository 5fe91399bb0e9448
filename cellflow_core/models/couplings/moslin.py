"""Moslin: transport between consecutive times that keeps clones together, by fused Gromov-Wasserstein with lineage.

Lange et al., "Mapping lineage-traced cells across time points with moslin", Genome Biology 2024,
doi:10.1186/s13059-024-03422-4. Between n cells at t0 and m cells at t1 the plan is

    min_P  (1 - alpha) <C, P> + alpha sum (D0_ik - D1_jl)^2 P_ij P_kl + epsilon KL(P | a b') + rho KL(P 1 | g),

where C is the squared distance of two cells over its mean, and D0, D1 are lineage distances among the cells of one
time: here 0 within a clone and 1 between clones, and 1 for a cell whose clone is unknown. Lineages are compared within
each time only, so that a clone need not be sampled twice. rho = epsilon tau / (1 - tau) is the penalty on departures
from the expected growth g, and tau = 1 allows none; the target marginal holds exactly. g is that of Waddington-OT: from
the growth of each cell where the data have one.

The solver is math/fused_gromov_wasserstein.py, or, where it is installed and asked for, that of the authors' package
moscot (transport/moscot_solver.py), which finds the same plan on JAX and couples more cells at once. Above a number of
cells random blocks of them are coupled, in which a clone is known only as far as its cells are in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.math.fused_gromov_wasserstein import fused_plan
from cellflow_core.math.ot import DensePlan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import moscot_solver
from cellflow_core.models.transport.coupling_model import CouplingModel, expected_growth, sparsified_plans
from cellflow_core.models.transport.ot_solvers import Coupling


@dataclass(frozen=True)
class Settings(Config):
    alpha: float = setting(0.1, "weight alpha of lineage distances against expression", 0.0, 1.0)
    epsilon: float = setting(0.05, "entropic regularisation epsilon", 1e-3, 10.0, "multiples of the mean cost")
    tau: float = setting(0.9, "marginal relaxation tau of the source; 1: growth is exactly as expected", 0.05, 1.0)
    prior: bool = setting(True, "growth rates of the data as expected growth g; off: the same for all cells")
    solver: Literal["own", "moscot"] = setting(
        "own",
        "solver of the plan: built in, or the package moscot",
        choice_labels={"own": "built in", "moscot": "moscot"},
    )


class Moslin(CouplingModel):
    title = "moslin"
    summary = "Couples cells of consecutive times by a transport plan that keeps cells of one clone together."
    paper = "Lange et al., Genome Biol. 2024, doi:10.1186/s13059-024-03422-4"
    needs: ClassVar[frozenset[DataRequirement]] = frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE})

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if config.solver == "moscot" and not config.alpha:
            raise ValueError("moscot solves moslin for alpha above 0: without lineage choose the model moscot")

    @classmethod
    def training_package(cls, config: Settings) -> str:
        return "" if config.solver == "own" else config.solver

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        config, clones = self.config, frames.cell_data["lineage"]
        rho = math.inf if config.tau == 1 else config.epsilon * config.tau / (1 - config.tau)
        has_growth = frames.mass is not None or (config.prior and "growth" in frames.cell_data)

        def solve(k: int, i: Tensor, j: Tensor) -> DensePlan:
            x0, x1 = frames.x[k][i].double(), frames.x[k + 1][j].double()
            distance0, distance1 = lineage_distance(clones[k][i]), lineage_distance(clones[k + 1][j])
            growth = expected_growth(frames, k, config.prior)[0][i]
            source = growth / growth.sum()
            if config.solver == "moscot":
                arrays = (each.cpu().numpy() for each in (x0, x1, distance0, distance1, source))
                plan = moscot_solver.lineage_plan(*arrays, alpha=config.alpha, epsilon=config.epsilon, tau=config.tau)
            else:
                cost = torch.cdist(x0, x1).square()
                cost = cost / (cost.mean() or 1.0)
                plan = fused_plan(cost, distance0, distance1, config.alpha, config.epsilon, rho, source)
            return replace(plan, matrix=plan.matrix.to(growth) * growth.mean())

        limit = moscot_solver.LIMIT if config.solver == "moscot" else Coupling.limit
        return sparsified_plans(frames, rng, solve, grows=has_growth or config.tau < 1, limit=limit)


def lineage_distance(clone: Int[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """0 within a clone, 1 between clones; a cell of no known clone, -1, is at 0 of itself alone."""
    same = (clone[:, None] == clone) & (clone[:, None] >= 0)
    return (~same.fill_diagonal_(True)).double()
