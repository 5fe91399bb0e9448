"""Paths through all times: the straight paths of consecutive plans, with tangents that are continuous at each time.

Transport splines (Chewi et al., "Fast and smooth interpolation on Wasserstein space", AISTATS 2021, arXiv:2010.12101)
join the cells of each time with those of the next by optimal transport and lay a smooth curve through each chain of
partners. A chain of noisy partners is noisy itself, and where cells part it has many branches. So the slopes are taken
from means here: around a measured cell x of time k, cells arrive and leave with

    u-(x) = mean of (x_k - x_{k-1}) / (t_k - t_{k-1}),      u+(x) = mean of (x_{k+1} - x_k) / (t_{k+1} - t_k)

over the pairs of the NEIGHBOURS cells nearest to x. m(x) between the two is the slope at which no axis overshoots
(`spline.monotone_slope`), and the path of each pair leaves x by m - u+ aside of its straight line, or arrives by m - u-
aside of it. At the first and the last time, where one side is unknown, paths are as straight as they were: between two
times all are straight. benchmarks/spline_paths.py compares this with other slopes and numbers of cells on times left
out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.spline import monotone_slope
from cellflow_core.models.contract import TransportPlan

NEIGHBOURS = 200
"""Cells whose mean velocity is that of a place; of 12 to 400 these came nearest to times left out of nine courses."""
MAX_ANCHORS = 4096
"""Cells of a time whose speeds are known; where there are more, random ones of them, so that cost grows with the cells
and not with their square."""
_BLOCK = 2048  # cells that are compared with these at once


def with_spline_paths(
    plans: tuple[TransportPlan, ...],
    slope_between: Callable[..., Tensor] = monotone_slope,
    neighbours: int = NEIGHBOURS,
) -> tuple[TransportPlan, ...]:
    """The plans of consecutive intervals with the tangent offsets of their paths.

    slope_between  of the slopes before and after and the gaps they were taken over, as `monotone_slope`
    """
    tangents = [[torch.zeros_like(plan.x0), torch.zeros_like(plan.x1)] for plan in plans]
    for k, (before, after) in enumerate(pairwise(plans)):
        arriving, leaving = _incoming_velocity(before), _outgoing_velocity(after)
        gaps = before.t1 - before.t0, after.t1 - after.t0
        for plan, end, x in ((k, 1, before.x1), (k + 1, 0, after.x0)):
            cells, which = torch.unique(x, dim=0, return_inverse=True)
            slopes = arriving.at(cells, neighbours), leaving.at(cells, neighbours)
            off = slope_between(*slopes, *gaps) - slopes[1 - end]
            tangents[plan][end] = gaps[plan - k] * off[which]
    return tuple(replace(plan, tangent_offsets=tuple(each)) for plan, each in zip(plans, tangents, strict=True))


class _LocalVelocity:
    """Mean velocity (state / time) of the pairs of each distinct cell, by their mass."""

    def __init__(self, x: Float[Tensor, "pairs dim"], speed: Float[Tensor, "pairs dim"], mass: Tensor) -> None:
        self.cells, which = torch.unique(x, dim=0, return_inverse=True)
        mass = mass.to(speed)[:, None]
        total = torch.zeros_like(self.cells[:, :1]).index_add_(0, which, mass)
        self.speed = torch.zeros_like(self.cells).index_add_(0, which, speed * mass) / total
        if len(self.cells) > MAX_ANCHORS:
            some = torch.randperm(len(self.cells), generator=torch.Generator().manual_seed(0))[:MAX_ANCHORS].to(
                x.device
            )
            self.cells, self.speed = self.cells[some], self.speed[some]

    def at(self, x: Float[Tensor, "n dim"], neighbours: int) -> Float[Tensor, "n dim"]:
        """The mean over the nearest cells."""
        count = min(neighbours, len(self.cells))
        near = [torch.cdist(part, self.cells).topk(count, largest=False).indices for part in x.split(_BLOCK)]
        return self.speed[torch.cat(near)].mean(dim=1)


def _incoming_velocity(plan: TransportPlan) -> _LocalVelocity:
    return _LocalVelocity(
        plan.x1, plan.velocity_at(plan.t1), plan.weight if plan.target_mass is None else plan.target_mass
    )


def _outgoing_velocity(plan: TransportPlan) -> _LocalVelocity:
    return _LocalVelocity(plan.x0, plan.velocity_at(plan.t0), plan.weight)
