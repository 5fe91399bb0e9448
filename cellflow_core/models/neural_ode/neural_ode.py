"""A neural ODE whose predicted clouds are compared with the measured ones by optimal transport.

Chen et al., "Neural ordinary differential equations", NeurIPS 2018, arXiv:1806.07366, with the transport loss and the
energy penalty of Tong et al., "TrajectoryNet", ICML 2020, arXiv:2002.04461 and Huguet et al., "MIOFlow", NeurIPS 2022,
arXiv:2206.14928. Cells of each time are carried to the next through torchdiffeq, however long the gap is.

Transport between samples is biased: it is smallest for a cloud narrower than the measured one. Each batch is therefore
cut into halves a, b and compared by the minibatch energy distance of Salimans et al., ICLR 2018, arXiv:1803.05573:

    D = [W(xa, ya) + W(xb, yb) - W(xa, xb) - W(ya, yb)] / 2        W: exact plan, squared distance

which is zero in the mean where the clouds agree (a single batch may fall below).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint

from cellflow_core.config import Config, setting
from cellflow_core.data.frames import Batch
from cellflow_core.data.snapshots import Spec
from cellflow_core.math.ot import exact_plan
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.nets import Network, velocity_unit


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    energy: float = setting(
        0.05, "weight of the kinetic energy against the transport loss: straighter, but shorter ways", 0.0, 100.0
    )
    substeps: int = setting(4, "midpoint steps from one time to the next", 1, 200, "steps")


class NeuralODE(DynamicsModel, HasVelocity):
    title = "Neural ODE"
    summary = "Carries cells through a learnt velocity and corrects it until they land on the next measured cells."
    paper = "Chen et al., NeurIPS 2018, arXiv:1806.07366"
    recommended: ClassVar[Mapping[str, Any]] = {"steps": 600, "batch": 128, "learning_rate": 5e-3, "average": 0.98}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: Spec) -> None:
        super().__init__(config, spec)
        self.net = Network(spec, spec.dim, config.width, config.depth, velocity_unit(spec))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("carry", (Update(self.loss, self.net.parameters()),)),)

    def loss(self, batch: Batch) -> Loss:
        """Mean over intervals, per axis, in squared spreads of the data."""
        landed, energy = self.carry(batch)
        apart = torch.stack([_divergence(x, y, batch.rng) for x, y in zip(landed, batch.x[1:], strict=True)]).mean()
        unit = self.spec.dim * self.spec.scale**2
        transport, energy = apart / unit, energy / unit
        terms = {"transport": transport.detach(), "energy": energy.detach()}
        return Loss(transport + self.config.energy * energy, terms)

    def carry(self, batch: Batch) -> tuple[Float[Tensor, "intervals batch dim"], Float[Tensor, ""]]:
        """Where the cells of each time land at the next one, and the energy of their ways.

        The energy, gap times the integral of |v|^2 dt, is the squared length of a straight and steady way, so that it
        weighs the same against the transport loss whatever the gap. Weight w shortens ways to 1 / (1 + w).
        """
        x0 = batch.x[:-1]
        cells = x0.shape[:2]
        gap = batch.times.diff()[:, None].expand(cells).reshape(-1)
        t0 = batch.times[:-1, None].expand(cells).reshape(-1)

        def field(s: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            step = self.net(t0 + s * gap, state[0]) * gap[:, None]  # d x / d s
            return step, step.square().sum(dim=1)

        span = torch.tensor([0.0, 1.0], device=x0.device)
        start = (x0.reshape(-1, x0.shape[-1]), torch.zeros_like(gap))
        x, energy = odeint(field, start, span, method="midpoint", options={"step_size": 1 / self.config.substeps})
        return x[-1].reshape(x0.shape), energy[-1].mean()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)


def _divergence(
    x: Float[Tensor, "batch dim"], y: Float[Tensor, "batch dim"], rng: torch.Generator
) -> Float[Tensor, ""]:
    """D above, of two batches of the same size; an odd cell out is left aside."""
    half = len(x) // 2
    xa, xb, ya, yb = x[:half], x[half : 2 * half], y[:half], y[half : 2 * half]
    return (_transport(xa, ya, rng) + _transport(xb, yb, rng) - _transport(xa, xb, rng) - _transport(ya, yb, rng)) / 2


def _transport(x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"], rng: torch.Generator) -> Float[Tensor, ""]:
    """Mean squared distance along the exact plan; the gradient takes the plan as fixed (envelope theorem)."""
    row, column, mass = exact_plan(x, y, rng)
    return mass @ (x[row] - y[column]).square().sum(dim=1)
