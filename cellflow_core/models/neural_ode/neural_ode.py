"""A neural ODE whose predicted clouds are compared with the measured ones by optimal transport.

Chen et al., "Neural ordinary differential equations", NeurIPS 2018, arXiv:1806.07366, with the transport loss and the
energy penalty of Tong et al., "TrajectoryNet", ICML 2020, arXiv:2002.04461 and Huguet et al., "MIOFlow", NeurIPS 2022,
arXiv:2206.14928. Cells of each time are carried to the next through torchdiffeq, however long the gap is. The landed
clouds are compared with the measured ones as losses/ot_loss.py says. With `velocity_weight`, which is ours, the
velocity is kept near the RNA velocity of the measured cells as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.ot_loss import minibatch_energy_loss
from cellflow_core.models.losses.rna_velocity_loss import RNAVelocitySettings, required_data, with_rna_velocity
from cellflow_core.models.networks.ode_solver import ODESolver, State
from cellflow_core.models.networks.settings import MLPSettings, ODESettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale


@dataclass(frozen=True)
class Settings(RNAVelocitySettings, ODESettings, MLPSettings):
    energy: float = setting(
        0.05, "weight of the kinetic energy against the transport loss: straighter, but shorter paths", 0.0, 100.0
    )


class NeuralODE(DynamicsModel, HasVelocity):
    title = "Neural ODE"
    summary = "Carries cells through a learnt velocity and corrects it until they land on the next measured cells."
    paper = "Chen et al., NeurIPS 2018, arXiv:1806.07366"
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 600,
        "batch_size": 128,
        "learning_rate": 5e-3,
        "ema_decay": 0.98,
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.solver = ODESolver(config.solver, config.substeps, config.tolerance)

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return required_data(cls.needs, config)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("carry", (Update(self.loss, self.net.parameters()),)),)

    def loss(self, batch: Batch) -> Loss:
        """Mean over intervals, per axis, in squared standard deviations (pooled)."""
        landed, energy = self.carry(batch)
        transport = minibatch_energy_loss(landed, batch.x[1:], self.spec, batch.rng)
        energy = energy / (self.spec.dim * self.spec.scale**2)
        terms = {"transport": transport.detach(), "energy": energy.detach()}
        loss = Loss(transport + self.config.energy * energy, terms)
        return with_rna_velocity(loss, self.net, batch, self.spec, self.config.velocity_weight)

    def carry(self, batch: Batch) -> tuple[Float[Tensor, "intervals batch dim"], Float[Tensor, ""]]:
        """Where the cells of each time land at the next one, and the energy of their paths.

        The energy, gap times the integral of |v|^2 dt, is the squared length of a straight path at constant speed, so
        that it weighs the same against the transport loss whatever the gap. Weight w shortens paths to 1 / (1 + w).
        """
        x0 = batch.x[:-1]
        cells = x0.shape[:2]
        gap = batch.times.diff()[:, None].expand(cells).reshape(-1)
        t0 = batch.times[:-1, None].expand(cells).reshape(-1)

        def rates(t: Tensor, state: State) -> State:
            v = self.net(t, state[0])
            return v, v.square().sum(dim=1) * gap

        start = (x0.reshape(-1, x0.shape[-1]), torch.zeros_like(gap))
        sizes = (self.spec.scale, self.spec.dim * self.spec.scale**2)
        x, energy = self.solver.integrate(rates, start, t0, t0 + gap, sizes)
        return x.reshape(x0.shape), energy.mean()

    def notes(self) -> tuple[str, ...]:
        return self.solver.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)
