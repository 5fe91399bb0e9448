"""Displacement interpolation (McCann 1997): cells that go to their partners in a transport plan, and grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from cellflow_core.models.contract import TransportPlan

BLOCK = 512
"""Cells that are compared with all spots at once."""


def along_plans(
    plans: Sequence[TransportPlan],
    x0: Float[np.ndarray, "cells dim"],
    outputs: Sequence[float],
    rng: np.random.Generator | None,
) -> tuple[Float[np.ndarray, "outputs cells dim"], Float[np.ndarray, "outputs cells"]]:
    """Cells x0, which stand at outputs[0], on the paths of the nearest measured cells to their partners; and their log
    mass relative to the start, which changes evenly along a pair that grows (`TransportPlan.target_mass`). A cell that
    stands beside the path it takes comes nearer to it evenly, and is on it in the end.

    Outside the times of the plans cells do not move. Where several pairs begin in one cell one is drawn by its mass,
    and cells that stand in one place share its pairs out evenly; without `rng` the heaviest is taken.
    """
    x = np.repeat(x0[None], len(outputs), axis=0)
    log_mass = np.zeros(x.shape[:2], np.float32)
    here, now, mass = x0, outputs[0], np.zeros(len(x0), np.float32)
    for plan in plans:
        if plan.t1 <= now or outputs[-1] <= plan.t0:
            continue
        begin = max(now, plan.t0)
        pair = _pairs(plan, here, begin, rng)
        own = plan.take(torch.from_numpy(pair).to(plan.x0.device))
        rate = own.growth.cpu().numpy()
        beside = here - own.interpolate(begin).cpu().numpy()
        for k, time in enumerate(outputs):
            if begin < time <= plan.t1:
                x[k] = own.interpolate(time).cpu().numpy() + (plan.t1 - time) / (plan.t1 - begin) * beside
                log_mass[k] = mass + rate * (time - begin)
        here, now, mass = own.x1.cpu().numpy(), plan.t1, mass + rate * (plan.t1 - begin)
    late = [k for k, time in enumerate(outputs) if time > plans[-1].t1]
    x[late], log_mass[late] = here, mass
    return x, log_mass


def _pairs(plan: TransportPlan, here: np.ndarray, time: float, rng: np.random.Generator | None) -> np.ndarray:
    """The pair that stands nearest to each cell at `time`; where several begin in one cell, one by its mass."""
    weight = plan.weight.cpu().numpy().astype(float)
    spots, which = _distinct(plan.interpolate(time).cpu().numpy())
    nearest = _nearest(here, spots)
    order = np.lexsort((-weight, which))  # pairs of one spot together, heaviest first
    ends = np.searchsorted(which[order], np.arange(len(spots)), side="right")
    starts = np.searchsorted(which[order], np.arange(len(spots)))
    if rng is None:
        return order[starts[nearest]]
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    aim = total[starts[nearest]] + _even(nearest, rng) * (total[ends[nearest]] - total[starts[nearest]])
    picked = np.clip(np.searchsorted(total, aim, side="right") - 1, starts[nearest], ends[nearest] - 1)
    return order[picked]


def _even(group: Int[np.ndarray, " cells"], rng: np.random.Generator) -> Float[np.ndarray, " cells"]:
    """For each cell a number from 0 to 1, each as likely; those of one group lie at even steps, in random order."""
    shuffled = rng.permutation(len(group))
    together = shuffled[np.argsort(group[shuffled], kind="stable")]
    names, first, count = np.unique(group[together], return_index=True, return_counts=True)
    place = np.empty(len(group))
    place[together] = np.arange(len(group)) - np.repeat(first, count)
    place += rng.random(len(names))[np.searchsorted(names, group)]
    return place / count[np.searchsorted(names, group)]


def _nearest(x: Float[np.ndarray, "cells dim"], spots: Float[np.ndarray, "spots dim"]) -> Int[np.ndarray, " cells"]:
    """The spot nearest to each cell, by products with 16 digits, which tell a cell from its neighbours.

    Cells that stand in one place, as those that a plan has brought to the same measured cell, are asked for once.
    """
    x, which = _distinct(x)
    middle = spots.mean(axis=0, dtype=np.float64)
    there = torch.from_numpy(spots - middle)
    half = there.square().sum(dim=1) / 2
    found = [
        torch.addmm(half, block, there.T, alpha=-1).argmin(dim=1) for block in torch.from_numpy(x - middle).split(BLOCK)
    ]
    return torch.cat(found).numpy()[which]


def _distinct(x: Float[np.ndarray, "n dim"]) -> tuple[Float[np.ndarray, "distinct dim"], Int[np.ndarray, " n"]]:
    """The distinct rows, and which of them each row is; compared by their bytes, a tenth of the time of numbers."""
    rows = np.ascontiguousarray(x, dtype=np.float32) + np.float32(0)  # makes -0 a 0
    names = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, which = np.unique(names, return_index=True, return_inverse=True)
    return rows[first], which.ravel()
