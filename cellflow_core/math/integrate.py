"""The one integrator of the project: explicit Runge-Kutta steps, and Euler-Maruyama steps where there is noise.

    dy = f(t, y) dt               y <- y + h sum_i b_i k_i,  k_i = f(t + c_i h, y + c_i h k_{i-1})
    dx = f(t, x) dt + sigma dW    x <- x + h f(t, x) + sqrt(h) sigma(t) xi,  xi ~ N(0, I)

`solve` takes the steps, for any state and differentiably: training uses it. `integrate` moves cells and their
log-weights through the times of a `TimeGrid`: simulation uses it. Steps are of fixed size: on blocks of cells that stay
in the processor's cache they are faster than adaptive steps on all cells, and `step_error` halves them once to know
their error. `models.networks.ode_solver` adds torchdiffeq's adaptive steps, for training that asks for a tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 2048
"""Cells moved together."""

Field = Callable[[Tensor, Tensor], Tensor]
"""(t [batch], x [batch, dim]) -> [batch, dim] or, for a growth rate, [batch]."""

InteractionField = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(t [cells], x [cells, dim], log w [cells]) of all cells that move together -> what they do to each other."""

State = tuple[Tensor, ...]
"""The cells x [cells, dim], and integrals along their paths (energy, log density ...), [cells] or [cells, n]."""

Rates = Callable[[float, State], State]
"""(time, state) -> d state / dt."""

CellRates = Callable[[Tensor, State], State]
"""(t [cells], state) -> d state / dt, for cells that stand at different times."""

Method = Literal["euler", "heun", "midpoint", "rk4"]

STAGES: Mapping[Method, tuple[tuple[float, ...], tuple[int, ...]]] = {
    "euler": ((0.0,), (1,)),
    "heun": ((0.0, 1.0), (1, 1)),
    "midpoint": ((0.0, 0.5), (0, 1)),
    "rk4": ((0.0, 0.5, 0.5, 1.0), (1, 2, 2, 1)),
}
"""Nodes c and weights b (up to their sum) of a step: a stage depends on the stage before it alone."""


