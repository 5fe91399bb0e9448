"""JKOnet*: the energy that cells run down, from the condition that every step of the descent is the best one.

Terpin, Lanzetti, Gadea & Doerfler, "Learning diffusion at lightspeed", NeurIPS 2024, arXiv:2406.12616. A population
that follows dx = -(grad V + grad W * rho) dt + sqrt(2 beta) dW takes, in each step tau, the Jordan-Kinderlehrer-Otto
step: rho' minimises  E V + E W * rho' / 2 + beta E log rho' + W2(rho, rho')^2 / (2 tau). Where it is optimal, every
cell y of rho' and its partner x of rho under optimal transport fulfil (equation 9 there)

    grad V(y) + (grad W * rho')(y) + beta grad log rho'(y) + (y - x) / tau = 0,

so that the energy is a least-squares fit over known pairs, without JKOnet's inner optimisation (arXiv:2106.06345).

Where this departs from the paper: its step is the gap between two measured times, and the condition of so long a step
is off by its length. Here a gap is cut into `substeps` along the displacement interpolation; grad log rho comes from a
mixture of Gaussians. What is left over of the condition counts as a displacement, times the gap, so that a short gap is
not all that is learnt. V and beta are identified by cells far from rest alone: at rest grad V = -beta grad log rho.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.gaussians import mixture_score
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasDrift,
    HasNoise,
    HasPotential,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.networks.linear_potential import PolynomialRBFBasis, ridge_weights
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, potential_scale, velocity_scale
from cellflow_core.models.transport.ot_solvers import Exact
from cellflow_core.models.transport.transport_plans import plans

BETA_LR_SCALE = 10.0
"""How much faster than the other weights beta is learnt: it may be far from its first value."""
WIDTHS = (0.25, 0.5, 1.0, 2.0)
"""Widths of the round functions that W is made of, in typical distances of two cells."""
POPULATION = 256
"""Cells of each time that stand for the population in W * rho."""
MIXTURE = 5000
"""Most cells of a density estimate."""
BLOCK = 1024
"""Cells that are compared with a population at once."""
RIDGE = 1e-4
"""Pull of the weights of the linear variant to zero, against a mean over all conditions (the paper: 1e-2, a sum)."""
LEAST_NOISE = 1e-3
"""Least noise, in standard deviations (pooled) per square root of the mean interval: no variance is negative."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 2)
    variant: Literal["net", "linear"] = setting(
        "net", "the landscape as a network, or as polynomials and bumps found by one solve"
    )
    landscape: Literal["auto", "fixed", "by_interval", "moving"] = setting(
        "auto",
        "whether the landscape may change; auto: not at all where diffusion is learnt, else from interval to interval",
    )
    diffusion: bool = setting(False, "learn the diffusion coefficient too (with a fixed landscape)")
    interaction: bool = setting(False, "learn how cells attract or repel each other too")
    substeps: int = setting(4, "steps of descent between two measured times, 1 as in the paper", 1, 64)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chosen != "fixed" and self.diffusion:
            raise ValueError(
                f"the landscape is {self.landscape.replace('_', ' ')} and diffusion on, but a landscape that changes "
                "can mimic any noise, so that diffusion cannot be learnt with it: choose a fixed landscape, or "
                "diffusion off"
            )

    @property
    def chosen(self) -> str:
        """The landscape, where "auto" stands for one of the others, too."""
        return self.landscape if self.landscape != "auto" else "fixed" if self.diffusion else "by_interval"


@dataclass(frozen=True)
class OptimalityConditions:
    """Cells y at the end of each step of descent, and what the condition of the best step asks of them.

    velocity (y - x) / tau; score grad log rho(y); population grad of each part of W * rho; weight sums to one; gap
    between the two measured times over the mean gap
    """

    t: Float[Tensor, " n"]
    y: Float[Tensor, "n dim"]
    velocity: Float[Tensor, "n dim"]
    score: Float[Tensor, "n dim"]
    population: Float[Tensor, "n dim widths"]
    weight: Float[Tensor, " n"]
    gap: Float[Tensor, " n"]


