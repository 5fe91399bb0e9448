"""Stochastic paths over the interval of each cell, as training by simulation needs them: differentiable, all of a batch
at once. Euler-Maruyama steps of `math.integrate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.integrate import Field, State, per_cell, solve


@dataclass(frozen=True)
class SDEPath:
    """States x at times t, first the start, and the drift b (state / time) of each step."""

    t: Float[Tensor, "stops cells"]
    x: Float[Tensor, "stops cells dim"]
    drift: Float[Tensor, "steps cells dim"]


def euler_maruyama(
    drift: Field,
    noise: Callable[[Tensor], Tensor],
    x0: Float[Tensor, "cells dim"],
    t0: Float[Tensor, " cells"],
    t1: Float[Tensor, " cells"],
    steps: int,
    rng: torch.Generator,
    *,
    uneven: bool = False,
) -> SDEPath:
    """The path of each cell from its t0 to its t1. noise(t [cells]) is sigma (state / sqrt(time)), [cells].

    uneven  steps of random lengths, up to half a step earlier or later in each call, so that what is learnt does not
            depend on their length
    """
    gap, drifts = t1 - t0, []

    def rates(t: Tensor, state: State) -> State:
        drifts.append(drift(t, state[0]))
        return (drifts[-1],)

    moved = (torch.rand(steps - 1, generator=rng, device=x0.device) - 0.5).tolist() if uneven else [0.0] * (steps - 1)
    fractions = [0.0, *((k + by) / steps for k, by in enumerate(moved, 1)), 1.0]
    path = solve(
        per_cell(rates, t0, t1),
        (x0,),
        fractions,
        sigma=lambda s: gap.sqrt() * noise(t0 + s * gap),
        noise=lambda k, x: torch.randn(x.shape, generator=rng, device=x.device),
    )
    x = torch.stack([state for (state,) in path])
    return SDEPath(torch.stack([t0 + s * gap for s in fractions]), x, torch.stack(drifts))
