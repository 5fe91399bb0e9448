"""Regression of a velocity on the paths between paired cells: the one loss of the flow-matching family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from cellflow_core.data.frames import Batch
from cellflow_core.data.snapshots import Spec
from cellflow_core.models.contract import Loss
from cellflow_core.models.nets import velocity_unit
from cellflow_core.models.pairs import Pairs


class PathSampler(Protocol):
    """torchcfm's matchers: a point on the path between two cells and the velocity there, for time in [0, 1]."""

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor: ...

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor: ...


def velocity_loss(
    velocity: Callable[[Tensor, Tensor], Tensor], path: PathSampler, pairs: Pairs, batch: Batch, spec: Spec
) -> Loss:
    """E |v(t, x_t) - u_t|^2 in units of the typical speed, one random time on the path of each pair."""
    s = torch.rand(len(pairs.x0), generator=batch.rng, device=pairs.x0.device)
    epsilon = torch.randn(pairs.x0.shape, generator=batch.rng, device=pairs.x0.device)
    gap = pairs.t1 - pairs.t0
    xt = path.sample_xt(pairs.x0, pairs.x1, s, epsilon)
    target = path.compute_conditional_flow(pairs.x0, pairs.x1, s, xt) / gap[:, None]
    error = (velocity(pairs.t0 + s * gap, xt) - target) / velocity_unit(spec)
    total = error.square().mean()
    return Loss(total, {"velocity": total.detach()})
