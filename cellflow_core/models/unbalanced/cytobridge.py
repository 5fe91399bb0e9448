"""A stochastic bridge whose cells move, multiply, jitter and act on each other: velocity, growth, score, interaction.

The unbalanced mean-field Schroedinger bridge of Zhang et al., "Modeling cell dynamics and interactions with unbalanced
mean field Schroedinger bridge" (CytoBridge), NeurIPS 2025, arXiv:2505.11197, without interaction the regularised
unbalanced transport of Zhang et al. (DeepRUOT), ICLR 2025, arXiv:2410.00844. The population p of mass-carrying cells

    dx = (b + K) dt + sigma dW,    d log mass = g dt,    K(t, x) = sum_j w_j f(|x - y_j|) (x - y_j)
    d p / dt = -div((v + K) p) + g p,    v = b - sigma^2 / 2 grad log p

passes all measured clouds, at the least work: E|b|^2, which is what cells do by themselves, and a price on growth. What
cells do to each other costs nothing, and so explains all that it can.

The papers fit all parts by simulation, stage by stage. Here they are fitted without a simulation, on the same stages:

    interaction  f is linear in its strengths c (models/pair_force.py), and for given ways of paired cells the work is
                 least where E|b + K - K_c|^2 is, a linear solve. With v + K = E[dx/dt | x] - (1 - 2s) h and h =
                 sigma^2 / 2 grad log p the whole drift is b + K = E[dx/dt | x] + 2 s h, and E[K_c h] = -sigma^2 / 2
                 E[div K_c] by parts: no score is needed. Then the pairs are carried along K_c and joined anew
                 (models/rides.py), which bends their ways; after ROUNDS of this, gaps may be long.
    bridge       pairs of unbalanced transport (models/plans.py) tell growth; Brownian bridges around their ways tell
                 d = E[dx/dt | x] - K and h (models/brownian.py): three networks by regression, each pair by its mass.

Snapshots do not tell K from b where both could be the reason: attraction to the others and to a place that moves with
them look alike. The least work decides for K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
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
from cellflow_core.models.losses.flow_matching_loss import interval_fraction
from cellflow_core.models.networks.pairwise_interaction import PairwiseInteraction
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths import interacting_paths
from cellflow_core.models.transport.growth_penalty import GrowthPenalty
from cellflow_core.models.transport.transport_plans import OTConfig

ROUNDS = 3
"""Times that pairs are made and the force is solved for."""
GROUP = 64
"""Cells of a step that stand at the same time and feel each other."""
CELLS = 2048
"""Most cells of each time that the force is found from."""
SAMPLE = (16, 256)
"""Groups of each interval, and pairs in each, that the force is solved on."""


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(
        0.05, "strength of the random motion", 0.01, 10.0, "spreads of the data per square root of the mean time gap"
    )
    growth: bool = setting(True, "do cells divide and die?")
    interaction: bool = setting(True, "do cells act on each other?")
    cutoff: float = setting(
        1.0, "distance up to which cells feel each other", 0.05, 10.0, "usual distances of two cells"
    )
    knots: int = setting(8, "distances at which the force between two cells is learnt", 2, 64)
    smoothness: float = setting(
        0.02, "how little the force changes from one of these distances to the next", 1e-6, 10.0
    )
    rho: float = setting(
        0.0,
        "price of growth against the way: dear growth is even growth; 0: chosen by leaving out inner times of the "
        "training cells",
        0.0,
        1e4,
        "mean squared distances",
    )
    epsilon: float = setting(0.02, "blur of the pairs", 0.005, 10.0, "mean squared distances")


class CytoBridge(DynamicsModel, HasVelocity, HasScore, HasNoise, HasGrowth, HasInteraction):
    title = "CytoBridge"
    summary = (
        "Learns at once how cells move, multiply, jitter and push or draw each other, and says which of it moved them."
    )
    paper = "Zhang et al., NeurIPS 2025, arXiv:2505.11197"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("growth", (True,)),
        "interaction": ("interaction", (True,)),
    }
    limitation = (
        "Where interaction is learnt it is given all that it can explain: snapshots cannot tell whether cells act on "
        "each other or a place acts on all of them."
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
        self.growth_penalty = GrowthPenalty(config.rho if config.growth else 1.0)
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)
        self.register_buffer("explained_variance", torch.zeros(()))  # share of the squared motion of paired cells

    def phases(self) -> tuple[Phase, ...]:
        bridge = Phase("bridge", (Update(self.loss, self.parameters()),), prepare=self.rides)
        return (Phase("interaction", prepare=self.fit_interaction), bridge) if self.config.interaction else (bridge,)

    def rides(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[interacting_paths.InteractingPaths, ...]:
        """The ways of paired cells, bent by what they do to each other."""
        how = self.growth_penalty.how(frames, rng, self.config.epsilon) if self.config.growth else OTConfig()
        carrier = self.force if self.force.coefficients.any() else None
        return interacting_paths.interacting_paths(
            "unbalanced" if self.config.growth else "exact", how, frames, carrier, rng
        )

    @torch.no_grad()
    def fit_interaction(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """The pair force that leaves the least work to what cells do by themselves."""
        some = tuple(x[torch.randperm(len(x), generator=rng, device=x.device)[:CELLS]] for x in frames.x)
        few = SnapshotTensors(some, frames.times, frames.spec, mass=frames.mass)
        for _ in range(ROUNDS):
            parts = [self._equations(each, rng) for each in self.rides(few, rng)]
            normal, right, whole = (torch.stack(part).sum(dim=0) for part in zip(*parts, strict=True))
            strength = torch.linalg.solve(
                normal + self.config.smoothness * normal.diagonal().mean() * self.force.smoothness_penalty, right
            )
            self.force.coefficients.copy_(strength)
            self.explained_variance.copy_((2 * right - normal @ strength) @ strength / whole)

    def _equations(
        self, ride: interacting_paths.InteractingPaths, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Matrix and right side of one interval for c, and the squared motion: see the top of this file."""
        at = ride.sample(*SAMPLE, rng)
        wide = self.sigma * (at.gap * at.s * (1 - at.s)).sqrt()[:, None, None]
        x = at.x + wide * torch.randn(at.x.shape, generator=rng, device=at.x.device)
        felt, divergence = self.force.features(x, at.share)
        weight = (at.gap[:, None] * at.share).double()
        felt, motion = felt.double(), at.motion.double()
        lifted = self.sigma**2 * (weight * at.s[:, None]).flatten() @ divergence.double().flatten(0, 1)
        normal = torch.einsum("gc,gcdm,gcdn->mn", weight, felt, felt)
        right = torch.einsum("gc,gcdm,gcd->m", weight, felt, motion) - lifted
        whole = torch.einsum("gc,gcd->", weight, motion.square())
        return normal, right, whole

    def loss(self, batch: Batch) -> Loss:
        """Regression of d (in typical speeds), of h (as the noise that it takes away) and of the growth, by mass."""
        at = interacting_paths.sample(batch.pool, batch.x.shape[1], GROUP, batch.rng)
        epsilon = torch.randn(at.x.shape, generator=batch.rng, device=at.x.device)
        wide = (at.gap * at.s * (1 - at.s)).sqrt()[:, None, None]
        x = at.x + self.sigma * wide * epsilon
        target = at.motion - self.force(x, x, at.share) if self.config.interaction else at.motion
        t, flat = at.t.repeat_interleave(x.shape[1]), x.flatten(0, 1)
        mass = at.mass[..., None]
        motion = (self.displacement(t, flat).view_as(x) - target) / velocity_scale(self.spec)
        score = 2 * wide / self.sigma * self.lift(t, flat).view_as(x) + epsilon
        terms = {"velocity": (mass * motion.square()).mean(), "score": (mass * score.square()).mean()}
        if self.config.growth:
            change = (self.rate(t, flat).view_as(at.growth) - at.growth) * self.spec.interval
            terms["growth"] = (at.mass * change.square()).mean()
        return Loss(torch.stack([*terms.values()]).sum(), {name: each.detach() for name, each in terms.items()})

    def notes(self) -> tuple[str, ...]:
        chosen = self.growth_penalty.notes() if self.config.growth else ()
        if not self.force.coefficients.any():
            return chosen
        return (
            *chosen,
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
