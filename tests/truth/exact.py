"""A simulator in the place of a model of it: what an analysis says of the exact field is held against what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from cellflow_core.analysis.dynamics import Dynamics, ModelWrapper
from cellflow_core.data.simulators.contract import HasDrift, Simulator
from cellflow_core.models.contract import Context

STEP = 1e-3
"""Of the differences that derivatives are taken by."""


class Field(torch.autograd.Function):
    """The drift of a process at states [cells, dim], held at one time, with its derivatives by central differences."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, process: HasDrift, time: float) -> torch.Tensor:
        ctx.asked = process, time, x.detach().numpy().astype(np.float64)
        return torch.from_numpy(process.drift(time, ctx.asked[2])).to(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        process, time, x = ctx.asked
        kicks = STEP * np.eye(x.shape[1])
        slopes = [(process.drift(time, x + each) - process.drift(time, x - each)) / (2 * STEP) for each in kicks]
        (above,) = gradients
        found = [(above * torch.from_numpy(each).to(above)).sum(dim=1) for each in slopes]
        return torch.stack(found, dim=1), None, None


@dataclass(frozen=True)
class Exact(ModelWrapper):
    """The process itself in the place of a model of it."""

    process: Any

    def dynamics(self, context: Context) -> Dynamics:
        assert isinstance(self.process, HasDrift) and isinstance(self.process, Simulator)
        noise = float(self.process.noise(0.0)[0])
        return Dynamics(
            "stochastic",
            "the process",
            self.process.simulate().spec,
            torch.device("cpu"),
            drift=lambda t, x: Field.apply(x, self.process, float(t[0]) if len(t) else 0.0),
            noise=lambda t: torch.full_like(t, noise),
        )
