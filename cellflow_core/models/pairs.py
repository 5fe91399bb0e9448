"""Couplings: which cell of one time is paired with which of the next. Shared by every method that trains on pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.frames import Batch, Frames
from cellflow_core.math.ot import exact_plan
from cellflow_core.models.contract import Plan

Coupling = Literal["product", "minibatch", "full"]
"""product: any cell with any cell; minibatch: exact transport within each batch; full: one exact plan of all cells."""


@dataclass(frozen=True)
class Pairs:
    """Cells x0 at t0 and their partners x1 at t1, of every interval, one below the other."""

    t0: Float[Tensor, " pairs"]
    t1: Float[Tensor, " pairs"]
    x0: Float[Tensor, "pairs dim"]
    x1: Float[Tensor, "pairs dim"]


def prepare(coupling: Coupling, frames: Frames, rng: torch.Generator) -> tuple[Plan, ...] | None:
    """What is computed once: the exact plan of each interval for "full", nothing for the others."""
    return tuple(full_plans(frames, rng)) if coupling == "full" else None


def full_plans(frames: Frames, rng: torch.Generator) -> list[Plan]:
    """The exact plan between each time and the next, over all cells."""
    plans = []
    for k in range(len(frames.x) - 1):
        row, column, mass = exact_plan(frames.x[k], frames.x[k + 1], rng)
        t0, t1 = float(frames.times[k]), float(frames.times[k + 1])
        plans.append(Plan(t0, t1, frames.x[k][row], frames.x[k + 1][column], mass))
    return plans


def draw(coupling: Coupling, batch: Batch) -> Pairs:
    """As many pairs of each interval as the batch has cells of each time."""
    size = batch.x.shape[1]
    parts = []
    for k in range(len(batch.times) - 1):
        if coupling == "full":
            plan: Plan = batch.pool[k]
            picked = torch.multinomial(plan.weight, size, replacement=True, generator=batch.rng)
            x0, x1 = plan.x0[picked], plan.x1[picked]
        else:
            x0, x1 = batch.x[k], batch.x[k + 1]
            if coupling == "minibatch":
                row, column, _ = exact_plan(x0, x1, batch.rng)
                x0, x1 = x0[row], x1[column]
        parts.append((batch.times[k].expand(size), batch.times[k + 1].expand(size), x0, x1))
    t0, t1, x0, x1 = (torch.cat(part) for part in zip(*parts, strict=True))
    return Pairs(t0, t1, x0, x1)
