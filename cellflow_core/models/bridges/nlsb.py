"""Neural Lagrangian Schroedinger bridge: noisy cells on paths of least action, steered by one potential of time.

Koshizuka & Sato, "Neural Lagrangian Schroedinger bridge: diffusion modeling for population dynamics", ICLR 2023,
arXiv:2204.04853. Among all dx = u dt + sigma dW that carry the cells of each time to those of the next, the one of
least cost E of the integral of L(t, x, u) dt is steered by a potential Phi, which solves a Hamilton-Jacobi-Bellman
equation:

    L = |u|^2 / 2 + l(x)          u = -grad Phi        (potential-free: l = 0; density: l = -weight log p(x))
    L = |u - c v(t, x)|^2 / 2     u = c v - grad Phi   (velocity: v is the RNA velocity)
    R = d Phi / dt - |grad Phi|^2 / 2 + c v . grad Phi + sigma^2 / 2 laplace Phi + l = 0

    loss = transport + alpha_L integral L dt + alpha_R integral |R| dt, cells followed from each time to the next

p is a Gaussian mixture around measured cells of all times: cells avoid places where none was seen. v is a network that
is fitted to the velocities of the measured cells first. As RNA velocity is known up to its unit only, v has the typical
speed of the data and c is learnt. All terms are without unit: lengths in standard deviations (pooled), times in mean
intervals.

Clouds alone do not tell noise from drift: what is learnt is the noise of the cheapest motion, most often less than the
true one; `learn_sigma` off keeps a strength that is known, and the motion is the Schroedinger bridge of it.

Where this departs from the paper: noise is learnt as a function of time and the same in every direction; the transport
is that of losses/ot_loss.py; Phi is a plain network, whose Laplace operator is worked out exactly, going forward; R is
taken at one random time of each path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
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
from cellflow_core.models.networks.time_mlp import TimeMLP, potential_scale, velocity_scale
from cellflow_core.models.paths.euler_maruyama import SDEPath, euler_maruyama

CENTRES = 512
"""Measured cells that the mixture p stands on."""
LEAST = 0.02
"""Least noise, in standard deviations (pooled) per square root of a time interval."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 2)
    lagrangian: Literal["potential-free", "density", "velocity"] = setting(
        "potential-free",
        "cells pay for their speed; also for places where no cell was measured; or for leaving the RNA velocity",
    )
    action: float = setting(0.02, "weight of the action along paths", 0.0, 100.0, label="Weight of the action")
    residual: float = setting(
        0.01, "weight of the Hamilton-Jacobi-Bellman equation", 0.0, 100.0, label="Weight of the HJB residual"
    )
    density_weight: float = setting(
        0.1, "density: penalty of places where no cell was measured", 0.0, 100.0, label="Density penalty"
    )
    sigma: float = setting(
        0.25,
        "diffusion coefficient sigma, or its initial value where it is learnt",
        0.05,
        10.0,
        "standard deviations (pooled) per square root of a time interval",
    )
    learn_sigma: bool = setting(
        True, "learn the diffusion coefficient sigma as a function of time", label="Learn the diffusion coefficient σ"
    )
    substeps: int = setting(8, "steps from one time to the next", 1, 1000, "steps")


