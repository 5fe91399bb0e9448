"""TIGON: velocity and growth of a density, learnt by transporting it from each time to its neighbours.

Sha, Qiu, Zhou & Nie, "Reconstructing growth and dynamic trajectories from single-cell transcriptomics data", Nat. Mach.
Intell. 2024, doi:10.1038/s42256-023-00763-w. The density rho of all cells, whose integral is their number, obeys

    d rho / dt = -div(v rho) + g rho,    so that along a cell's path   d log rho / dt = g - tr(dv/dx)

and of all v, g that lead from each measured density to the next, those of least Wasserstein-Fisher-Rao energy

    int int (|v|^2 + delta^2 g^2) rho dx dt

are sought. Measured densities are Gaussian mixtures centred on the cells, whose bandwidth is lowered in three stages,
to one that is set, or selected by leave-one-out likelihood of the training cells. Samples of each mixture are
transported to the time before and to the time after, and log rho at their new positions, integrated by the line above,
is compared with that of the mixture there. Paths have the weight exp(log mass).

The trace is exact, dim derivatives at a time, or Hutchinson's estimate along one random sign vector above a number of
dimensions (Hutchinson 1990). Departures from the paper: densities are compared by their logarithms (a Huber loss, per
axis), because squared differences vanish wherever cells are far from the other population, and depend on units; cells
are transported forward, too, and only to the neighbouring times: from later cells alone nothing is learnt of early
cells without descendants. Mixtures are of at most CENTRES cells of a time. Where the number of cells is not that of the
population every time has the mass 1, and growth is known up to one constant for each interval. Mixtures represent a
density in few dimensions only: use it up to ten or twenty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.networks.ode_solver import ODESolver, State
from cellflow_core.models.networks.settings import MLPSettings, ODESettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale

CENTRES = 1000
"""Most cells of a time that its mixture is centred on."""
BANDWIDTH_SCHEDULE = (4.0, 2.0, 1.0)
"""Bandwidth of the mixtures in each stage, relative to the last."""
STEP_FRACTIONS = (1.0, 1.0, 2.0)
"""Training steps of each stage, relative to each other."""
BANDWIDTH_GRID = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8)
"""Bandwidths that are selected from, in standard deviations (pooled)."""
HUBER_DELTA = 1.0
"""Difference of log densities, in nats an axis, from which the loss is linear."""


@dataclass(frozen=True)
class Settings(ODESettings, MLPSettings):
    substeps: int = with_default(ODESettings, "substeps", 2)
    tolerance: float = with_default(ODESettings, "tolerance", 1e-3, unit="standard deviations (pooled), nats")
    bandwidth: float = setting(
        0.0,
        "final bandwidth of the Gaussian mixtures on the cells, 4 and 2 times as wide before; 0: by leave-one-out "
        "likelihood of the training cells",
        0.0,
        2.0,
        "standard deviations (pooled)",
    )
    energy: float = setting(
        0.002, "weight of the Wasserstein-Fisher-Rao energy: larger, shorter paths and less growth", 0.0, 100.0
    )
    delta: float = setting(
        1.25, "length scale delta: larger, growth costs more against transport", 0.01, 100.0, "RMS radii"
    )
    max_exact_divergence_dim: int = setting(
        10, "dimensions up to which the divergence is exact; above, Hutchinson's estimator", 0, 1000
    )


@dataclass(frozen=True)
class Mixtures:
    """The density of each time: Gaussians of one bandwidth (state) on its cells, and the log of its total mass."""

    x: tuple[Tensor, ...]
    log_mass: Float[Tensor, " times"]
    width: float

    def log_density(self, k: int, x: Float[Tensor, "cells dim"]) -> Float[Tensor, " cells"]:
        """log rho (per state^dim) at time k."""
        centres = self.x[k]
        near = torch.logsumexp(torch.cdist(x, centres).square() / (-2 * self.width**2), dim=1)
        flat = math.log(len(centres)) + x.shape[1] / 2 * math.log(2 * math.pi * self.width**2)
        return self.log_mass[k] + near - flat


class TIGON(DynamicsModel, HasVelocity, HasGrowth):
    title = "TIGON (after Sha et al.)"
    summary = (
        "Transports the density of cells from time to time and fits velocity and growth until it is the measured one."
    )
    paper = "Sha et al., Nat. Mach. Intell. 2024, doi:10.1038/s42256-023-00763-w"
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 600,
        "batch_size": 64,
        "learning_rate": 5e-3,
        "ema_decay": 0.97,
    }

    Config = Settings
    config: Settings
    bandwidth: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.solver = ODESolver(config.solver, config.substeps, config.tolerance)
        self.register_buffer("bandwidth", torch.tensor(config.bandwidth, dtype=torch.float64))
        self.trained = [*self.net.parameters(), *self.rate.parameters()]

    def phases(self) -> tuple[Phase, ...]:
        return tuple(
            Phase(f"density {k}", (Update(self.loss, self.trained),), fraction, partial(self.prepare, factor=factor))
            for k, (factor, fraction) in enumerate(zip(BANDWIDTH_SCHEDULE, STEP_FRACTIONS, strict=True), start=1)
        )

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator, factor: float) -> Mixtures:
        """The mixtures of one stage."""
        x = tuple(each[torch.randperm(len(each), generator=rng, device=each.device)[:CENTRES]] for each in frames.x)
        mass = torch.ones(len(x), device=x[0].device) if frames.mass is None else frames.mass
        if not self.bandwidth:
            self.bandwidth.fill_(max(BANDWIDTH_GRID, key=lambda each: _likelihood(x, each * self.spec.scale)))
        return Mixtures(x, mass.log(), factor * float(self.bandwidth) * self.spec.scale)

    def loss(self, batch: Batch) -> Loss:
        """Mismatch of log densities, per axis, and energy per axis in squared velocity scales."""
        mixtures: Mixtures = batch.pool
        noise = torch.randn(batch.x.shape, generator=batch.rng, device=batch.x.device)
        cells, count = batch.x + mixtures.width * noise, len(batch.times)
        starts, ends = [*range(1, count), *range(count - 1)], [*range(count - 1), *range(1, count)]
        size, dim = cells.shape[1:]
        x = cells[starts]
        t0, t1 = (batch.times[each].repeat_interleave(size) for each in (starts, ends))
        flat = x.flatten(0, 1)
        ends_x, sums = self._transport(flat, self._directions(flat, batch.rng), t0, t1)
        ends_x, sums = ends_x.reshape(x.shape), sums.reshape(*x.shape[:2], 3)
        difference = torch.stack(
            [
                mixtures.log_density(start, x[i]) + sums[i, :, 0] - mixtures.log_density(end, ends_x[i])
                for i, (start, end) in enumerate(zip(starts, ends, strict=True))
            ]
        )
        mismatch = nn.functional.huber_loss(difference / dim, torch.zeros_like(difference), delta=HUBER_DELTA)
        interval = batch.times[ends] - batch.times[starts]
        action = mixtures.log_mass[starts].exp() * interval * sums[:, :, 2].mean(dim=1)
        energy = action.mean() / (dim * self.spec.scale**2)
        return Loss(mismatch + self.config.energy * energy, {"density": mismatch.detach(), "energy": energy.detach()})

    def _transport(self, x: Tensor, directions: Tensor, t0: Tensor, t1: Tensor) -> State:
        """x at t1, and [cells, 3] the integrals of d log rho, growth and energy along the path from t0."""
        growth_cost = self.config.delta**2 * self.spec.scale**2 * self.spec.dim

        def rates(t: Tensor, state: State) -> State:
            at, integrals = state
            v, products = self.net.jvp(t, at, directions)
            g = self.rate(t, at)[:, 0]
            trace = (directions * products).sum(dim=(1, 2))
            energy = integrals[:, 1].exp() * (v.square().sum(dim=1) + growth_cost * g.square())
            return v, torch.stack([g - trace, g, energy], dim=1)

        return self.solver.integrate(
            rates, (x, x.new_zeros(len(x), 3)), t0, t1, sizes=(self.spec.scale, float(self.spec.dim))
        )

    def _directions(self, x: Tensor, rng: torch.Generator) -> Float[Tensor, "cells k dim"]:
        """Along which the divergence is summed: all axes, or one random sign vector."""
        if x.shape[1] <= self.config.max_exact_divergence_dim:
            return torch.eye(x.shape[1], device=x.device).expand(len(x), -1, -1)
        return torch.randint(2, (len(x), 1, x.shape[1]), generator=rng, device=x.device).to(x) * 2 - 1

    def notes(self) -> tuple[str, ...]:
        if self.config.bandwidth or not self.bandwidth:
            return self.solver.notes()
        bandwidth = f"{float(self.bandwidth):g} standard deviations (pooled)"
        return (
            *self.solver.notes(),
            f"The bandwidth of the Gaussian mixtures, {bandwidth}, was selected by leave-one-out likelihood.",
        )

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]


def _likelihood(x: tuple[Tensor, ...], width: float) -> float:
    """Mean log density of a cell in the mixture of the others of its time, up to a constant.

    Cross-validated bandwidth (Habbema, Hermans & van den Broek, COMPSTAT 1974).
    """
    found = []
    for each in x:
        log = torch.cdist(each, each).square() / (-2 * width**2)
        near = torch.logsumexp(log.fill_diagonal_(-torch.inf), dim=1)
        found.append(float(near.mean()) - math.log(max(len(each) - 1, 1)) - each.shape[1] * math.log(width))
    return sum(found) / len(found)
