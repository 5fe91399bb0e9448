"""A stochastic bridge whose cells move, divide, diffuse and interact: velocity, growth, score, interaction.

The unbalanced mean-field Schroedinger bridge of Zhang et al., "Modeling cell dynamics and interactions with unbalanced
mean field Schroedinger bridge" (CytoBridge), NeurIPS 2025, arXiv:2505.11197, without interaction the regularised
unbalanced transport of Zhang et al. (DeepRUOT), ICLR 2025, arXiv:2410.00844. The population p of mass-carrying cells

    dx = (b + K) dt + sigma dW,    d log mass = g dt,    K(t, x) = sum_j w_j f(|x - y_j|) (x - y_j)
    d p / dt = -div((v + K) p) + g p,    v = b - sigma^2 / 2 grad log p

passes through all measured populations, at the least energy: E|b|^2, which is the motion of each cell by itself, and a
penalty on growth. Interaction costs nothing, and so explains all that it can.

The papers fit all parts by simulation, stage by stage. Here they are fitted without a simulation, on the same stages:

    interaction  f is linear in its coefficients c (networks/pairwise_interaction.py), and for given paths of paired
                 cells the energy is least where E|b + K - K_c|^2 is, a linear solve. With v + K = E[dx/dt | x] -
                 (1 - 2s) h and h = sigma^2 / 2 grad log p the whole drift is b + K = E[dx/dt | x] + 2 s h, and E[K_c h]
                 = -sigma^2 / 2 E[div K_c] by parts: no score is needed. Then cells are moved along K_c and paired anew
                 (paths/interacting_paths.py), which curves their paths; after ITERATIONS of this, intervals may be
                 long.
    bridge       pairs of unbalanced transport (transport/ot_solvers.py) give growth; Brownian bridges around their
    paths
                 give d = E[dx/dt | x] - K and h (paths/brownian_bridge.py): three networks by regression, each pair
                 weighted by its mass.

Snapshots do not separate K from b where both could be the reason: attraction to the other cells and to a place that
moves with them look alike. The least energy decides for K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasGrowth,
    HasInteraction,
    HasNoise,
    HasScore,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.losses.bridge_matching_loss import bridge_matching_loss
from cellflow_core.models.networks.pairwise_interaction import PairwiseInteraction
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths import interacting_paths
from cellflow_core.models.paths.brownian_bridge import with_bridge_noise
from cellflow_core.models.paths.path_sample import interval_fraction
from cellflow_core.models.paths.settings import DiffusionSettings
from cellflow_core.models.transport.growth_penalty import GrowthPenalty
from cellflow_core.models.transport.ot_solvers import Exact
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import UnbalancedSettings

ITERATIONS = 3
"""Iterations of pairing the cells and solving for the interaction."""
GROUP = 64
"""Cells of a step that are at the same time and interact."""
CELLS = 2048
"""Most cells of each time that the interaction is fitted to."""
SAMPLE = (16, 256)
"""Groups of each interval, and pairs in each, that the interaction is solved on."""


@dataclass(frozen=True)
class Settings(UnbalancedSettings, DiffusionSettings, MLPSettings):
    sigma: float = with_default(DiffusionSettings, "sigma", 0.05)
    growth: bool = setting(True, "learn growth: cells divide and die")
    interaction: bool = setting(True, "learn the interaction between cells")
    cutoff: float = setting(
        1.0, "cutoff distance of the interaction", 0.05, 10.0, "RMS distances of two cells", label="Cutoff distance"
    )
    knots: int = setting(8, "knots of the radial interaction function f", 2, 64, label="Spline knots")
    smoothness: float = setting(0.02, "smoothness penalty on the interaction function f", 1e-6, 10.0)


class CytoBridge(DynamicsModel, HasVelocity, HasScore, HasNoise, HasGrowth, HasInteraction):
    title = "CytoBridge (after Zhang et al.)"
    summary = "Learns velocity, growth, diffusion and the interaction between cells, and how much interaction explains."
    paper = "Zhang et al., NeurIPS 2025, arXiv:2505.11197"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("growth", (True,)),
        "interaction": ("interaction", (True,)),
    }
    limitation = (
        "Where interaction is learnt, all motion it can explain is attributed to it: snapshots cannot tell whether "
        "cells attract each other or a place attracts all of them."
    )

    Config = Settings
    config: Settings

    times: Tensor
    explained_variance: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.displacement = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))  # d above
        self.lift = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))  # h above
        if config.growth:
            self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.force = PairwiseInteraction(config.cutoff * spec.scale * (2 * spec.dim) ** 0.5, config.knots)
        self.growth_penalty = GrowthPenalty(config.rho if config.growth else 1.0, config.epsilon)
        self.pairing = Pairing(self.growth_penalty.coupling if config.growth else Exact())
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)
        self.register_buffer("explained_variance", torch.zeros(()))  # fraction of the squared displacement of pairs

    def phases(self) -> tuple[Phase, ...]:
        bridge = Phase("bridge", (Update(self.loss, self.parameters()),), prepare=self.paths)
        return (Phase("interaction", prepare=self.fit_interaction), bridge) if self.config.interaction else (bridge,)

    def paths(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[interacting_paths.InteractingPaths, ...]:
        """The paths of paired cells, curved by their interaction."""
        interaction = self.force if self.force.coefficients.any() else None
        return interacting_paths.interacting_paths(self.pairing, frames, interaction, rng)

    @torch.no_grad()
    def fit_interaction(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """The interaction that leaves the least energy to the motion of cells by themselves."""
        cells = tuple(x[torch.randperm(len(x), generator=rng, device=x.device)[:CELLS]] for x in frames.x)
        subset = SnapshotTensors(cells, frames.times, frames.spec, mass=frames.mass)
        for _ in range(ITERATIONS):
            parts = [self._equations(each, rng) for each in self.paths(subset, rng)]
            normal, right, total = (torch.stack(part).sum(dim=0) for part in zip(*parts, strict=True))
            coefficients = torch.linalg.solve(
                normal + self.config.smoothness * normal.diagonal().mean() * self.force.smoothness_penalty, right
            )
            self.force.coefficients.copy_(coefficients)
            self.explained_variance.copy_((2 * right - normal @ coefficients) @ coefficients / total)

    def _equations(
        self, paths: interacting_paths.InteractingPaths, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Matrix and right side of one interval for c, and the squared velocity: see the top of this file."""
        at = with_bridge_noise(paths.sample(*SAMPLE, rng), self.sigma, rng)
        features, divergence = self.force.features(at.x, at.share)
        weight = (at.interval[:, None] * at.share).double()
        features, motion = features.double(), at.velocity.double()
        correction = self.sigma**2 * (weight * at.s[:, None]).flatten() @ divergence.double().flatten(0, 1)
        normal = torch.einsum("gc,gcdm,gcdn->mn", weight, features, features)
        right = torch.einsum("gc,gcdm,gcd->m", weight, features, motion) - correction
        total = torch.einsum("gc,gcd->", weight, motion.square())
        return normal, right, total

    def loss(self, batch: Batch) -> Loss:
        """Bridge matching, each pair by its mass; the displacement is what the interaction does not explain."""
        drawn = interacting_paths.sample(batch.pool, batch.x.shape[1], GROUP, batch.rng)
        at = with_bridge_noise(drawn, self.sigma, batch.rng)
        if self.config.interaction:
            at = replace(at, velocity=at.velocity - self.force(at.x, at.x, at.share))
        growth = self.rate if self.config.growth else None
        return bridge_matching_loss(self.displacement, self.lift, at.flatten(), self.sigma, self.spec, growth)

    def notes(self) -> tuple[str, ...]:
        notes = (*(self.growth_penalty.notes() if self.config.growth else ()), *self.pairing.notes())
        if not self.force.coefficients.any():
            return notes
        return (
            *notes,
            f"Interactions explain {float(self.explained_variance):.0%} of the squared displacement of paired cells.",
        )

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.displacement(t, x) - (1 - 2 * interval_fraction(t, self.times))[:, None] * self.lift(t, x)

    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return 2 / self.sigma**2 * self.lift(t, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]

    def interaction(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        cloud: Float[Tensor, "others dim"],
        weight: Float[Tensor, " others"],
        context: Context,
    ) -> Float[Tensor, "batch dim"]:
        return self.force(x, cloud, weight)
