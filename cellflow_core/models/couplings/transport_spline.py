"""Transport splines: a smooth way of every cell through all measured times, from the plans between them.

Chewi, Clancy, Le Gouic, Rigollet, Stepaniants & Stromme, "Fast and smooth interpolation on Wasserstein space",
AISTATS 2021, arXiv:2010.12101: cells of consecutive times are joined by optimal transport, and a smooth curve instead
of a chain of straight lines goes through the partners. Two times tell a straight way only; with more, a time between
two others is told by those farther off as well. Nothing is learnt by a network.

Ours, not in the paper: slopes come from the mean motion around a cell and do not overshoot where gaps are unlike, so
that the curve is a cubic of Fritsch & Butland and not a natural spline (models/bends.py says how); and the plan may be
unbalanced, so that cells multiply or die (models/plans.py). Along a way the mass of a pair changes evenly. Coupling,
blur and price are those that came nearest to times left out of nine courses (benchmarks/bends.py); growth cheaper than
offered came as near, and ended farther from the number of cells where that is known (benchmarks/toggle.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import Context, HasGrowth, TransportPlan
from cellflow_core.models.paths.spline_paths import with_spline_paths
from cellflow_core.models.transport.coupling_model import CouplingModel, nearest_neighbor_growth
from cellflow_core.models.transport.transport_plans import OTConfig, plans


@dataclass(frozen=True)
class Settings(Config):
    coupling: Literal["exact", "sinkhorn", "unbalanced"] = setting(
        "unbalanced",
        "one exact partner of each cell (full), partners spread around the best (sinkhorn), or the same with cells "
        "that multiply or die",
    )
    rho: float = setting(
        3.0,
        "unbalanced: price of growth against the way: dear growth is even growth",
        1e-3,
        1e4,
        "mean squared distances",
    )
    epsilon: float = setting(0.05, "blur of the pairs, unless they are exact", 0.005, 10.0, "mean squared distances")


class TransportSpline(CouplingModel, HasGrowth):
    title = "Transport spline"
    summary = (
        "Joins the cells of all times by transport plans and lays a smooth way through them, instead of straight "
        "lines with corners: no network."
    )
    paper = "Chewi et al., AISTATS 2021, arXiv:2010.12101"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        how = OTConfig(epsilon=self.config.epsilon, rho=self.config.rho)
        return with_spline_paths(plans(self.config.coupling, frames, rng, how))

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """That of the nearest cell of the interval. Raises ValueError where the coupling is balanced."""
        if self.config.coupling != "unbalanced":
            raise ValueError(
                f"with coupling {self.config.coupling!r} {self.title} knows no growth: train with 'unbalanced'"
            )
        return nearest_neighbor_growth(self, t, x)
