"""How well a plan predicts a training time that it leaves out: what settings of a coupling are selected by.

The time before and the time after are coupled, points are drawn on the paths between the pairs, and their exact W1 to
the cells that were measured in between is the error. Nested selection (Stone 1974, J. R. Stat. Soc. B 36:111): a time
that is held out of training takes no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import wasserstein
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.ot_solvers import OTSolver
from cellflow_core.models.transport.transport_plans import plans

PathPoints = Callable[[TransportPlan, float, int, torch.Generator], Float[Tensor, "count dim"]]
"""Points on the paths of a plan: (plan, time, count, generator) -> [count, dim] (state)."""


def mean_log_error(error: Callable[[int], float], times: int) -> float:
    """Mean logarithm of `error(k)` over the times k that lie between two others; nan where there are none."""
    inner = range(1, times - 1)
    return sum(math.log(error(k)) for k in inner) / len(inner) if inner else math.nan


def held_out_error(
    frames: SnapshotTensors,
    k: int,
    solver: OTSolver,
    rng: torch.Generator,
    points: PathPoints,
    *,
    cells: int,
    draws: int,
) -> float:
    """W1 (state) between the cells of time k and the points, at that time, of the plan around it.

    points  how a plan is sampled; cells: most cells of a time that take part, and points of a draw; draws: samples of
            points whose errors are averaged

    Every solver sees the same draws. They depend on the seed of `rng`, which is not advanced: training that is resumed
    selects the same settings.
    """
    own = torch.Generator(rng.device).manual_seed(rng.initial_seed() + k)
    before, measured, after = (_subsample(each, cells, own) for each in frames.x[k - 1 : k + 2])
    around = [k - 1, k + 1]
    mass = None if frames.mass is None else frames.mass[around]
    (plan,) = plans(solver, SnapshotTensors((before, after), frames.times[around], frames.spec, mass=mass), own)
    found = (points(plan, float(frames.times[k]), cells, own) for _ in range(draws))
    return sum(wasserstein(each.cpu().numpy(), measured.cpu().numpy()) for each in found) / draws


def systematic_sample(mass: Float[Tensor, " pairs"], count: int, rng: torch.Generator) -> Tensor:
    """Rows [count] of pairs in proportion to their mass, at evenly spaced quantiles with one random offset."""
    cdf = mass.cumsum(0)
    steps = torch.arange(count, device=cdf.device) + torch.rand(1, generator=rng, device=cdf.device)
    return torch.searchsorted(cdf, steps * (cdf[-1] / count)).clamp_(max=len(cdf) - 1)


def _subsample(x: Tensor, count: int, rng: torch.Generator) -> Tensor:
    return x[torch.randperm(len(x), generator=rng, device=x.device)[:count]]