@dataclass(frozen=True)
class KernelDensity:
    """The mixture p: Gaussians of one width around some measured cells."""

    centres: Float[Tensor, "centres dim"]
    width: float

    def neg_log_density(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        """-log p per axis, from 0 at the densest that can be."""
        near = torch.cdist(x, self.centres).square() / (2 * self.width**2)
        return -(torch.logsumexp(-near, dim=1) - torch.tensor(len(self.centres)).log()) / x.shape[1]


class NLSB(DynamicsModel, HasDrift, HasNoise, HasPotential):
    title = "Neural Lagrangian SB (after Koshizuka & Sato)"
    summary = "Steers noisy cells to the next measured ones along paths of least action, by a learnt potential."
    paper = "Koshizuka & Sato, ICLR 2023, arXiv:2204.04853"
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 500,
        "batch_size": 128,
        "learning_rate": 5e-3,
        "ema_decay": 0.98,
    }
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "potential": ("lagrangian", ("potential-free", "density"))
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.phi = TimeMLP(spec, 1, config.width, config.depth, potential_scale(spec))
        self.phi.layers[-1] = nn.Linear(config.width, 1, bias=False)  # no motion depends on a constant
        last = nn.Linear(16, 1)
        nn.init.constant_(last.bias, math.log(math.expm1(config.sigma - LEAST)))
        self.log_sigma = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), last) if config.learn_sigma else None
        self.solver = ODESolver("euler", config.substeps)
        self.velocity_prior = None
        if config.lagrangian == "velocity":
            self.velocity_prior = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
            self.share = nn.Parameter(torch.tensor(1.0))  # c

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | ({DataRequirement.VELOCITY} if config.lagrangian == "velocity" else set())

    def phases(self) -> tuple[Phase, ...]:
        if self.velocity_prior is None:
            return (Phase("bridge", (Update(self.loss, self.parameters()),), prepare=self.population),)
        known = [*self.velocity_prior.parameters()]
        others = [each for each in self.parameters() if not any(each is one for one in known)]
        first = Phase("velocity", (Update(self.velocity_prior_loss, known),), step_fraction=0.5, prepare=self.speeds)
        return (first, Phase("bridge", (Update(self.loss, others),), prepare=self.population))

    def speeds(self, frames: SnapshotTensors, rng: torch.Generator) -> float:
        """What takes RNA velocity to the typical speed of the data. Raises ValueError where it is zero everywhere."""
        size = torch.cat(frames.cell_data["velocity"]).square().mean().sqrt()
        if not size > 0:
            raise ValueError("the RNA velocity of every cell is zero: choose potential-free or density")
        return float(velocity_scale(self.spec) / size)

    def velocity_prior_loss(self, batch: Batch) -> Loss:
        """v against the RNA velocity of measured cells, per axis, in squared typical speeds."""
        assert self.velocity_prior is not None
        aim = batch.cell_data("velocity").flatten(0, 1) * batch.pool
        t = batch.times.repeat_interleave(batch.x.shape[1])
        separation = ((self.velocity_prior(t, batch.x.flatten(0, 1)) - aim) / velocity_scale(self.spec)).square().mean()
        return Loss(separation, {"velocity": separation.detach()})

    def population(self, frames: SnapshotTensors, rng: torch.Generator) -> KernelDensity | None:
        """The mixture p, as wide as Scott's rule says (Scott 1992, Multivariate Density Estimation)."""
        if self.config.lagrangian != "density":
            return None
        cells = torch.cat(frames.x)
        centres = cells[torch.randperm(len(cells), generator=rng, device=cells.device)[:CENTRES]]
        return KernelDensity(centres, self.spec.scale * len(centres) ** (-1 / (self.spec.dim + 4)))

    def loss(self, batch: Batch) -> Loss:
        """Means over paths, per axis, in squared standard deviations (pooled)."""
        size = batch.x.shape[1]
        t0, t1 = (each.repeat_interleave(size) for each in (batch.times[:-1], batch.times[1:]))
        x0 = batch.x[:-1].flatten(0, 1)
        simulated = euler_maruyama(
            self.solver.count_evaluations(self.drift), self.noise, x0, t0, t1, self.config.substeps, batch.rng
        )
        transport = minibatch_energy_loss(simulated.x[-1].reshape(batch.x[1:].shape), batch.x[1:], self.spec, batch.rng)
        action = self.action(simulated, batch.pool, t1 - t0)
        terms = {"transport": transport, "action": action}
        total = transport + self.config.action * action
        if self.config.residual:
            moment = torch.randint(self.config.substeps, (len(x0),), generator=batch.rng, device=x0.device)
            rows = torch.arange(len(x0), device=x0.device)
            left = self.residual(simulated.t[moment, rows], simulated.x[moment, rows].detach(), batch.pool)
            terms["residual"] = (left.abs() * (t1 - t0)).mean() * self._per_cost
            total = total + self.config.residual * terms["residual"]
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def action(
        self, simulated: SDEPath, population: KernelDensity | None, gap: Float[Tensor, " cells"]
    ) -> Float[Tensor, ""]:
        """The integral of L dt, mean over the paths, without unit."""
        u, t, x = (each[: len(simulated.drift)].flatten(0, 1) for each in (simulated.drift, simulated.t, simulated.x))
        cost = (u if self.velocity_prior is None else u - self._along(t, x)).square().sum(dim=1) / 2 + self._place(
            x, population
        )
        return (cost.reshape(len(simulated.drift), -1) * gap).mean() * self._per_cost

    def residual(
        self, t: Float[Tensor, " cells"], x: Float[Tensor, "cells dim"], population: KernelDensity | None
    ) -> Float[Tensor, " cells"]:
        """R (state^2 / time^2)."""
        change, slope = self.phi.gradient(t, x)
        bend = self.phi.laplacian(t, x)
        left = change - slope.square().sum(dim=1) / 2 + self.noise(t).square() / 2 * bend + self._place(x, population)
        return left if self.velocity_prior is None else left + (self._along(t, x) * slope).sum(dim=1)

    def notes(self) -> tuple[str, ...]:
        followed = (
            () if self.velocity_prior is None else (f"Cells follow {float(self.share):.2g} of the RNA velocity.",)
        )
        return (*self.solver.notes(), *followed)

    def drift(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        downhill = -self.phi.gradient(t, x)[1]
        return downhill if self.velocity_prior is None else downhill + self._along(t, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Before the first time and after the last the noise of the nearest."""
        unit = self.spec.scale / self.spec.interval**0.5
        if self.log_sigma is None:
            return torch.full_like(t, self.config.sigma * unit)
        first, last = self.spec.times[0], self.spec.times[-1]
        passed = ((t - first) / (last - first)).clamp(0, 1)
        return (LEAST + functional.softplus(self.log_sigma(passed[:, None])[:, 0])) * unit

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """Phi, of drift = -grad Phi."""
        return self.phi(t, x)[:, 0]

    def _along(self, t: Tensor, x: Tensor) -> Tensor:
        """c v(t, x)."""
        assert self.velocity_prior is not None
        return self.share * self.velocity_prior(t, x)

    def _place(self, x: Tensor, population: KernelDensity | None) -> Tensor:
        """l(x) (state^2 / time^2)."""
        if population is None:
            return torch.zeros_like(x[:, 0])
        return (
            self.config.density_weight * self.spec.dim * velocity_scale(self.spec) ** 2 * population.neg_log_density(x)
        )

    @property
    def _per_cost(self) -> float:
        """Takes a cost (state^2 / time) to squared spreads per axis in a mean gap."""
        return self.spec.interval / (self.spec.dim * self.spec.scale**2)
