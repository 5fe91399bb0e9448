"""Networks of time and state that take and give the data's own units."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec


class TimeMLP(nn.Module):
    """An MLP of (t, x), standardised inside: inputs by the data's centre, scale and time span, outputs by `unit`.

    unit  what one unit of the network's output stands for, for example `velocity_unit(spec)`
    """

    center: Tensor

    def __init__(self, spec: DataSpec, out: int, width: int, depth: int, unit: float = 1.0) -> None:
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
        return self.layers(self._standard(t, x)) * self.unit

    def gradient(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch dim"]]:
        """Derivatives (in t, in x) of a network with one output, as `value_and_grad` has them."""
        return self.value_and_grad(t, x)[1:]

    def value_and_grad(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"], Float[Tensor, "batch dim"]]:
        """Value of a network with one output and its derivatives (in t, in x), by the chain rule written out.

        Plain operations: they work under `no_grad` and under transforms, and can be differentiated again.
        """
        hidden, kept = self._standard(t, x), []
        linear = [each for each in self.layers if isinstance(each, nn.Linear)]
        for layer in linear[:-1]:
            hidden, local = _silu(layer(hidden))
            kept.append(local)
        slope = linear[-1].weight  # [1, width]
        for layer, local in zip(reversed(linear[:-1]), reversed(kept), strict=True):
            slope = (slope * local) @ layer.weight
        slope = slope * self.unit
        return linear[-1](hidden)[:, 0] * self.unit, slope[:, -1] / self.interval, slope[:, :-1] / self.scale

    def value_and_time_derivative(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch out"]]:
        """Value and its derivative in t, by the chain rule written out."""
        hidden = self._standard(t, x)
        change = torch.zeros_like(hidden)
        change[:, -1] = 1 / self.interval
        linear = [each for each in self.layers if isinstance(each, nn.Linear)]
        for layer in linear[:-1]:
            hidden, local = _silu(layer(hidden))
            change = (change @ layer.weight.T) * local
        return linear[-1](hidden) * self.unit, change @ linear[-1].weight.T * self.unit

    def jvp(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], directions: Float[Tensor, "batch k dim"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch k out"]]:
        """Value, and its derivatives in directions of the state: J d, by the chain rule written out."""
        hidden = self._standard(t, x)
        slope = nn.functional.pad(directions / self.scale, (0, 1))
        linear = [each for each in self.layers if isinstance(each, nn.Linear)]
        for layer in linear[:-1]:
            hidden, local = _silu(layer(hidden))
            slope = (slope @ layer.weight.T) * local[:, None]
        return linear[-1](hidden) * self.unit, slope @ linear[-1].weight.T * self.unit

    def _standard(self, t: Tensor, x: Tensor) -> Tensor:
        time = (t - self.start) / self.interval
        return torch.cat([(x - self.center) / self.scale, time[:, None]], dim=1)


def _silu(z: Tensor) -> tuple[Tensor, Tensor]:
    """SiLU and its derivative, gate + silu (1 - gate)."""
    gate = torch.sigmoid(z)
    value = z * gate
    return value, torch.lerp(value, torch.ones_like(z[:1, :1]), gate)


def velocity_scale(spec: DataSpec) -> float:
    """A typical speed: one spread of the data in one interval (state / time)."""
    return spec.scale / spec.interval


def potential_scale(spec: DataSpec) -> float:
    """A typical potential: its gradient is a typical speed (state^2 / time)."""
    return spec.scale**2 / spec.interval
