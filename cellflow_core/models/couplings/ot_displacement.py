"""Displacement interpolation: every cell goes straight to its partner of the exact transport plan. The baseline.

McCann, "A convexity principle for interacting gases", Advances in Mathematics 1997, doi:10.1006/aima.1997.1634. Nothing
is learnt: a model that does not beat it between two measured times has added nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.coupling_model import CouplingModel


@dataclass(frozen=True)
class Settings(Config):
    """Nothing to set: the plan is exact up to `math.ot.EXACT_LIMIT` cells a time, and of random blocks above."""


class McCann(CouplingModel):
    title = "OT displacement (McCann)"
    summary = "Joins early with late cells by one optimal transport plan and moves them straight: no learning at all."
    paper = "McCann, Adv. Math. 1997, doi:10.1006/aima.1997.1634"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        return tuple(pair_sampler.exact_plans(frames, rng))
