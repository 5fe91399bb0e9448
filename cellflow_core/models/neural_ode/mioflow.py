"""MIOFlow: a neural ODE whose populations match the measured ones, along paths that stay near cells.

Huguet, Magruder, Tong, Fasina, Kuchroo, Wolf & Krishnaswamy, "Manifold interpolating optimal-transport flows for
trajectory inference", NeurIPS 2022, arXiv:2206.14928. The loss of the paper,

    transport of the landed to the measured cells  +  density hinge  +  energy

in two stages: each time is carried to the next, then the cells of the first time through all times. The hinge is the
mean of max(0, d - margin), d the distances of a landed cell to its k nearest measured ones of that time. The paper
works in the latent state of a geodesic autoencoder, whose straight lines are geodesics of the data; here that
autoencoder is a state space (data/spaces/geodesic.py): MIOFlow proper is this model on a data set with those axes.

Departures: transport is the debiased distance of losses/ot_loss.py instead of the plain one, and the energy of a path
is counted against the square of its length, as in neural_ode.py, so that gaps of any width weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.ot_loss import density_loss, minibatch_energy_loss
from cellflow_core.models.networks.ode_solver import ODESolver, State
from cellflow_core.models.networks.settings import MLPSettings, ODESettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale


@dataclass(frozen=True)
class Settings(ODESettings, MLPSettings):
    density: float = setting(
        0.1, "weight of the density loss: distance of simulated cells from measured ones", 0.0, 100.0
    )
    neighbours: int = setting(5, "nearest measured cells k of the density loss", 1, 100, "cells")
    margin: float = setting(
        0.01,
        "distance h below which the density loss is zero",
        0.0,
        100.0,
        "standard deviations (pooled)",
        label="Margin h of the density loss",
    )
    energy: float = setting(0.01, "weight of the kinetic energy: straighter, but shorter paths", 0.0, 100.0)
    global_fraction: float = setting(
        0.3,
        "share of the training that carries the first cells through all times",
        0.0,
        1.0,
        label="Fraction of global training",
    )


class MIOFlow(DynamicsModel, HasVelocity):
    title = "MIOFlow (after Huguet et al.)"
    summary = "Carries cells to the next measured ones along paths near the data; made for geodesic autoencoder axes."
    paper = "Huguet et al., NeurIPS 2022, arXiv:2206.14928"
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

    def phases(self) -> tuple[Phase, ...]:
        through, parameters = self.config.global_fraction, self.net.parameters
        one = Phase("from time to time", (Update(self.local, parameters()),), step_fraction=1 - through)
        two = Phase("through all times", (Update(self.global_loss, parameters()),), step_fraction=through)
        return tuple(phase for phase in (one, two) if phase.step_fraction)

    def local(self, batch: Batch) -> Loss:
        """The cells of each time carried to the next, all intervals at once."""
        x0 = batch.x[:-1]
        t0, t1 = (each[:, None].expand(x0.shape[:2]).reshape(-1) for each in (batch.times[:-1], batch.times[1:]))
        landed, energy = self._carry(x0.flatten(0, 1), t0, t1)
        return self._loss(landed.reshape(x0.shape).unbind(), energy, batch)

    def global_loss(self, batch: Batch) -> Loss:
        """The cells of the first time carried through all times."""
        x, landed, energies = batch.x[0], [], []
        for t0, t1 in zip(batch.times[:-1], batch.times[1:], strict=True):
            x, energy = self._carry(x, t0.expand(len(x)), t1.expand(len(x)))
            landed.append(x)
            energies.append(energy)
        return self._loss(landed, torch.stack(energies).mean(), batch)

    def _carry(self, x0: Tensor, t0: Tensor, t1: Tensor) -> tuple[Tensor, Tensor]:
        """Where cells land, and the mean of gap times integral of |v|^2 dt: at constant speed the squared length."""
        gap, dim, scale = t1 - t0, self.spec.dim, self.spec.scale

        def rates(t: Tensor, state: State) -> State:
            v = self.net(t, state[0])
            return v, v.square().sum(dim=1) * gap

        start = (x0, torch.zeros_like(gap))
        x, energy = self.solver.integrate(rates, start, t0, t1, sizes=(scale, dim * scale**2))
        return x, energy.mean()

    def _loss(self, landed: Sequence[Tensor], energy: Tensor, batch: Batch) -> Loss:
        """Per axis, in squared standard deviations (pooled); the distance from cells in spreads."""
        chosen = self.config
        near = [
            density_loss(x, cells, self.spec, chosen.neighbours, chosen.margin)
            for x, cells in zip(landed, batch.x[1:], strict=True)
        ]
        terms = {
            "transport": minibatch_energy_loss(landed, batch.x[1:], self.spec, batch.rng),
            "density": torch.stack(near).mean(),
            "energy": energy / (self.spec.dim * self.spec.scale**2),
        }
        total = terms["transport"] + chosen.density * terms["density"] + chosen.energy * terms["energy"]
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def notes(self) -> tuple[str, ...]:
        place = "The published MIOFlow works on the axes of a geodesic autoencoder, which the Data page offers; "
        return (*self.solver.notes(), place + "on other axes this is its flow without them.")

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)
