"""Waddington-OT: unbalanced entropic transport between consecutive times, with rough prior growth rates.

Schiebinger et al., "Optimal-transport analysis of single-cell gene expression identifies developmental trajectories in
reprogramming", Cell 2019, doi:10.1016/j.cell.2019.01.006. Between n cells at t0 and m cells at t1, with the squared
distance over its median as cost C and the growth g_i over the interval, the plan is

    min_P  <C, P> + epsilon sum P log P + lambda1 KL(P 1 | g / n) + lambda2 KL(P' 1 | mean(g) / m).

The source marginal is relaxed (g is a guess), the target marginal nearly holds (the later cells were measured). The row
sums n P 1 are the growth of the plan; each growth iteration takes them for g and solves again. g is exp(r T) for the
net growth rate r of each cell where the data have one, T = t1 - t0, else one for all. Where the number of cells at each
time is the size of the population, g is scaled so that its mean is the ratio of the two; where not, and no growth is
given, growth is relative: known up to a factor for each interval. Snapshots alone do not separate growth from
transport: the result depends on g and lambda1.

The solver is math/sinkhorn.py. Cells are compared along all axes of the state, so that one space holds for all
intervals; with `local_pca` in the leading principal components of the cells of the two times, as in the authors'
program (there 30 components of all genes, here components of the axes of the state). Between the times a pair moves
straight and its mass changes evenly, which is how the authors validate by interpolation; leaving a time out does the
same here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import DensePlan
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
    epsilon: float = setting(0.05, "entropic regularisation epsilon", 1e-3, 10.0, "multiples of the median cost")
    lambda1: float = setting(
        1.0,
        "relaxation lambda1 of the source marginal: penalty on departures from the expected growth g",
        1e-2,
        1e4,
        "multiples of the median cost",
        label="Source relaxation λ₁",
    )
    lambda2: float = setting(
        50.0,
        "relaxation lambda2 of the target marginal: penalty on departures from the measured later cells",
        1e-2,
        1e4,
        "multiples of the median cost",
        label="Target relaxation λ₂",
    )
    growth_iterations: int = setting(3, "growth iterations: each takes the growth of the last plan for g", 1, 20)
    local_pca: int = setting(
        0,
        "leading principal components of the cells of the two times of an interval, in which cells are compared; "
        "0: all axes of the state",
        0,
        10_000,
        "components",
        label="Components of local PCA",
    )
    prior: bool = setting(True, "growth rates of the data as expected growth g; off: the same for all cells")


class WaddingtonOT(CouplingModel, HasGrowth):
    title = "Waddington-OT"
    summary = "Couples cells of consecutive times by transport plans in which cells divide and die; no vector field."
    paper = "Schiebinger et al., Cell 2019, doi:10.1016/j.cell.2019.01.006"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        compared = [local_components(x0, x1, self.config.local_pca) for x0, x1 in pairwise(frames.x)]

        def solve(k: int, i: Tensor, j: Tensor) -> DensePlan:
            x0, x1 = compared[k]
            cost = torch.cdist(x0[i], x1[j]).square()
            growth, total = expected_growth(frames, k, self.config.prior)
            return transport_map(cost, growth[i], self.config, total)

        return sparsified_plans(frames, rng, solve)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """That of the nearest cell of the interval, each cell on the path to the mean of its partners."""
        return nearest_neighbor_growth(self, t, x)


def local_components(
    x0: Float[Tensor, "n dim"], x1: Float[Tensor, "m dim"], count: int
) -> tuple[Float[Tensor, "n components"], Float[Tensor, "m components"]]:
    """Scores (state, float64) of the cells of two times on the leading `count` principal components of both together;
    the cells themselves where `count` is 0, or where there are no more axes than that."""
    x0, x1 = x0.double(), x1.double()
    if not 0 < count < x0.shape[1]:
        return x0, x1
    cells = torch.cat([x0, x1])
    mean = cells.mean(dim=0)
    axes = torch.linalg.svd(cells - mean, full_matrices=False).Vh[:count].T
    return (x0 - mean) @ axes, (x1 - mean) @ axes


def transport_map(
    cost: Float[Tensor, "n m"], growth: Float[Tensor, " n"], config: Settings, total: float | None = None
) -> DensePlan:
    """The plan P above: masses at the later time, where the earlier cells have the mass one together.

    cost    squared distances, in any unit; growth: g, the expected number of descendants of each cell
    total   the mean that g keeps in every growth iteration; None: the mean of the plan
    """
    cost = cost.double() / (float(np.median(cost.cpu().numpy())) or 1.0)
    matrix, converged = cost, True
    for _ in range(config.growth_iterations):
        mean = float(growth.mean())
        # the entropy is that of the plan itself, and not of the normalised plan: with all masses `mean` times as large
        # it differs by a constant cost
        shifted = cost + config.epsilon * float(np.log(mean))
        source = growth / growth.sum()
        plan = entropic_plan(shifted, config.epsilon, config.lambda1, config.lambda2, source=source)
        matrix, converged = mean * plan.matrix, plan.converged
        growth = len(cost) * matrix.sum(1)
        if total is not None:
            matrix, growth = (each * (total / growth.mean()) for each in (matrix, growth))
    return DensePlan(matrix, converged)
