"""Networks of time and state that take and give the data's own units."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import Spec


class Network(nn.Module):
    """An MLP of (t, x), standardised inside: inputs by the data's centre, scale and time span, outputs by `unit`.

    unit  what one unit of the network's output stands for, for example `velocity_unit(spec)`
    """

    center: Tensor

    def __init__(self, spec: Spec, out: int, width: int, depth: int, unit: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)
        self.scale, self.unit = spec.scale, unit
        self.start, self.interval = spec.times[0], spec.interval
        layers: list[nn.Module] = []
        size = spec.dim + 1
        for _ in range(depth):
            layers += [nn.Linear(size, width), nn.SiLU()]
            size = width
        self.layers = nn.Sequential(*layers, nn.Linear(size, out))

    def forward(self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch out"]:
        state = (x - self.center) / self.scale
        time = (t - self.start) / self.interval
        return self.layers(torch.cat([state, time[:, None]], dim=1)) * self.unit


def velocity_unit(spec: Spec) -> float:
    """A typical speed: one spread of the data in one interval (state / time)."""
    return spec.scale / spec.interval


def potential_unit(spec: Spec) -> float:
    """A typical potential: its gradient is a typical speed (state^2 / time)."""
    return spec.scale**2 / spec.interval
