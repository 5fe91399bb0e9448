"""Transport splines: a smooth way of every cell through all measured times, from the plans between them.

Chewi, Clancy, Le Gouic, Rigollet, Stepaniants & Stromme, "Fast and smooth interpolation on Wasserstein space",
AISTATS 2021, arXiv:2010.12101: cells of consecutive times are joined by optimal transport, and a smooth curve instead
of a chain of straight lines goes through the partners. Two times tell a straight way only; with more, a time between
two others is told by those farther off as well. Nothing is learnt by a network.

Ours, not in the paper: slopes come from the mean motion around a cell and do not overshoot where gaps are unlike, so
that the curve is a cubic of Fritsch & Butland and not a natural spline (models/bends.py says how); and the plan may be
unbalanced, so that cells multiply or die (models/plans.py). Along a way the mass of a pair changes evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from cellflow_core.config import Config, setting
from cellflow_core.data.frames import Frames
from cellflow_core.data.snapshots import Spec
from cellflow_core.models.bends import bent
from cellflow_core.models.contract import Plan
from cellflow_core.models.plans import How, plans
from cellflow_core.models.price import Price
from cellflow_core.models.static import StaticPlans


@dataclass(frozen=True)
class Settings(Config):
    coupling: Literal["full", "sinkhorn", "unbalanced"] = setting(
        "unbalanced",
        "one exact partner of each cell (full), partners spread around the best (sinkhorn), or the same with cells "
        "that multiply or die",
    )
    price: float = setting(
        0.0,
        "unbalanced: price of growth against the way: dear growth is even growth; 0: chosen by leaving out inner times "
        "of the training cells",
        0.0,
        1e4,
        "mean squared distances",
    )
    sides: Literal["earlier", "both"] = setting(
        "earlier", "unbalanced: whose mass has the price, that of the earlier cells alone or that of both"
    )
    epsilon: float = setting(0.02, "blur of the pairs, unless they are exact", 0.005, 10.0, "mean squared distances")


class TransportSpline(StaticPlans):
    title = "Transport spline"
    summary = (
        "Joins the cells of all times by transport plans and lays a smooth way through them, instead of straight "
        "lines with corners: no network."
    )
    paper = "Chewi et al., AISTATS 2021, arXiv:2010.12101"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: Spec) -> None:
        super().__init__(config, spec)
        self.price = Price(config.price, config.sides, bent) if config.coupling == "unbalanced" else None

    def solve(self, frames: Frames, rng: torch.Generator) -> tuple[Plan, ...]:
        epsilon = self.config.epsilon
        how = How(epsilon=epsilon) if self.price is None else self.price.how(frames, rng, epsilon)
        return bent(plans(self.config.coupling, frames, rng, how))

    def notes(self) -> tuple[str, ...]:
        return () if self.price is None else self.price.notes()