class JKOnetStar(DynamicsModel, HasVelocity, HasDrift, HasNoise, HasPotential):
    title = "JKOnet* (after Terpin et al.)"
    summary = (
        "Learns the landscape that cells run down and, if asked, how much they move by chance. It stands for the older "
        "JKOnet, which seeks the same landscape by a slower and less steady training."
    )
    paper = "Terpin, Lanzetti, Gadea & Doerfler, NeurIPS 2024, arXiv:2406.12616"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1500}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "velocity": ("diffusion", (False,)),
        **dict.fromkeys(("drift", "noise"), ("diffusion", (True,))),
    }

    Config = Settings
    config: Settings

    times: Tensor
    population: Tensor  # [times, POPULATION, dim]: the population in W * rho
    widths: Tensor
    interaction_weights: Tensor  # weights of the round functions of W
    lift: Tensor  # log of beta, in potential units, over QUICK
    weights: Tensor  # [2, basis]: of the linear variant, and what a span of time adds to them

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.unit, self.energy = velocity_scale(spec), potential_scale(spec)
        pull, lift = torch.zeros(len(WIDTHS)), torch.tensor(math.log(0.1) / BETA_LR_SCALE)
        by_steps = config.variant == "net"
        if by_steps:
            self.net = TimeMLP(spec, 1, config.width, config.depth, self.energy)
        else:
            self.basis = PolynomialRBFBasis(spec)
            self.register_buffer("weights", torch.zeros(2, len(self.basis), dtype=torch.float64))
        learnable = {"interaction_weights": (pull, config.interaction), "lift": (lift, config.diffusion)}
        for name, (value, learnt) in learnable.items():
            if by_steps and learnt:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)
        self.register_buffer("widths", torch.tensor(WIDTHS) * spec.scale * (2 * spec.dim) ** 0.5, persistent=False)
        self.register_buffer("times", torch.tensor(spec.times), persistent=False)
        self.register_buffer("population", torch.tensor(spec.center).repeat(len(spec.times), POPULATION, 1))

    @classmethod
    def on_interval_clock(cls, config: Settings) -> bool:
        return config.chosen == "by_interval"

    def phases(self) -> tuple[Phase, ...]:
        if self.config.variant == "linear":
            return (Phase("population", prepare=self.fit_population), Phase("energy", prepare=self.solve))
        energy = Phase("energy", (Update(self.loss, self.parameters()),), prepare=self.conditions)
        return (Phase("population", prepare=self.fit_population), energy)

    def fit_population(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Keep the cells that stand for the population of each time, and the place of the basis."""
        for k, cells in enumerate(frames.x):
            self.population[k] = cells[torch.randint(len(cells), (POPULATION,), generator=rng, device=cells.device)]
        if self.config.variant == "linear":
            self.basis.fit(torch.cat(frames.x), rng)

    def conditions(self, frames: SnapshotTensors, rng: torch.Generator) -> OptimalityConditions:
        """What each step of descent asks, along the exact plan of every gap."""
        parts, interactions = [], []
        for plan in plans(Exact(), frames, rng):
            count = min(max(len(plan.weight) // 2, 1), MIXTURE)
            some = torch.multinomial(plan.weight, count, replacement=True, generator=rng)
            for step in range(1, self.config.substeps + 1):
                s = step / self.config.substeps
                y = (1 - s) * plan.x0 + s * plan.x1
                score = torch.zeros_like(y)
                if self.config.diffusion:
                    score = mixture_score(y[some], y, int(torch.randint(2**31, (1,), generator=rng, device=rng.device)))
                if self.config.interaction:
                    others = y[some[:POPULATION]].expand(BLOCK, -1, -1)
                    interactions += [self._kernel_gradients(part, others[: len(part)]) for part in y.split(BLOCK)]
                t = torch.full_like(plan.weight, plan.t0 + s * (plan.t1 - plan.t0))
                gap = torch.full_like(plan.weight, (plan.t1 - plan.t0) / self.spec.interval)
                parts.append((t, y, (plan.x1 - plan.x0) / (plan.t1 - plan.t0), score, plan.weight, gap))
        t, y, velocity, score, weight, gap = (torch.cat(part) for part in zip(*parts, strict=True))
        interaction = torch.cat(interactions) if interactions else y.new_zeros(1, 1, 1).expand(*y.shape, len(WIDTHS))
        return OptimalityConditions(t, y, velocity, score, interaction, weight / weight.sum(), gap)

    def loss(self, batch: Batch) -> Loss:
        """Mean square of what the condition leaves over, as a displacement over its gap, in typical displacements."""
        pool: OptimalityConditions = batch.pool
        size = batch.x.shape[1] * (len(batch.times) - 1)
        rows = torch.multinomial(pool.weight, size, replacement=True, generator=batch.rng)
        slope = self.net.gradient(self._moment(pool.t[rows]), pool.y[rows])[1]
        population = self.energy * pool.population[rows] @ self.interaction_weights
        left = pool.velocity[rows] + slope + self.beta * pool.score[rows] + population
        total = (left * pool.gap[rows, None] / self.unit).square().mean()
        return Loss(total, {"condition": total.detach(), "noise": (2 * self.beta).sqrt().detach()})

    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Find the weights of the linear variant, ridge regression; a negative beta is set to zero."""
        found = self.conditions(frames, rng)
        count = 2 * (size := len(self.basis)) + len(WIDTHS) + 1
        square = torch.zeros(count, count, dtype=torch.float64, device=found.y.device)
        aim = torch.zeros(count, dtype=torch.float64, device=found.y.device)
        for rows in torch.arange(len(found.t), device=found.y.device).split(1024):
            slope = self.energy / self.unit * self.basis.gradient(found.y[rows])
            later = slope * self._passed(found.t[rows])[:, None, None]
            interaction = self.energy / self.unit * found.population[rows]
            noise = self.energy / self.unit * found.score[rows, :, None]
            share = found.weight[rows].sqrt() * found.gap[rows]
            columns = torch.cat([slope, later, interaction, noise], dim=2) * share[:, None, None]
            wanted = -(found.velocity[rows] / self.unit * share[:, None])
            square += torch.einsum("nic,nid->cd", columns, columns)
            aim += torch.einsum("nic,ni->c", columns, wanted.double())
        used = torch.ones(count, dtype=torch.bool, device=aim.device)
        used[size : 2 * size] = self.config.chosen != "fixed"
        used[2 * size : -1] = self.config.interaction
        used[-1] = self.config.diffusion
        weights = ridge_weights(square, aim, used, RIDGE)
        if weights[-1] < 0:
            used[-1] = False
            weights = ridge_weights(square, aim, used, RIDGE)
        self.weights.copy_(weights[: 2 * size].view(2, size))
        self.interaction_weights.copy_(weights[2 * size : -1])
        self.lift.copy_(weights[-1].clamp(min=LEAST_NOISE**2 / 2).log() / BETA_LR_SCALE)

    @property
    def beta(self) -> Float[Tensor, ""]:
        """Half the squared noise (state^2 / time)."""
        return (self.lift * BETA_LR_SCALE).exp() * self.energy

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self._downhill(t, x)

    drift = velocity

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return (2 * self.beta).sqrt().expand(t.shape)

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """V + W * rho: what a cell feels among the measured ones."""
        if self.config.variant == "net":
            energy = self.net(self._moment(t), x)[:, 0]
        else:
            weights = self.weights[0] + self._passed(t)[:, None] * self.weights[1]
            wall = self.basis.box_penalty(x)[0] / self.spec.interval
            energy = (self.energy * (self.basis.value(x) * weights).sum(dim=1) + wall).to(x.dtype)
        for others, share in self._populations(t) if self.config.interaction else ():
            energy = energy + share * self.energy * (self._kernel_values(x, others) @ self.interaction_weights)
        return energy

    def _downhill(self, t: Tensor, x: Tensor) -> Tensor:
        """-grad (V + W * rho)."""
        if self.config.variant == "net":
            slope = self.net.gradient(self._moment(t), x)[1]
        else:
            weights = self.weights[0] + self._passed(t)[:, None] * self.weights[1]
            slope = self.energy * torch.einsum("nic,nc->ni", self.basis.gradient(x), weights)
            slope = (slope + self.basis.box_penalty(x)[1] / self.spec.interval).to(x.dtype)
        for others, share in self._populations(t) if self.config.interaction else ():
            attraction = self._kernel_gradients(x, others) @ self.interaction_weights
            slope = slope + share[:, None] * self.energy * attraction
        return -slope

    def _moment(self, t: Tensor) -> Tensor:
        """The time that the landscape is asked for: the first, where it does not move."""
        return t if self.config.chosen != "fixed" else torch.full_like(t, self.spec.times[0])

    def _passed(self, t: Tensor) -> Tensor:
        """Share of all measured time that has passed."""
        return (t.double() - self.spec.times[0]) / (self.spec.times[-1] - self.spec.times[0])

    def _populations(self, t: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """The population before and after t, [batch, POPULATION, dim], each with its share."""
        k = (torch.searchsorted(self.times, t.contiguous(), right=True) - 1).clamp(0, len(self.times) - 2)
        s = ((t - self.times[k]) / (self.times[k + 1] - self.times[k])).clamp(0.0, 1.0)
        return (self.population[k], 1 - s), (self.population[k + 1], s)

    def _kernel_values(self, x: Tensor, population: Tensor) -> Tensor:
        """Mean over the population of each round function, [n, widths]."""
        separation = (x[:, None] - population).square().sum(dim=2)
        return torch.stack([(-separation / (2 * width**2)).exp().mean(dim=1) for width in self.widths], dim=1)

    def _kernel_gradients(self, x: Tensor, population: Tensor) -> Tensor:
        """Gradients of `_kernel_values`, [n, dim, widths]."""
        away = x[:, None] - population
        separation = away.square().sum(dim=2)
        bumps = ((-separation / (2 * width**2)).exp() / width**2 for width in self.widths)
        return torch.stack([-(each[:, :, None] * away).mean(dim=1) for each in bumps], dim=2)
