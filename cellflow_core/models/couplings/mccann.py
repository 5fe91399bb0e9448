"""Displacement interpolation: every cell goes straight to its partner of the exact transport plan. The baseline.

McCann, "A convexity principle for interacting gases", Advances in Mathematics 1997, doi:10.1006/aima.1997.1634. Nothing
is learnt: a model that does not beat it between two measured times has added nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.frames import Frames
from cellflow_core.data.snapshots import Spec
from cellflow_core.models import pairs
from cellflow_core.models.contract import DynamicsModel, HasCoupling, Phase, Plan


@dataclass(frozen=True)
class Settings(Config):
    """Nothing to set: the plan is exact up to `math.ot.EXACT_LIMIT` cells a time, and of random blocks above."""


class McCann(DynamicsModel, HasCoupling):
    title = "OT displacement (McCann)"
    summary = "Joins early with late cells by one optimal transport plan and moves them straight: no learning at all."
    paper = "McCann, Adv. Math. 1997, doi:10.1006/aima.1997.1634"
    recommended: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation": 0.0}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: Spec) -> None:
        super().__init__(config, spec)
        self.plans: tuple[Plan, ...] = ()

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("transport", prepare=self.prepare),)

    def prepare(self, frames: Frames, rng: torch.Generator) -> None:
        """Solve and keep the plan of every interval."""
        self.plans = tuple(pairs.full_plans(frames, rng))

    def coupling(self, k: int) -> Plan:
        """Raises IndexError, with a sentence, where there is no such interval or no plan was made yet."""
        if not 0 <= k < len(self.plans):
            raise IndexError(f"there is no plan {k}: {self.title} holds {len(self.plans)}, one for each interval")
        return self.plans[k]

    def get_extra_state(self) -> dict[str, dict[str, float | Tensor]]:
        return {str(k): dict(vars(plan)) for k, plan in enumerate(self.plans)}

    def set_extra_state(self, state: dict[str, dict[str, Any]]) -> None:
        self.plans = tuple(Plan(**state[str(k)]) for k in range(len(state)))
