"""Regression of a velocity, and of a growth, on the paths between paired cells: the losses of flow matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Loss
from cellflow_core.models.networks.time_mlp import velocity_scale
from cellflow_core.models.transport.pair_sampler import Pairs


@runtime_checkable
class PathSampler(Protocol):
    """torchcfm's matchers: a point on the path between two cells and the velocity there, for time in [0, 1]."""

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor: ...

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class PathSample:
    """One random point on the path of each pair.

    s        share of the gap that has passed, 0 to 1; t: the same in the data's time
    x        the point; epsilon: the standard normal draw that put it beside the middle of the path
    """

    s: Float[Tensor, " pairs"]
    t: Float[Tensor, " pairs"]
    x: Float[Tensor, "pairs dim"]
    epsilon: Float[Tensor, "pairs dim"]


def sample_path(path: PathSampler, pairs: Pairs, rng: torch.Generator, noise_scale: Tensor | float = 1.0) -> PathSample:
    """Draw a time and a point for each pair. `widen` [pairs, 1] multiplies the path's width."""
    s = torch.rand(len(pairs.x0), generator=rng, device=pairs.x0.device)
    epsilon = torch.randn(pairs.x0.shape, generator=rng, device=pairs.x0.device)
    x = path.sample_xt(pairs.x0, pairs.x1, s, epsilon * noise_scale)
    return PathSample(s, pairs.t0 + s * (pairs.t1 - pairs.t0), x, epsilon)


def flow_matching_loss(
    velocity: Callable[[Tensor, Tensor], Tensor], path: PathSampler, pairs: Pairs, batch: Batch, spec: DataSpec
) -> Loss:
    """E |v(t, x_t) - u_t|^2 in units of the typical speed, one random time on the path of each pair."""
    at = sample_path(path, pairs, batch.rng)
    total = _off(velocity, path, pairs, at, spec).square().mean()
    return Loss(total, {"velocity": total.detach()})


def unbalanced_flow_matching_loss(
    velocity: Callable[[Tensor, Tensor], Tensor],
    growth: Callable[[Tensor, Tensor], Tensor],
    path: PathSampler,
    pairs: Pairs,
    batch: Batch,
    spec: DataSpec,
) -> Loss:
    """E_m |v - u|^2 in units of the typical speed, and E_m (g - r)^2 in units of one over the mean gap.

    m is the mass of a pair at the time on its path; `growth` gives [pairs, 1]. Raises ValueError for pairs whose growth
    r is not known.
    """
    if pairs.growth is None:
        raise ValueError("these pairs do not tell how they grow, pairs of an unbalanced plan do: draw from one")
    at = sample_path(path, pairs, batch.rng)
    mass = pairs.mass(at.s)
    motion = (mass * _off(velocity, path, pairs, at, spec).square().mean(dim=1)).mean()
    change = (mass * ((growth(at.t, at.x)[:, 0] - pairs.growth) * spec.interval).square()).mean()
    return Loss(motion + change, {"velocity": motion.detach(), "growth": change.detach()})


def _off(
    velocity: Callable[[Tensor, Tensor], Tensor], path: PathSampler, pairs: Pairs, at: PathSample, spec: DataSpec
) -> Float[Tensor, "pairs dim"]:
    """v(t, x_t) - u_t in units of the typical speed."""
    target = path.compute_conditional_flow(pairs.x0, pairs.x1, at.s, at.x) / (pairs.t1 - pairs.t0)[:, None]
    return (velocity(at.t, at.x) - target) / velocity_scale(spec)


def interval_fraction(t: Float[Tensor, " batch"], times: Float[Tensor, " times"]) -> Float[Tensor, " batch"]:
    """Share of its interval that has passed at t, 0 to 1; outside the measured times, that of the nearest."""
    left = (torch.searchsorted(times, t.contiguous(), right=True) - 1).clamp(0, len(times) - 2)
    return ((t - times[left]) / (times[left + 1] - times[left])).clamp(0.0, 1.0)
