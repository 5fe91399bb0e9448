"""Moslin: transport between consecutive times that keeps clones together, by fused Gromov-Wasserstein with lineage.

Lange et al., "Mapping lineage-traced cells across time points with moslin", Genome Biology 2024,
doi:10.1186/s13059-024-03422-4. Between n cells at t0 and m cells at t1 the plan is

    min_P  (1 - alpha) <C, P> + alpha sum (D0_ik - D1_jl)^2 P_ij P_kl + epsilon KL(P | a b') + rho KL(P 1 | g),

where C is the squared distance of two cells over its mean, and D0, D1 are distances in lineage among the cells of one
time: here 0 within a clone and 1 between clones, and 1 for a cell whose clone is not known. Lineages are compared
within each time only, so that clones need not be met again. rho = epsilon tau / (1 - tau) is the price of another
growth than the expected g, and tau = 1 leaves none; the later cells are met in the shares in which they were measured.
g is that of Waddington-OT: from the growth of each cell where the data have one.

The solver is math/fused.py, on our own Sinkhorn rounds, or, where it is installed and asked for, that of the authors'
package moscot, which finds the same plan on JAX and couples more cells at once. Above a number of cells (models/
static.py, couplings/moscot.py) random blocks of them are coupled, in which clones are known only as far as their cells
are in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.math.fused_gromov_wasserstein import fused_plan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.couplings.moscot import LIMIT, Moscot, lineage_plan
from cellflow_core.models.transport.coupling_model import CouplingModel, expected_growth, sparsified_plans
from cellflow_core.models.transport.transport_plans import DENSE_LIMIT


@dataclass(frozen=True)
class Settings(Config):
    alpha: float = setting(0.1, "weight of lineage against expression", 0.0, 1.0)
    epsilon: float = setting(0.05, "blur of the plan", 1e-3, 10.0, "mean squared distances")
    tau: float = setting(0.9, "how surely growth is as expected; 1: not to be changed", 0.05, 1.0)
    prior: bool = setting(True, "expect the growth of each cell that the data have; off: the same of all cells")
    solver: Literal["own", "moscot"] = setting("own", "who finds the plan: our own rounds, or the package moscot")


class Moslin(CouplingModel):
    title = "moslin"
    summary = "Joins early with late cells by a transport plan that keeps cells of one clone together."
    paper = "Lange et al., Genome Biol. 2024, doi:10.1186/s13059-024-03422-4"
    needs: ClassVar[frozenset[DataRequirement]] = frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE})

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if config.solver == "moscot":
            Moscot.check_installed()
            if not config.alpha:
                raise ValueError("moscot solves moslin for alpha above 0: without lineage choose the model moscot")

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        how, clones = self.config, frames.cell_data["lineage"]
        rho = math.inf if how.tau == 1 else how.epsilon * how.tau / (1 - how.tau)
        told = frames.mass is not None or (how.prior and "growth" in frames.cell_data)

        def dense(k: int, i: Tensor, j: Tensor) -> Tensor:
            x0, x1 = frames.x[k][i].double(), frames.x[k + 1][j].double()
            own0, own1 = lineage_distance(clones[k][i]), lineage_distance(clones[k + 1][j])
            growth = expected_growth(frames, k, how.prior)[0][i]
            source = growth / growth.sum()
            if how.solver == "moscot":
                near, far, kin0, kin1, shares = (each.cpu().numpy() for each in (x0, x1, own0, own1, source))
                return torch.from_numpy(lineage_plan(near, far, kin0, kin1, shares, how)).to(growth) * growth.mean()
            cost = torch.cdist(x0, x1).square()
            plan = fused_plan(cost / (cost.mean() or 1.0), own0, own1, how.alpha, how.epsilon, rho, source)
            return plan * growth.mean()

        limit = LIMIT if how.solver == "moscot" else DENSE_LIMIT
        return sparsified_plans(frames, rng, dense, grows=told or how.tau < 1, limit=limit)


def lineage_distance(clone: Int[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """Distance in lineage: 0 within a clone, 1 between clones; a cell of no known clone, -1, is alike itself alone."""
    same = (clone[:, None] == clone) & (clone[:, None] >= 0)
    return (~same.fill_diagonal_(True)).double()
