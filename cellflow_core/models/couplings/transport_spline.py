"""Transport splines: a smooth path of every cell through all measured times, from the plans between them.

Chewi, Clancy, Le Gouic, Rigollet, Stepaniants & Stromme, "Fast and smooth interpolation on Wasserstein space",
AISTATS 2021, arXiv:2010.12101: cells of consecutive times are coupled by optimal transport, and a smooth curve instead
of a chain of straight lines goes through the partners. Two times give a straight path only; with more, a time between
two others depends on those farther off as well. Nothing is learnt by a network.

Ours, not in the paper: tangents come from the mean motion around a cell and do not overshoot where intervals differ, so
that the curve is a cubic of Fritsch & Butland and not a natural spline (paths/spline_paths.py); and the plan may be
unbalanced, so that cells divide or die. Along a path the log mass of a pair changes linearly. Coupling, epsilon and rho
are those that came nearest to times left out of nine courses (benchmarks/spline_paths.py); a smaller rho came as near,
and ended farther from the number of cells where that is known (benchmarks/toggle.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import Context, HasGrowth, TransportPlan
from cellflow_core.models.paths.spline_paths import with_spline_paths
from cellflow_core.models.transport.coupling_model import CouplingModel, nearest_neighbor_growth
from cellflow_core.models.transport.ot_solvers import Entropic, Unbalanced, ot_solver
from cellflow_core.models.transport.settings import OptionalGrowthSettings
from cellflow_core.models.transport.transport_plans import plans


@dataclass(frozen=True)
class Settings(OptionalGrowthSettings):
    coupling: Literal["exact", "sinkhorn", "unbalanced"] = setting(
        "unbalanced",
        "exact, entropic (sinkhorn) or unbalanced entropic optimal transport, in which cells divide and die",
    )
    epsilon: float = with_default(
        OptionalGrowthSettings, "epsilon", 0.05, help="entropic regularisation epsilon of the plan, unless it is exact"
    )


class TransportSpline(CouplingModel, HasGrowth):
    title = "Transport spline (after Chewi et al.)"
    summary = (
        "Couples the cells of consecutive times by transport plans and lays smooth paths through all times: no network."
    )
    paper = "Chewi et al., AISTATS 2021, arXiv:2010.12101"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        epsilon = self.config.epsilon
        solver = ot_solver(self.config.coupling, Entropic(epsilon), Unbalanced(epsilon, self.config.rho))
        return with_spline_paths(plans(solver, frames, rng))

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """That of the nearest cell of the interval. Raises ValueError where the coupling is balanced."""
        if self.config.coupling != "unbalanced":
            raise ValueError(
                f"with coupling {self.config.coupling!r} {self.title} has no growth: train with 'unbalanced'"
            )
        return nearest_neighbor_growth(self, t, x)
