"""Many cells moved through time at once, in steps of fixed size: Runge-Kutta for velocities, Euler-Maruyama with noise.

Fixed steps on blocks of cells that stay in the processor's cache are faster than adaptive steps on all cells, and the
error is known all the same: `step_error` halves the steps once and compares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 2048
"""Cells moved together."""

Field = Callable[[Tensor, Tensor], Tensor]
"""(t [batch], x [batch, dim]) -> [batch, dim] or, for a rate, [batch]."""

InteractionField = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(t [cells], x [cells, dim], log w [cells]) of all cells that move together -> what they do to each other."""


@dataclass(frozen=True)
class TimeGrid:
    """Every time a step ends at, and which of them are asked for.

    times  ascending, first the start
    kept   positions in `times` of the outputs, first 0
    """

    times: tuple[float, ...]
    kept: tuple[int, ...]

    def halved(self) -> TimeGrid:
        """Each step cut in two, the same outputs."""
        middles = [(a + b) / 2 for a, b in pairwise(self.times)]
        times = [self.times[0]]
        for middle, end in zip(middles, self.times[1:], strict=True):
            times += [middle, end]
        return TimeGrid(tuple(times), tuple(2 * k for k in self.kept))


def time_grid(outputs: Sequence[float], knots: Sequence[float], per_gap: int) -> TimeGrid:
    """Steps that end at every output and every knot between them, `per_gap` to the gap between two knots.

    knots  ascending: times at which a field may bend, most often those with measured cells. Before the first and after
           the last the neighbouring gap counts.
    """
    if len(outputs) == 0 or any(b < a for a, b in pairwise(outputs)):
        raise ValueError(f"times must ascend and be at least one, got {list(outputs)}")
    if per_gap < 1:
        raise ValueError(f"{per_gap} steps to a gap is below 1")
    first, last = outputs[0], outputs[-1]
    stops = sorted({*outputs, *(each for each in knots if first < each < last)})
    times, place = [float(first)], {float(first): 0}
    for start, end in pairwise(stops):
        count = max(1, math.ceil((end - start) / _gap((start + end) / 2, knots) * per_gap - 1e-9))
        times += [start + (end - start) * k / count for k in range(1, count)] + [float(end)]
        place[float(end)] = len(times) - 1
    return TimeGrid(tuple(times), tuple(place[float(each)] for each in outputs))


def _gap(time: float, knots: Sequence[float]) -> float:
    """Width of the gap between two knots that `time` lies in, or of the nearest."""
    if len(knots) < 2:
        return math.inf
    above = min(max(sum(each <= time for each in knots), 1), len(knots) - 1)
    return knots[above] - knots[above - 1]


def integrate(
    field: Field,
    x0: Float[Tensor, "cells dim"],
    steps: TimeGrid,
    *,
    sigma: Callable[[Tensor], Tensor] | None = None,
    rate: Field | None = None,
    others: InteractionField | None = None,
    constrain: Callable[[Tensor], Tensor] | None = None,
    noise: Callable[[int, Tensor], Tensor] | None = None,
) -> tuple[Float[Tensor, "outputs cells dim"], Float[Tensor, "outputs cells"]]:
    """Move cells along dx = field dt + sigma dW and gather d log w = rate dt; returns (x, log w) at the outputs.

    Without `sigma` each step is classical Runge-Kutta of order four, with it Euler-Maruyama (Kloeden & Platen 1992,
    section 9.1), of strong order one since the noise does not depend on the state. The rate is summed by the trapezium
    rule. `constrain` is applied to the start and after every step. `noise(k, x)` gives step k's standard normal draws.
    `others` is added to the field, with the weights that cells have at the beginning of a step.
    """
    x = x0 if constrain is None else constrain(x0)
    log_weight = x.new_zeros(len(x))
    xs, logs = [], []
    wanted = set(steps.kept)

    def at(time: float) -> Tensor:
        return x0.new_full((len(x0),), time)

    def moves(t: Tensor, x: Tensor) -> Tensor:
        return field(t, x) if others is None else field(t, x) + others(t, x, log_weight)

    before = rate(at(steps.times[0]), x) if rate else None
    for k, time in enumerate(steps.times):
        if k:
            start = steps.times[k - 1]
            h = time - start
            if sigma is None:
                k1 = moves(at(start), x)
                k2 = moves(at(start + h / 2), x + h / 2 * k1)
                k3 = moves(at(start + h / 2), x + h / 2 * k2)
                k4 = moves(at(time), x + h * k3)
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            else:
                draw = torch.randn_like(x) if noise is None else noise(k, x)
                x = x + h * moves(at(start), x) + math.sqrt(h) * sigma(at(start))[:, None] * draw
            if constrain is not None:
                x = constrain(x)
            if rate is not None and before is not None:
                after = rate(at(time), x)
                log_weight = log_weight + h / 2 * (before + after)
                before = after
        if k in wanted:
            xs.append(x)
            logs.append(log_weight)
    order = {k: place for place, k in enumerate(sorted(wanted))}
    pick = [order[k] for k in steps.kept]
    return torch.stack([xs[k] for k in pick]), torch.stack([logs[k] for k in pick])


def brownian_increments(seed: int, block: int, device: torch.device) -> Callable[[int, Tensor], Tensor]:
    """Standard normal draws for `integrate` that depend on the seed, the block and the step only: two simulations of
    the same cells with the same steps meet the same noise, whatever moves them."""
    rng = torch.Generator(device).manual_seed((seed * 1_000_003 + block) % 2**63)
    return lambda k, x: torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)


def step_error(
    field: Field,
    x0: Float[Tensor, "cells dim"],
    steps: TimeGrid,
    *,
    sigma: Callable[[Tensor], Tensor] | None = None,
    rate: Field | None = None,
    others: InteractionField | None = None,
    constrain: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> float:
    """Distance at the last output between these steps and steps half as long, that nine in ten cells keep (state).

    Not the mean: cells that stand on a watershed may end far apart for the smallest of differences.

    With noise both follow the same path of the Brownian motion, so what is compared is the size of the steps alone.
    """
    fine = steps.halved()
    move = partial(integrate, field, x0, rate=rate, others=others, constrain=constrain)
    if sigma is None:
        coarse_x, _ = move(steps)
        fine_x, _ = move(fine)
    else:
        rng = torch.Generator(x0.device).manual_seed(seed)
        table = torch.randn((len(fine.times), *x0.shape), generator=rng, device=x0.device, dtype=x0.dtype)
        fine_x, _ = move(fine, sigma=sigma, noise=lambda k, x: table[k])
        coarse_x, _ = move(steps, sigma=sigma, noise=lambda k, x: (table[2 * k - 1] + table[2 * k]) / math.sqrt(2))
    return float((fine_x[-1] - coarse_x[-1]).norm(dim=1).quantile(0.9))
