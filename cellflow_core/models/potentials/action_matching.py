"""Action Matching: a scalar whose gradient moves the cells, so that the landscape is learnt, not drawn afterwards.

Neklyudov et al., "Action matching: learning stochastic dynamics from samples", ICML 2023, arXiv:2210.06662. The scalar
s(t, x) minimises the action

    E s(t0, x0) - E s(t1, x1) + integral E [|grad s|^2 / 2 + ds/dt + extra] dt

over every interval, where E weighs each cell by its mass (equations 5, 12 and 15 there):

    plain       extra = 0                      v = grad s
    entropic    extra = sigma^2/2 Laplacian s  dx = grad s dt + sigma dW
    unbalanced  extra = s^2 / (2 l^2)          v = grad s, d log mass / dt = s / l^2

(l = 1 there: it is the distance whose cost is that of growing e-fold, and gives s^2 the units of |grad s|^2.)
Cells between the measured times come from paths between paired cells, x_t = (1-s) x0 + s x1 + w eps, as in section 4
there. w is constant but for "entropic", where it is that of a Brownian bridge beside, w^2 = w0^2 + sigma^2 T s (1-s);
mass changes along a path at the rate r of its pair.

Along a path d/dt (m s) = m (ds/dt + dx/dt . grad s + r s), and E Laplacian s = E eps . grad s / w (Stein), so that the
action equals, up to a constant, the "paths" estimator, the same in the mean and with far less variance than
"boundaries", the formula as it stands:

    integral E m [|grad s - (x1 - x0) / T + sigma^2 (share passed) eps / w|^2 + (s / l - l r)^2] / 2 dt

For "plain" and "entropic" s is known up to a function of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    HasDrift,
    HasGrowth,
    HasNoise,
    HasPotential,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.losses.flow_matching_loss import sum_of
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, potential_scale, velocity_scale
from cellflow_core.models.paths.path_sample import straight_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.ot_solvers import StaticBridge, Unbalanced, coupling
from cellflow_core.models.transport.pair_sampler import Pairing

NARROW = 1e-3
"""Least width of a path, in standard deviations (pooled): the entropic target divides by it."""


@dataclass(frozen=True)
class Settings(PathNoiseSettings, MLPSettings):
    coupling: Literal["exact", "minibatch", "independent"] = setting(
        "exact",
        "plain: transport plan of all cells once, of each batch, or random pairs; the other variants bring their own",
    )
    objective: Literal["paths", "boundaries"] = setting(
        "paths",
        "how the action is estimated: along the paths (less noise), or as printed in the paper",
        label="Action estimator",
    )
    variant: Literal["plain", "entropic", "unbalanced"] = setting(
        "plain", "cells that roll, that roll and jitter, or that roll and multiply"
    )
    noise: float = setting(
        0.25,
        "entropic: diffusion coefficient sigma",
        0.01,
        10.0,
        "standard deviations (pooled) per square root of a time interval",
        label="Diffusion coefficient σ",
    )
    wfr_length: float = setting(
        1.0,
        "unbalanced: length delta: distance whose cost is that of growing e-fold",
        0.01,
        100.0,
        "standard deviations (pooled)",
        label="WFR length scale δ",
    )
    growth_penalty: float = setting(
        0.5, "unbalanced: penalty rho of growth in the pairs", 0.01, 1e4, "multiples of the mean cost"
    )


class ActionMatching(DynamicsModel, HasVelocity, HasDrift, HasNoise, HasGrowth, HasPotential):
    title = "Action Matching"
    summary = "Learns a landscape that changes with time; every cell rolls down its slope."
    paper = "Neklyudov et al., ICML 2023, arXiv:2210.06662"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 3000}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "velocity": ("variant", ("plain", "unbalanced")),
        "drift": ("variant", ("entropic",)),
        "noise": ("variant", ("entropic",)),
        "growth": ("variant", ("unbalanced",)),
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, 1, config.width, config.depth, potential_scale(spec))  # s = -U
        self.narrow = config.sigma * spec.scale
        self.wfr_length = config.wfr_length * spec.scale
        self.sigma = 0.0  # state / sqrt(time)
        pairs = coupling(config.coupling)
        if config.variant == "entropic":
            self.narrow = max(config.sigma, NARROW) * spec.scale
            self.sigma = config.noise * spec.scale / spec.interval**0.5
            pairs = StaticBridge(self.sigma)
        elif config.variant == "unbalanced":
            pairs = Unbalanced(0.02, config.growth_penalty)
        self.pairing = Pairing(pairs)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("action", (Update(self.loss, self.net.parameters()),), prepare=self.pairing.prepare),)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def loss(self, batch: Batch) -> Loss:
        """Twice the action per time and axis, in squared typical speeds; "paths" adds the mean squared path speed."""
        pairs, unit = self.pairing.sample(batch), velocity_scale(self.spec)
        mean = straight_path(pairs, batch.rng)
        s, gap = mean.s[:, None], mean.interval[:, None]
        width = (self.narrow**2 + self.sigma**2 * gap * s * (1 - s)).sqrt()
        at = mean.with_noise(width, batch.rng)
        assert at.epsilon is not None
        value, change, slope = self.net.value_and_grad(at.t, at.x)
        if self.config.objective == "paths":
            target = at.velocity - self.sigma**2 * s * at.epsilon / width if self.sigma else at.velocity
            terms = {"action": at.mean(((slope - target) / unit).square())}
            if self.config.variant == "unbalanced":
                assert at.growth is not None
                error = value / self.wfr_length - self.wfr_length * at.growth
                terms["growth"] = at.mean((error / unit).square()[:, None]) / self.spec.dim
            return Loss(sum_of(terms), {name: each.detach() for name, each in terms.items()})
        noise = self.narrow * at.epsilon
        first, last = pairs.mass(torch.zeros_like(at.t)), pairs.mass(torch.ones_like(at.t))
        ends = first * self.net(pairs.t0, pairs.x0 + noise)[:, 0] - last * self.net(pairs.t1, pairs.x1 + noise)[:, 0]
        inside = slope.square().sum(dim=1) / 2 + change
        if self.sigma:
            inside = inside + self.sigma**2 / 2 * (at.epsilon * slope / width).sum(dim=1)
        if self.config.variant == "unbalanced":
            inside = inside + (value / self.wfr_length).square() / 2
        factor = 2 / (self.spec.dim * unit**2)
        boundary, inside = factor * (ends / at.interval).mean(), factor * at.mean(inside[:, None])
        return Loss(boundary + inside, {"boundary": boundary.detach(), "inside": inside.detach()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net.gradient(t, x)[1]

    def drift(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net.gradient(t, x)[1]

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.net(t, x)[:, 0] / self.wfr_length**2

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return -self.net(t, x)[:, 0]
