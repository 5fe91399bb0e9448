"""How what is measured of an individual differs from its course: variables that are never negative, residual error, and
values below the limit of quantification.

    y = f + sqrt(a^2 + (b f)^2) e,  e ~ N(0, 1)        additive a and proportional b of each variable

A value that is only known to be below the limit L counts as P(y < L) (method M3 of Beal 2001, J. Pharmacokinet.
Pharmacodyn. 28:481).
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors

SMALLEST = 1e-3
"""Additive error below which none is fitted (scale of the variable)."""


class Measurement(nn.Module):
    """The residual error of each variable, its center and scale, and whether it can be negative.

    positive  variables of which no measured value is negative: their courses are not either
    size      scale of each variable: root mean square of a positive one, standard deviation of another
    """

    center: Tensor
    size: Tensor
    positive: Tensor
    ready: Tensor

    def __init__(self, spec: DataSpec, additive: float = 0.1, proportional: float = 0.1) -> None:
        super().__init__()
        self.log_additive = nn.Parameter(torch.full((spec.dim,), additive).log())
        self.log_proportional = nn.Parameter(torch.full((spec.dim,), proportional).log())
        self.register_buffer("center", torch.tensor(spec.center))
        self.register_buffer("size", torch.full((spec.dim,), spec.scale))
        self.register_buffer("positive", torch.zeros(spec.dim, dtype=torch.bool))
        self.register_buffer("ready", torch.tensor(False))

    def fix_additive(self, additive: float) -> None:
        """Keep the additive error (scale of the variable) at a value that is not learnt."""
        with torch.no_grad():
            self.log_additive.fill_(additive).log_()
        self.log_additive.requires_grad_(False)

    def learn(self, frames: TrajectoryTensors | TrajectoryBatch) -> bool:
        """Centers, scales and signs of the training data; False where they are known already, from others."""
        if self.ready:
            return False
        seen = frames.observed
        count = seen.sum(dim=(0, 1)).clamp(min=1)
        center = torch.where(seen, frames.x, 0).sum(dim=(0, 1)) / count
        deviation = torch.where(seen, frames.x - center, 0).square().sum(dim=(0, 1)) / count
        self.positive.copy_(torch.where(seen, frames.x, 0).amin(dim=(0, 1)) >= 0)
        size = torch.where(self.positive, deviation + center.square(), deviation).sqrt()
        self.size.copy_(torch.where(size > 0, size, 1))
        self.center.copy_(center)
        self.ready.fill_(True)
        return True

    def variables(self, raw: Float[Tensor, "*rows some"], which: Any = ...) -> Float[Tensor, "*rows some"]:
        """Numbers of a network as all variables, or some: softplus for those that are never negative (own units)."""
        above = self.size[which] * nn.functional.softplus(raw)
        return torch.where(self.positive[which], above, self.center[which] + self.size[which] * raw)

    def levels(self, raw: Float[Tensor, "*rows some"], which: list[int]) -> Float[Tensor, "*rows some"]:
        """Levels of some variables, 0: the center; log-normal for those that are never negative (own units)."""
        center, size = self.center[which], self.size[which]
        return torch.where(self.positive[which], center.clamp(min=1e-12) * raw.exp(), center + size * raw)

    def standardised(self, x: Float[Tensor, "*rows variables"]) -> Float[Tensor, "*rows variables"]:
        """Values as inputs of a network."""
        return (x - self.center) / self.size

    def sd(self, f: Float[Tensor, "*rows variables"]) -> Float[Tensor, "*rows variables"]:
        """Standard deviation of the residual error at these values (own units)."""
        a = self.size * (self.log_additive.exp() + SMALLEST)
        return (a.square() + (self.log_proportional.exp() * f).square()).sqrt()

    def information(self, f: Float[Tensor, "*rows variables"]) -> Float[Tensor, "*rows variables"]:
        """Expected information of a measured value about f: 1 / sd^2 + 2 (dsd/df / sd)^2 (1 / own units^2)."""
        variance = self.sd(f).square()
        return 1 / variance + 2 * (self.log_proportional.exp().square() * f / variance).square()

    def log_likelihood(
        self,
        f: Float[Tensor, "*rows variables"],
        x: Float[Tensor, "*#rows variables"],
        observed: Bool[Tensor, "*#rows variables"],
        censored: Bool[Tensor, "*#rows variables"],
    ) -> Float[Tensor, "*rows variables"]:
        """Of each value, 0 where none was observed."""
        sd = self.sd(f)
        e = (x - f) / sd
        density = -0.5 * e.square() - sd.log() - 0.9189385
        below = torch.special.log_ndtr(e)
        return torch.where(observed, torch.where(censored, below, density), 0)

    def measured(self, courses: Float[Tensor, "*rows variables"], rng: torch.Generator) -> Tensor:
        """One draw of the residual error added to each value; what cannot be negative ends at 0."""
        drawn = courses + self.sd(courses) * torch.randn(courses.shape, generator=rng, device=courses.device)
        return torch.where(self.positive, drawn.clamp(min=0), drawn)
