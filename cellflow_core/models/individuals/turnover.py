"""Indirect response: a drug changes how fast something is made, which is lost at a rate k of its own.

Dayneka, Garg & Jusko 1993, J. Pharmacokinet. Biopharm. 21:457, models I and III in one: with g the response over its
level without the drug, and C the concentration,

    dg/dt = k (1 + (F - 1) C^h / (C50^h + C^h) - g),    g = 1 before the first dose

F below 1 inhibits, F above 1 stimulates; h, the Hill coefficient, is 1 or a parameter (sigmoid). Between two points
of a grid C stands at its value in the middle: exact in g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.models.individuals.schedule import first_event

TURNOVER, SIGMOID = ("k", "F", "C50"), ("k", "F", "C50", "h")
"""Parameters in the order in which `response` takes their logarithms; without the last, h is 1."""
PARTS = 32
"""Equal parts of the time of an individual, beside its rows and doses, at which the concentration is looked at."""
Level = Callable[[Float[Tensor, "batch times"]], Float[Tensor, "*draws batch times"]]
"""Concentration at these times."""


class Grid(NamedTuple):
    """Points of time, and the concentration in the middle between each two."""

    points: Float[Tensor, "batch points"]
    level: Float[Tensor, "*draws batch pieces"]


def grid(times: Float[Tensor, "batch rows"], doses: DoseTensors, level: Level) -> Grid:
    """The rows and doses of each individual and `PARTS` equal parts, from its first row or dose to its last row."""
    begin, last = first_event(times, doses)[:, None], times.amax(dim=1, keepdim=True)
    parts = begin + (last - begin) * torch.linspace(0, 1, PARTS + 1, device=times.device)
    given = torch.where((doses.amount != 0) & (doses.time < last), doses.time, last)
    points = torch.cat([parts, times, given], dim=1).sort(dim=1).values
    return Grid(points, level((points[:, 1:] + points[:, :-1]) / 2))


def response(
    log_parameters: Float[Tensor, "*draws batch parameters"], times: Float[Tensor, "batch rows"], held: Grid
) -> Float[Tensor, "*draws batch rows"]:
    """g at the times, which are among the points of the grid."""
    rate, factor, half, *hill = log_parameters.exp()[..., None].unbind(dim=-2)
    share = held.level / (half + held.level)
    if hill:
        share = torch.sigmoid(hill[0] * (held.level.clamp(min=1e-9 * half.detach()) / half).log())
    aim = 1 + (factor - 1) * share
    kept = (-rate * held.points.diff(dim=1)).exp()
    path = [torch.ones_like(aim[..., 0])]
    for k in range(aim.shape[-1]):
        path.append(aim[..., k] + (path[-1] - aim[..., k]) * kept[..., k])
    asked = torch.searchsorted(held.points, times.contiguous())
    whole = torch.stack(path, dim=-1)
    return whole.gather(-1, asked.expand(*whole.shape[:-1], -1))


def first_guess(
    times: Float[Tensor, "batch rows"],
    x: Float[Tensor, "batch rows"],
    observed: Bool[Tensor, "batch rows"],
    held: Grid,
) -> tuple[Float[Tensor, " 3"], Float[Tensor, ""]]:
    """(log k, F and C50, level without the drug) for all individuals as one: the best of a few by mean absolute error,
    where the median of x / g is the level. `held.level` is [batch, pieces]."""
    span = (held.points[:, -1] - held.points[:, 0]).median().clamp(min=1e-6)
    usual = held.level[held.level > 0]
    usual = usual.median() if len(usual) else torch.ones((), device=x.device)
    rates, halves = torch.tensor([1.0, 3.0, 10.0, 30.0]) / span, torch.tensor([0.2, 0.5, 1.0, 3.0]) * usual
    tried = torch.cartesian_prod(rates, torch.tensor([0.1, 0.4, 1.0, 2.5, 10.0]), halves).log().to(x.device)
    g = response(tried[:, None].expand(-1, len(times), -1), times, held)
    level = torch.where(observed, x / g, torch.nan).flatten(1).nanmedian(dim=1).values
    error = (torch.where(observed, level[:, None, None] * g - x, 0)).abs().sum(dim=(1, 2))
    best = int(error.nan_to_num(torch.inf).argmin())
    return tried[best], level[best]
