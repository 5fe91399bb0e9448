"""One random point on the path of each pair of cells: what every loss without simulation is fitted to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.models.transport.pair_sampler import Pairs


@runtime_checkable
class ConditionalPath(Protocol):
    """torchcfm's matchers: a point on the path between two cells and the velocity there, for time in [0, 1]."""

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor: ...

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class PathSample:
    """Points on paths between paired cells: one a pair, or groups of pairs of which each stands at one time.

    t         time; s: fraction of the interval that has passed, 0 to 1; interval: t1 - t0
    x         state; velocity: dx / dt along the path (state / time)
    growth    d log mass / dt of the pair (1 / time); None: mass is conserved
    mass      of the pair at t, relative to what it was drawn by; None: 1
    epsilon   standard normal draw that put x beside the mean path; None: x is on it
    """

    t: Float[Tensor, "*times"]
    s: Float[Tensor, "*times"]
    interval: Float[Tensor, "*times"]
    x: Float[Tensor, "*cells dim"]
    velocity: Float[Tensor, "*cells dim"]
    growth: Float[Tensor, "*cells"] | None = None
    mass: Float[Tensor, "*cells"] | None = None
    epsilon: Float[Tensor, "*cells dim"] | None = None

    @property
    def share(self) -> Float[Tensor, "groups cells"]:
        """Share of each cell in the mass of its group."""
        mass = torch.ones_like(self.x[..., 0]) if self.mass is None else self.mass
        return mass / mass.sum(dim=-1, keepdim=True)

    def mean(self, value: Float[Tensor, "*cells dim"]) -> Float[Tensor, ""]:
        """Mean over pairs, each by its mass, and over axes."""
        return value.mean() if self.mass is None else (self.mass * value.mean(dim=-1)).mean()

    def with_noise(self, width: Tensor | float, rng: torch.Generator) -> PathSample:
        """x + width epsilon; width (state) is a number or broadcasts to [*cells, dim]."""
        epsilon = torch.randn(self.x.shape, generator=rng, device=self.x.device)
        return replace(self, x=self.x + width * epsilon, epsilon=epsilon)

    def flatten(self) -> PathSample:
        """Groups of pairs as one list of pairs."""
        cells = self.x.shape[:-1]
        times = {name: getattr(self, name).repeat_interleave(cells[1]) for name in ("t", "s", "interval")}
        others = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in times}
        return replace(
            self, **times, **{name: None if each is None else each.flatten(0, 1) for name, each in others.items()}
        )


def straight_path(pairs: Pairs, rng: torch.Generator) -> PathSample:
    """The point on the straight line of each pair at a random time."""
    s = torch.rand(len(pairs.x0), generator=rng, device=pairs.x0.device)
    x = torch.lerp(pairs.x0, pairs.x1, s[:, None])
    return at_fraction(pairs, s, x, pairs.x1 - pairs.x0)


def sample_path(
    path: ConditionalPath, pairs: Pairs, rng: torch.Generator, noise_scale: Tensor | float = 1.0
) -> PathSample:
    """A random time and point of the conditional path of each pair; noise_scale [pairs, 1] multiplies its noise."""
    s = torch.rand(len(pairs.x0), generator=rng, device=pairs.x0.device)
    epsilon = torch.randn(pairs.x0.shape, generator=rng, device=pairs.x0.device)
    x = path.sample_xt(pairs.x0, pairs.x1, s, epsilon * noise_scale)
    return replace(at_fraction(pairs, s, x, path.compute_conditional_flow(pairs.x0, pairs.x1, s, x)), epsilon=epsilon)


def at_fraction(
    pairs: Pairs, s: Float[Tensor, " pairs"], x: Float[Tensor, "pairs dim"], slope: Float[Tensor, "pairs dim"]
) -> PathSample:
    """Points x at the fractions s of the intervals of pairs, with slope = dx / ds; growth and mass are the pairs'."""
    interval = pairs.t1 - pairs.t0
    mass = None if pairs.growth is None else pairs.mass(s)
    return PathSample(pairs.t0 + s * interval, s, interval, x, slope / interval[:, None], pairs.growth, mass)


def interval_fraction(t: Float[Tensor, " batch"], times: Float[Tensor, " times"]) -> Float[Tensor, " batch"]:
    """Fraction of its interval that has passed at t, 0 to 1; outside the measured times, that of the nearest."""
    left = (torch.searchsorted(times, t.contiguous(), right=True) - 1).clamp(0, len(times) - 2)
    return ((t - times[left]) / (times[left + 1] - times[left])).clamp(0.0, 1.0)
