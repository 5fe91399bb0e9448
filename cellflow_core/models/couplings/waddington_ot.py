"""Waddington-OT: entropic transport between consecutive times in which each cell grows at a rate that is known roughly.

Schiebinger et al., "Optimal-transport analysis of single-cell gene expression identifies developmental trajectories in
reprogramming", Cell 2019, doi:10.1016/j.cell.2019.01.006. Between n cells at t0 and m cells at t1, with the squared
distance over its median as cost C and the growth g_i over the interval, the plan is

    min_P  <C, P> + epsilon sum P log P + lambda1 KL(P 1 | g / n) + lambda2 KL(P' 1 | mean(g) / m).

The rows are cheap to leave (the growth is a guess), the columns are dear (the later cells were measured). The row sums
n P 1 are the growth that the plan found; each growth iteration takes them for g and solves again. g is exp(r T) for the
net growth r of each cell where the data have one, T = t1 - t0, else one for all. Where the number of cells at each
time is the size of the population, g is scaled so that its mean is the ratio of the two; where not, and no growth is
given, growth is relative: known up to a factor for each interval. Snapshots alone do not tell growth from transport:
what comes out hangs on g and lambda1.

The solver is math/sinkhorn.py. Cells are compared in the state of the data, not in components made anew for each pair
of times as in the authors' program, so that one space holds for all intervals. Between the times, a pair goes straight
and its mass changes evenly, which is how the authors validate by interpolation; leaving a time out does the same here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models.contract import Context, HasGrowth, TransportPlan
from cellflow_core.models.transport.coupling_model import (
    CouplingModel,
    expected_growth,
    nearest_neighbor_growth,
    sparsified_plans,
)


@dataclass(frozen=True)
class Settings(Config):
    epsilon: float = setting(0.05, "blur of the plan", 1e-3, 10.0, "median squared distances")
    lambda1: float = setting(1.0, "price of another growth than expected", 1e-2, 1e4, "median squared distances")
    lambda2: float = setting(
        50.0, "price of meeting the later cells in other shares than measured", 1e-2, 1e4, "median squared distances"
    )
    growth_iterations: int = setting(3, "rounds in which the growth that was found is expected in the next", 1, 20)
    prior: bool = setting(True, "expect the growth of each cell that the data have; off: the same of all cells")


class WaddingtonOT(CouplingModel, HasGrowth):
    title = "Waddington-OT"
    summary = (
        "Joins early with late cells by transport plans in which cells divide and die; no field between the cells."
    )
    paper = "Schiebinger et al., Cell 2019, doi:10.1016/j.cell.2019.01.006"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        def dense(k: int, i: Tensor, j: Tensor) -> Tensor:
            cost = torch.cdist(frames.x[k][i].double(), frames.x[k + 1][j].double()).square()
            growth, total = expected_growth(frames, k, self.config.prior)
            return transport_map(cost, growth[i], self.config, total)

        return sparsified_plans(frames, rng, dense)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """That of the nearest cell of the interval, all cells on the way to the mean of their partners."""
        return nearest_neighbor_growth(self, t, x)


def transport_map(
    cost: Float[Tensor, "n m"], growth: Float[Tensor, " n"], how: Settings, total: float | None = None
) -> Float[Tensor, "n m"]:
    """The plan P above, float64: masses at the later time, where the earlier cells have the mass one together.

    cost    squared distances, in any unit; growth: g, what one of each cell becomes over the interval
    total   the mean that g keeps in every growth iteration; None: whatever the plan makes of it
    """
    cost = cost.double() / (float(np.median(cost.cpu().numpy())) or 1.0)
    plan = cost
    for _ in range(how.growth_iterations):
        mean = float(growth.mean())
        # the entropy is that of the plan itself, and not of its shares: with all masses `mean` times as large it
        # differs by a constant cost
        raised = cost + how.epsilon * float(np.log(mean))
        source = growth / growth.sum()
        plan = mean * entropic_plan(raised, how.epsilon, how.lambda1, how.lambda2, source=source)
        growth = len(cost) * plan.sum(1)
        if total is not None:
            plan, growth = (each * (total / growth.mean()) for each in (plan, growth))
    return plan
