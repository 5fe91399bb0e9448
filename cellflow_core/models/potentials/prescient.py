"""PRESCIENT: noisy cells that run down one learnt landscape, fitted by simulating them between the measured times.

Yeo, Saksena & Gifford, "Generative modeling of single-cell time series with PRESCIENT enables prediction of cell
trajectories with interventions", Nature Communications 2021, doi:10.1038/s41467-021-23518-w:

    dx = -grad Psi(x) dt + sigma dW

Psi is a network with softplus layers that does not know the time, so that what is learnt between the measured times
goes on after them. Cells are followed by Euler-Maruyama steps: with `start` = first, as in the paper, those of the
first time through all others; with `previous` those of each time to the next, which is the default here, as it is
quicker and was nearer to the truth on cells simulated in one valley and in two. At each time they must match the
measured cells:

    loss = sum over times W(followed, measured) + pull E[Psi(measured) - Psi(around)] 2 / sigma^2

W is the debiased transport of losses/ot_loss.py in the place of a Sinkhorn divergence. Where a growth rate g of each
cell is known before (from genes of division and death, for example), a followed cell counts exp(g (t - t0)), g that of
its start. Steps have random lengths, so that Psi is not fitted to one length: with equal ones it became so steep that
cells arrived with them and missed with finer ones.

The second term is the paper's, which makes measured cells likely under the law at rest exp(-2 Psi / sigma^2) and rules
over Psi where cells rarely come; there Psi is measured from zero, here, as no motion depends on a constant, from its
mean one spread around the measured cells. It has no lower bound: the weight is the 1e-6 of the authors' program, as a
hundred times that makes Psi steeper with every step of training. The paper's contrastive pre-training is left out.

Growth is known of measured cells only, so a simulated cell carries none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasDrift,
    HasNoise,
    HasPotential,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.losses.ot_loss import minibatch_energy_loss
from cellflow_core.models.networks.ode_solver import ODESolver
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import potential_scale
from cellflow_core.models.paths.euler_maruyama import euler_maruyama
from cellflow_core.models.paths.settings import DiffusionSettings


@dataclass(frozen=True)
class Settings(DiffusionSettings, MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 2)
    start: Literal["previous", "first"] = setting(
        "previous",
        "cells are followed from each time to the next, or from the first time to all others",
        label="Initial cells",
    )
    growth: Literal["prior", "none"] = setting(
        "prior", "followed cells count by the growth rates that the data come with, where they do; or all alike"
    )
    entropy_weight: float = setting(
        1e-6, "how much measured cells pull the landscape down", 0.0, 100.0, label="Weight of the entropy term"
    )
    substeps: int = setting(16, "steps from one time to the next, of random lengths in training", 1, 1000, "steps")


class Landscape(nn.Module):
    """Psi(x) (state^2 / time): softplus layers, standardised inside."""

    center: Tensor

    def __init__(self, spec: DataSpec, width: int, depth: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)
        self.scale, self.unit = spec.scale, potential_scale(spec)
        sizes = [spec.dim, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(width, 1, bias=False)

    def forward(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        z = (x - self.center) / self.scale
        for layer in self.hidden:
            z = functional.softplus(layer(z))
        return self.last(z)[:, 0] * self.unit

    def slope(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """grad Psi (state / time), by the chain rule written out."""
        z, gates = (x - self.center) / self.scale, []
        for layer in self.hidden:
            z = layer(z)
            gates.append(torch.sigmoid(z))
            z = functional.softplus(z)
        slope = self.last.weight
        for layer, gate in zip(reversed(self.hidden), reversed(gates), strict=True):
            slope = (slope * gate) @ layer.weight
        return slope * (self.unit / self.scale)


class Prescient(DynamicsModel, HasDrift, HasNoise, HasPotential):
    title = "PRESCIENT (after Yeo et al.)"
    summary = "Follows noisy cells down one landscape, and shapes it until they arrive as they were measured."
    paper = "Yeo, Saksena & Gifford, Nature Communications 2021, doi:10.1038/s41467-021-23518-w"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 500,
        "batch_size": 128,
        "learning_rate": 5e-3,
        "ema_decay": 0.98,
    }

    Config = Settings
    config: Settings

    uses_growth: Tensor  # whether training found growth rates

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.landscape = Landscape(spec, config.width, config.depth)
        self.solver = ODESolver("euler", config.substeps)
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.register_buffer("uses_growth", torch.tensor(False))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("follow", (Update(self.loss, self.landscape.parameters()),), prepare=self.detect_growth),)

    def detect_growth(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Whether there are growth rates to count by."""
        self.uses_growth.fill_(self.config.growth == "prior" and "growth" in frames.cell_data)

    def loss(self, batch: Batch) -> Loss:
        landed, log_mass = self.simulate_population(batch)
        transport = minibatch_energy_loss(landed, batch.x[1:], self.spec, batch.rng, log_mass)
        terms = {"transport": transport.detach()}
        if not self.config.entropy_weight:
            return Loss(transport, terms)
        cells = batch.x[1:].flatten(0, 1)
        around = cells + self.spec.scale * torch.randn(cells.shape, generator=batch.rng, device=cells.device)
        depth = (self.landscape(cells).mean() - self.landscape(around).mean()) * 2 / self.sigma**2
        return Loss(transport + self.config.entropy_weight * depth, terms | {"depth": depth.detach()})

    def simulate_population(
        self, batch: Batch
    ) -> tuple[Float[Tensor, "clouds batch dim"], Float[Tensor, "clouds batch"] | None]:
        """Where followed cells are at each time but the first, and the logarithm of what they count for."""
        gaps, drift = batch.times.diff(), self.solver.count_evaluations(self.drift)
        size = batch.x.shape[1]
        growth = batch.cell_data("growth") if self.uses_growth else None
        if self.config.start == "previous":
            t0, t1 = (each.repeat_interleave(size) for each in (batch.times[:-1], batch.times[1:]))
            x = batch.x[:-1].flatten(0, 1)
            landed = self._followed(drift, x, t0, t1, batch.rng)
            return landed.reshape(batch.x[1:].shape), None if growth is None else growth[:-1] * gaps[:, None]
        clouds, x = [], batch.x[0]
        for t0, t1 in zip(batch.times[:-1], batch.times[1:], strict=True):
            x = self._followed(drift, x, t0.expand(size), t1.expand(size), batch.rng)
            clouds.append(x)
        passed = (batch.times[1:] - batch.times[0])[:, None]
        return torch.stack(clouds), None if growth is None else growth[0] * passed

    def _followed(self, drift: Field, x: Tensor, t0: Tensor, t1: Tensor, rng: torch.Generator) -> Tensor:
        """Where cells are at t1, by steps of random lengths: Psi fitted to one length is too steep for any other."""
        return euler_maruyama(drift, self.noise, x, t0, t1, self.config.substeps, rng, uneven=True).x[-1]

    def notes(self) -> tuple[str, ...]:
        counted = "Followed cells counted by the growth rates of the data; simulated cells carry none."
        return (*self.solver.notes(), *((counted,) if self.uses_growth else ()))

    def drift(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        return -self.landscape.slope(x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """Psi, the same at all times."""
        return self.landscape(x)
