"""Wasserstein Lagrangian Flows: least-action motion between populations, a game of paths against a potential.

Neklyudov et al., "A computational framework for solving Wasserstein Lagrangian flows", ICML 2024, arXiv:2310.10649.
Among all laws rho_t with the measured clouds at the measured times, the one of least action solves (theorem 1 there)

    max over rho, min over s of   E_0 s(t0, x) - E_1 s(t1, x) + integral E_rho [ds/dt + K(s, x)] dt
    ot          K = |grad s|^2 / 2                   cells move with v = grad s
    unbalanced  K = |grad s|^2 / 2 + lambda s^2 / 2  the same, and their mass grows at the rate g = lambda s
    sb          the law of a Brownian bridge between clouds; s here is the potential of its mean motion v

rho is made of pairs of cells, x_t = (1-u) x0 + u x1 + u (1-u) q(x0, x1, u), u the share of the gap that has passed.
The players take turns in every step. Along paths of speed x' and mass m that grows at the rate r,
d(m s)/dt = m (ds/dt + x' . grad s + r s), which makes the game equal to one of far less variance,

    max over q, min over s of  integral E m [|grad s - x'|^2 + (lambda s - r)^2 / lambda - |x'|^2 - r^2 / lambda] dt / 2

for s a regression (as in Action Matching, arXiv:2210.06662), for q the paths of least action that s does not predict.
The first two terms weigh only half in the step of q: that leaves the solution, at which they are zero, where it is, and
keeps q from running after a potential that is not learnt yet (with their full weight the game did not settle).

Where this departs from the paper, for the budget of a CPU: pairs and r come from a plan of all cells (exact for ot,
unbalanced, or entropic with the noise of the bridge) instead of random pairs with weights that are trained, so that q
starts at the plan's straight paths and only refines them; the paths' points do not climb before the step of s, as they
do in the authors' program. For sb plan and bridges are the solution already: q rests,
and x' is the derivative of the bridge's mean and width, each time weighed by 4 u (1-u) as its variance has no bound at
the ends. `rho` is the penalty of the unbalanced plan, in multiples of the mean cost of two clouds; 4 / lambda is the
penalty of Kullback-Leibler divergence in the Wasserstein-Fisher-Rao metric, and the mean squared distance of two like
clouds is 2 dim scale^2, which gives lambda = 2 / (rho dim scale^2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasGrowth,
    HasPotential,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.losses.flow_matching_loss import sum_of
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, potential_scale, velocity_scale
from cellflow_core.models.paths.path_sample import PathSample, at_fraction
from cellflow_core.models.transport.ot_solvers import Exact, StaticBridge, Unbalanced
from cellflow_core.models.transport.pair_sampler import Pairing

DAMPING = 0.5
"""Weight of what s does not predict in the step of the paths; 1 in the paper."""
TIME_EPS = 1e-3
"""Share of the gap at either end that bridges leave out: their speed has no bound there."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    variant: Literal["unbalanced", "ot", "sb"] = setting(
        "unbalanced", "cells move and multiply or die; only move; or move with random steps"
    )
    growth_penalty: float = setting(
        0.5,
        "unbalanced: penalty rho of growth in the pairs; a large one gives uniform growth",
        0.01,
        1e4,
        "multiples of the mean cost",
    )
    sigma: float = setting(
        0.25,
        "sb: diffusion coefficient sigma",
        0.01,
        10.0,
        "standard deviations (pooled) per square root of a time interval",
    )


class WLF(DynamicsModel, HasVelocity, HasPotential, HasGrowth):
    title = "Wasserstein Lagrangian Flow (after Neklyudov et al.)"
    summary = "Finds the cheapest motion, and growth, between the measured cells as rolling down one landscape."
    paper = "Neklyudov et al., ICML 2024, arXiv:2310.10649"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("variant", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, 1, config.width, config.depth, potential_scale(spec))  # s = -U
        self.bend = None if config.variant == "sb" else _bend(config, spec)
        self.rate = (
            2 / (config.growth_penalty * spec.dim * spec.scale**2) if config.variant == "unbalanced" else 0.0
        )  # lambda
        self.noise = config.sigma * spec.scale / spec.interval**0.5 if config.variant == "sb" else 0.0
        solvers = {"ot": Exact(), "sb": StaticBridge(self.noise), "unbalanced": Unbalanced(0.02, config.growth_penalty)}
        self.pairing = Pairing(solvers[config.variant])

    def phases(self) -> tuple[Phase, ...]:
        descend = Update(self.potential_loss, self.net.parameters())
        updates = (descend,) if self.bend is None else (Update(self.path_loss, self.bend.parameters()), descend)
        return (Phase("game", updates, prepare=self.pairing.prepare),)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def sample_path(self, batch: Batch) -> PathSample:
        """One random point on the path of each pair."""
        pairs = self.pairing.sample(batch)
        s = torch.rand(len(pairs.x0), generator=batch.rng, device=pairs.x0.device).clamp(TIME_EPS, 1 - TIME_EPS)
        u = s[:, None]
        x, slope = torch.lerp(pairs.x0, pairs.x1, u), pairs.x1 - pairs.x0
        if self.bend is not None:
            bend, change = self.bend.value_and_time_derivative(s, torch.cat([pairs.x0, pairs.x1], dim=1))
            x, slope = x + u * (1 - u) * bend, slope + (1 - 2 * u) * bend + u * (1 - u) * change
        if self.noise:
            epsilon = torch.randn(x.shape, generator=batch.rng, device=x.device)
            width, std = self.noise * (pairs.t1 - pairs.t0).sqrt()[:, None], (u * (1 - u)).sqrt()
            x, slope = x + width * std * epsilon, slope + width * (0.5 - u) / std * epsilon
        return at_fraction(pairs, s, x, slope)

    def potential_loss(self, batch: Batch) -> Loss:
        """The step of s, per axis, in squared typical speeds."""
        with torch.no_grad():
            at = self.sample_path(batch)
        if self.noise:
            at = replace(at, mass=4 * at.s * (1 - at.s))
        terms = self._unpredicted(at)
        return Loss(sum_of(terms), {name: each.detach() for name, each in terms.items()})

    def path_loss(self, batch: Batch) -> Loss:
        """The step of q, per axis, in squared typical speeds."""
        at = self.sample_path(batch)
        action = at.mean((at.velocity / velocity_scale(self.spec)).square())
        error = sum_of(self._unpredicted(at))
        return Loss(action - DAMPING * error, {"action": action.detach()})

    def _unpredicted(self, at: PathSample) -> dict[str, Tensor]:
        """What s does not say of the motion and the growth along the paths."""
        value, _, slope = self.net.value_and_grad(at.t, at.x)
        unit = velocity_scale(self.spec)
        terms = {"velocity": at.mean(((slope - at.velocity) / unit).square())}
        if self.rate:
            assert at.growth is not None
            error = (self.rate * value - at.growth).square()
            terms["growth"] = at.mean(error[:, None]) / (self.rate * self.spec.dim * unit**2)
        return terms

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net.gradient(t, x)[1]

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return -self.net(t, x)[:, 0]

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """lambda s."""
        return self.rate * self.net(t, x)[:, 0]


def _bend(config: Settings, spec: DataSpec) -> TimeMLP:
    """q: how a path leaves the straight line between two cells, at first not at all."""
    both = replace(spec, dim=2 * spec.dim, center=spec.center * 2, times=(0.0, 1.0), interval=1.0)
    made = TimeMLP(both, spec.dim, config.width, config.depth, spec.scale)
    last = made.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    return made
