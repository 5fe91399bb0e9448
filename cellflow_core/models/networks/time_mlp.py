"""Networks of time and state in the units of the data, and their derivatives.

The derivatives are the chain rule written out. By `torch.func` the same derivatives took 1.3 to 7.3 times as long to
evaluate and 1.1 to 5.8 times as long to train through, and whole models 1.1 to 2.9 times as long to train
(`benchmarks/derivatives.py`, one core, 2026-11-29, stored in `benchmarks/results/derivatives.json`). They are plain
operations: they work under `no_grad` and transforms, and can be differentiated again.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec


class TimeMLP(nn.Module):
    """An MLP of (t, x), standardised inside: inputs by the data's centre, scale and time span, outputs by `unit`.

    unit  what 1 at the output layer stands for, for example `velocity_scale(spec)`
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
        """Derivatives (in t, in x) of a network with one output."""
        return self.value_and_grad(t, x)[1:]

    def value_and_grad(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"], Float[Tensor, "batch dim"]]:
        """Value of a network with one output and its derivatives (in t, in x): reverse mode."""
        hidden, kept = self._standard(t, x), []
        for layer in self._linear[:-1]:
            hidden, local = _silu(layer(hidden))
            kept.append(local)
        last = self._linear[-1]
        slope = last.weight  # [1, width]
        for layer, local in zip(reversed(self._linear[:-1]), reversed(kept), strict=True):
            slope = (slope * local) @ layer.weight
        slope = slope * self.unit
        return last(hidden)[:, 0] * self.unit, slope[:, -1] / self.interval, slope[:, :-1] / self.scale

    def value_and_time_derivative(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch out"]]:
        """Value, and its derivative in t: forward mode."""
        tangent = torch.zeros(len(x), 1, x.shape[1] + 1, device=x.device)
        tangent[..., -1] = 1 / self.interval
        value, change = self._push_forward(t, x, tangent)
        return value, change[:, 0]

    def jvp(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], directions: Float[Tensor, "batch k dim"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch k out"]]:
        """Value, and its derivatives J d in directions of the state: forward mode."""
        return self._push_forward(t, x, nn.functional.pad(directions / self.scale, (0, 1)))

    def laplacian(self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        """Sum of the second derivatives in x of a network with one output.

        Value z, slope J = dz/dx and Laplacian q go through the layers together: f(z) has slope f' J and Laplacian
        f'' |J|^2 + f' q (Li et al. 2024, "Forward Laplacian", arXiv:2307.08214).
        """
        hidden, first = self._standard(t, x), self._linear[0]
        slope = first.weight[:, : x.shape[1]].T.expand(len(x), -1, -1) / self.scale  # [batch, dim, width]
        laplacian = torch.zeros(1, first.out_features, device=x.device)
        for k, layer in enumerate(self._linear[:-1]):
            z = layer(hidden)
            if k:
                slope, laplacian = slope @ layer.weight.T, laplacian @ layer.weight.T
            gate = torch.sigmoid(z)
            once = gate * (1 + z * (1 - gate))
            twice = gate * (1 - gate) * (2 + z * (1 - 2 * gate))
            laplacian = twice * slope.square().sum(dim=1) + once * laplacian
            slope = once[:, None] * slope
            hidden = z * gate
        return (laplacian @ self._linear[-1].weight.T)[:, 0] * self.unit

    @property
    def _linear(self) -> list[nn.Linear]:
        return [each for each in self.layers if isinstance(each, nn.Linear)]

    def _push_forward(
        self, t: Tensor, x: Tensor, tangent: Float[Tensor, "batch k inputs"]
    ) -> tuple[Float[Tensor, "batch out"], Float[Tensor, "batch k out"]]:
        """Value, and its derivatives along tangents of the standardised inputs."""
        hidden = self._standard(t, x)
        for layer in self._linear[:-1]:
            hidden, local = _silu(layer(hidden))
            tangent = (tangent @ layer.weight.T) * local[:, None]
        last = self._linear[-1]
        return last(hidden) * self.unit, tangent @ last.weight.T * self.unit

    def _standard(self, t: Tensor, x: Tensor) -> Tensor:
        time = (t - self.start) / self.interval
        return torch.cat([(x - self.center) / self.scale, time[:, None]], dim=1)


def _silu(z: Tensor) -> tuple[Tensor, Tensor]:
    """SiLU and its derivative, gate + silu (1 - gate)."""
    gate = torch.sigmoid(z)
    value = z * gate
    return value, torch.lerp(value, torch.ones_like(z[:1, :1]), gate)


def velocity_scale(spec: DataSpec) -> float:
    """A typical speed: one standard deviation (pooled) in one mean interval (state / time)."""
    return spec.scale / spec.interval


def potential_scale(spec: DataSpec) -> float:
    """A typical potential: its gradient is a typical speed (state^2 / time)."""
    return spec.scale**2 / spec.interval
