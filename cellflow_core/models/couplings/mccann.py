"""Displacement interpolation: every cell goes straight to its partner of the exact transport plan. The baseline.

McCann, "A convexity principle for interacting gases", Advances in Mathematics 1997, doi:10.1006/aima.1997.1634. Nothing
is learnt: a model that does not beat it between two measured times has added nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cellflow_core.config import Config
from cellflow_core.data.frames import Frames
from cellflow_core.models import pairs
from cellflow_core.models.contract import Plan
from cellflow_core.models.static import StaticPlans


@dataclass(frozen=True)
class Settings(Config):
    """Nothing to set: the plan is exact up to `math.ot.EXACT_LIMIT` cells a time, and of random blocks above."""


class McCann(StaticPlans):
    title = "OT displacement (McCann)"
    summary = "Joins early with late cells by one optimal transport plan and moves them straight: no learning at all."
    paper = "McCann, Adv. Math. 1997, doi:10.1006/aima.1997.1634"

    Config = Settings
    config: Settings

    def solve(self, frames: Frames, rng: torch.Generator) -> tuple[Plan, ...]:
        return tuple(pairs.full_plans(frames, rng))