def solve(
    rates: Rates,
    state: State,
    times: Sequence[float],
    method: Method = "rk4",
    *,
    sigma: Callable[[float], Float[Tensor, " cells"]] | None = None,
    noise: Callable[[int, Tensor], Tensor] | None = None,
    constrain: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[State]:
    """The state at each of `times`, the first as it is given; differentiable. Descending times go backward.

    sigma      diffusion coefficient at a time (state / sqrt(time)) for the cells, the first part of the state; with
               it the method is Euler-Maruyama whatever `method` says (Kloeden & Platen 1992, section 9.1), of strong
               order one since the noise does not depend on the state
    noise      (k, x) -> the standard normal draws of step k, like x; None: torch's global generator
    constrain  applied to the cells after every step

    The last stage of a step is asked for at the next number before its end: where a field jumps at a knot, the step
    that ends there does not see it.
    """
    yield state
    for k, (start, end) in enumerate(pairwise(times), start=1):
        x, *others = _step(rates, state, start, end, "euler" if sigma else method)
        if sigma is not None:
            draw = torch.randn_like(x) if noise is None else noise(k, x)
            x = x + (math.sqrt(abs(end - start)) * sigma(start))[:, None] * draw
        if constrain is not None:
            x = constrain(x)
        state = (x, *others)
        yield state


def _step(rates: Rates, state: State, start: float, end: float, method: Method) -> State:
    nodes, weights = STAGES[method]
    h, k, total = end - start, state, None
    for node, weight in zip(nodes, weights, strict=True):
        at = tuple(y + node * h * each for y, each in zip(state, k, strict=True)) if node else state
        k = rates(math.nextafter(end, start) if node == 1.0 else start + node * h, at)
        if weight:
            part = k if weight == 1 else tuple(weight * each for each in k)
            total = part if total is None else tuple(a + b for a, b in zip(total, part, strict=True))
    assert total is not None
    return tuple(y + h / sum(weights) * each for y, each in zip(state, total, strict=True))


def per_cell(
    rates: CellRates, t0: Float[Tensor, " cells"], t1: Float[Tensor, " cells"]
) -> Callable[[float | Tensor, State], State]:
    """The same equation in s = (t - t0) / (t1 - t0), for cells with an interval each: all go from s = 0 to 1 together,
    backward in time where t1 < t0."""
    gap = t1 - t0

    def scaled(s: float | Tensor, state: State) -> State:
        return tuple(each * (gap[:, None] if each.ndim == 2 else gap) for each in rates(t0 + s * gap, state))

    return scaled


@dataclass(frozen=True)
class TimeGrid:
    """The end of every step, and which of them are outputs.

    times  ascending, first the start
    kept   positions in `times` of the outputs, first 0
    """

    times: tuple[float, ...]
    kept: tuple[int, ...]

    def halved(self) -> TimeGrid:
        """Each step halved, the same outputs."""
        middles = [(a + b) / 2 for a, b in pairwise(self.times)]
        times = [self.times[0]]
        for middle, end in zip(middles, self.times[1:], strict=True):
            times += [middle, end]
        return TimeGrid(tuple(times), tuple(2 * k for k in self.kept))


def time_grid(outputs: Sequence[float], knots: Sequence[float], per_gap: int) -> TimeGrid:
    """Steps that end at every output and every knot between them, `per_gap` to the interval between two knots.

    knots  ascending: times at which a field need not be smooth, most often those with measured cells. Before the first
           and after the last the neighbouring interval counts.
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
    """Width of the interval between two knots that `time` lies in, or of the nearest."""
    if len(knots) < 2:
        return math.inf
    above = min(max(sum(each <= time for each in knots), 1), len(knots) - 1)
    return knots[above] - knots[above - 1]


def integrate(
    field: Field,
    x0: Float[Tensor, "cells dim"],
    grid: TimeGrid,
    *,
    method: Method = "rk4",
    sigma: Callable[[Tensor], Tensor] | None = None,
    rate: Field | None = None,
    others: InteractionField | None = None,
    constrain: Callable[[Tensor], Tensor] | None = None,
    noise: Callable[[int, Tensor], Tensor] | None = None,
) -> tuple[Float[Tensor, "outputs cells dim"], Float[Tensor, "outputs cells"]]:
    """Cells along dx = field dt + sigma dW together with d log w = rate dt; returns (x, log w) at the outputs.

    The log-weight is summed by the trapezium rule along the path, one call of `rate` a step, with noise and without.
    `others` is added to the field, with the log-weights at the beginning of a step. `constrain` is applied to the
    start and after every step; `sigma` and `noise` are those of `solve`.
    """
    log_weight = x0.new_zeros(len(x0))
    xs, logs, wanted = [], [], set(grid.kept)
    ends = {math.nextafter(end, start): end for start, end in pairwise(grid.times)}

    def at(time: float) -> Tensor:
        if time not in ends:
            return x0.new_full((len(x0),), time)
        end = x0.new_full((len(x0),), ends[time])
        return torch.nextafter(end, torch.full_like(end, -math.inf))

    def rates(time: float, state: State) -> State:
        t, (x,) = at(time), state
        return (field(t, x) if others is None else field(t, x) + others(t, x, log_weight),)

    start = x0 if constrain is None else constrain(x0)
    path = solve(
        rates,
        (start,),
        grid.times,
        method,
        sigma=None if sigma is None else lambda time: sigma(at(time)),
        noise=noise,
        constrain=constrain,
    )
    before = None
    for k, (x,) in enumerate(path):
        if rate is not None:
            after = rate(at(grid.times[k]), x)
            if before is not None:
                log_weight = log_weight + (grid.times[k] - grid.times[k - 1]) / 2 * (before + after)
            before = after
        if k in wanted:
            xs.append(x)
            logs.append(log_weight)
    order = {k: place for place, k in enumerate(sorted(wanted))}
    pick = [order[k] for k in grid.kept]
    return torch.stack([xs[k] for k in pick]), torch.stack([logs[k] for k in pick])


def brownian_increments(seed: int, block: int, device: torch.device) -> Callable[[int, Tensor], Tensor]:
    """Standard normal draws for `integrate` that depend on the seed, the block and the step only: two simulations of
    the same cells with the same steps share their noise, whatever the field."""
    rng = torch.Generator(device).manual_seed((seed * 1_000_003 + block) % 2**63)
    return lambda k, x: torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)


def step_error(
    field: Field,
    x0: Float[Tensor, "cells dim"],
    grid: TimeGrid,
    *,
    sigma: Callable[[Tensor], Tensor] | None = None,
    rate: Field | None = None,
    others: InteractionField | None = None,
    constrain: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
) -> float:
    """0.9 quantile over cells of the distance, at the last output, between these steps and steps half as long (state).

    Not the mean: cells on a watershed may end far apart for the smallest of differences. With noise both share the path
    of the Brownian motion, so that the step size alone is compared.
    """
    fine = grid.halved()
    move = partial(integrate, field, x0, rate=rate, others=others, constrain=constrain)
    if sigma is None:
        coarse_x, _ = move(grid)
        fine_x, _ = move(fine)
    else:
        rng = torch.Generator(x0.device).manual_seed(seed)
        table = torch.randn((len(fine.times), *x0.shape), generator=rng, device=x0.device, dtype=x0.dtype)
        fine_x, _ = move(fine, sigma=sigma, noise=lambda k, x: table[k])
        coarse_x, _ = move(grid, sigma=sigma, noise=lambda k, x: (table[2 * k - 1] + table[2 * k]) / math.sqrt(2))
    return float((fine_x[-1] - coarse_x[-1]).norm(dim=1).quantile(0.9))
