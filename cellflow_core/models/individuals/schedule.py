"""Individuals with times and doses of their own, integrated together, piece by piece.

The events of an individual are the times asked for, its doses, and the ends of its infusions. Between two of them
nothing jumps: piece k of all individuals is integrated at once, each in its own share s of it,

    dz/ds = (e_{k+1} - e_k) f(t, z, rate_k),    z <- jump(z, amount_k) at its beginning.

So as many pieces are integrated as the individual with the most events has, however unlike the grids are. At the time
of a dose the state is that before it, as a trough sample is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.math.integrate import per_cell, solve

MAX_STEPS = 40
"""Most steps in one piece."""


@dataclass(frozen=True)
class Schedule:
    """What happens when to each individual.

    time    events, ascending; after an individual's last one it is repeated: pieces without length
    amount  given at once at the beginning of each piece, by treatment (unit of the dose)
    rate    infused throughout each piece, by treatment (unit of the dose / time)
    asked   number of the event at which each time asked for lies
    """

    time: Float[Tensor, "batch events"]
    amount: Float[Tensor, "batch pieces treatments"]
    rate: Float[Tensor, "batch pieces treatments"]
    asked: Int[Tensor, "batch rows"]

    def repeat(self, draws: int) -> Schedule:
        """Each individual `draws` times: all of them, then all of them again."""
        parts = (getattr(self, each.name) for each in fields(self))
        return Schedule(*(each.repeat(draws, *[1] * (each.ndim - 1)) for each in parts))


def schedule(
    times: Float[Tensor, "batch rows"],
    doses: DoseTensors,
    start: Float[Tensor, " batch"] | None = None,
    treatments: int = 1,
) -> Schedule:
    """The events of each individual from `start` on, or from the first time or dose of its own.

    With `treatments` 1 doses of all kinds are added up. Doses before `start` are left out; times before it are answered
    by the state at the start.
    """
    given = doses.amount != 0
    start = first_event(times, doses) if start is None else start
    end = doses.time + doses.duration
    last = times.amax(dim=1, keepdim=True)
    inside = given & (end >= start[:, None]) & (doses.time <= last)
    knots = torch.cat([doses.time, end], dim=1)
    kept = inside.repeat(1, 2) & (knots > start[:, None]) & (knots < last)
    moments = torch.cat([start[:, None], times.maximum(start[:, None]), torch.where(kept, knots, last)], dim=1)
    time = _distinct(moments)
    begins, ends = time[:, :-1, None], time[:, 1:, None]
    at_once = inside & (doses.duration <= 0) & (doses.time >= start[:, None])
    here = at_once[:, None] & (doses.time[:, None] >= begins) & (doses.time[:, None] < ends)
    during = (inside & (doses.duration > 0))[:, None] & (doses.time[:, None] <= begins) & (end[:, None] >= ends)
    speed = doses.amount / torch.where(doses.duration > 0, doses.duration, 1)
    kind = of_kinds(doses, treatments).to(time.dtype)
    amount = (here * doses.amount[:, None]) @ kind
    rate = (during & (ends > begins)) * speed[:, None] @ kind
    asked = torch.searchsorted(time.contiguous(), times.maximum(start[:, None]).contiguous())
    return Schedule(time, amount, rate, asked)


def first_event(times: Float[Tensor, "batch rows"], doses: DoseTensors) -> Float[Tensor, " batch"]:
    """The earliest of these times and of the doses of each individual."""
    given = torch.where(doses.amount != 0, doses.time, torch.inf)
    return torch.cat([times, given], dim=1).amin(dim=1)


def of_kinds(doses: DoseTensors, treatments: int) -> Int[Tensor, "batch doses treatments"]:
    """1 where a dose is of this treatment; with one treatment every dose is of it."""
    kind = doses.treatment if treatments > 1 else torch.zeros_like(doses.treatment)
    return torch.nn.functional.one_hot(kind, treatments)


def _distinct(moments: Float[Tensor, "batch many"]) -> Float[Tensor, "batch events"]:
    """The distinct moments of each row, ascending, the last one repeated; two of them at least."""
    time = moments.sort(dim=1).values
    last = time[:, -1:]
    again = torch.cat([torch.zeros_like(time[:, :1], dtype=torch.bool), time[:, 1:] == time[:, :-1]], dim=1)
    time = torch.where(again, torch.inf, time).sort(dim=1).values
    most = max(int((~again).sum(dim=1).max()), 2)
    return time[:, :most].minimum(last)


def integrate(
    field: Callable[[Tensor, Tensor, Tensor], Tensor],
    z: Float[Tensor, "batch dim"],
    plan: Schedule,
    longest_step: float,
    jump: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, "batch rows dim"]:
    """The state at each time asked for, from z at the first event on; differentiable.

    field         (t [batch], z [batch, dim], rate [batch, treatments]) -> dz/dt [batch, dim]
    longest_step  of the fourth-order steps (time); a piece has at most MAX_STEPS
    jump          (z [batch, dim], amount [batch, treatments]) -> the state after the doses
    """
    states = [z]
    longest = plan.time.diff(dim=1).amax(dim=0).tolist()
    dosed = (plan.amount != 0).any(dim=2).any(dim=0).tolist()
    for k, length in enumerate(longest):
        if dosed[k]:
            z = jump(z, plan.amount[:, k])
        rate = plan.rate[:, k]
        steps = min(max(1, math.ceil(length / longest_step - 1e-6)), MAX_STEPS)
        scaled = per_cell(lambda t, state, rate=rate: (field(t, state[0], rate),), plan.time[:, k], plan.time[:, k + 1])
        *_, (z,) = solve(scaled, (z,), [j / steps for j in range(steps + 1)])
        states.append(z)
    found = torch.stack(states, dim=1)
    return found.gather(1, plan.asked[..., None].expand(-1, -1, found.shape[2]))
