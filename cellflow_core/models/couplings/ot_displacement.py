"""Displacement interpolation: every cell moves straight to its partner of the exact transport plan. The baseline.

McCann, "A convexity principle for interacting gases", Advances in Mathematics 1997, doi:10.1006/aima.1997.1634. Nothing
is learnt: a model that does not beat it between two measured times has added nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.coupling_model import CouplingModel
from cellflow_core.models.transport.ot_solvers import Exact
from cellflow_core.models.transport.transport_plans import plans


@dataclass(frozen=True)
class Settings(Config):
    """No settings: the plan is exact up to `math.ot.EXACT_LIMIT` cells a time, and of random blocks above."""


class OTDisplacement(CouplingModel):
    title = "OT displacement (McCann)"
    summary = (
        "Couples cells of consecutive times by exact optimal transport and moves them straight: nothing is learnt."
    )
    paper = "McCann, Adv. Math. 1997, doi:10.1006/aima.1997.1634"

    Config = Settings
    config: Settings

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        return plans(Exact(), frames, rng)
