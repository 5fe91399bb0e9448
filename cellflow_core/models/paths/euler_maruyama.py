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
) -> SDEPath:
    """The path of each cell from its t0 to its t1. noise(t [cells]) is sigma (state / sqrt(time)), [cells]."""
    gap, drifts = t1 - t0, []

    def rates(t: Tensor, state: State) -> State:
        drifts.append(drift(t, state[0]))
        return (drifts[-1],)

    fractions = [k / steps for k in range(steps + 1)]
    path = solve(
        per_cell(rates, t0, t1),
        (x0,),
        fractions,
        sigma=lambda s: gap.sqrt() * noise(t0 + s * gap),
        noise=lambda k, x: torch.randn(x.shape, generator=rng, device=x.device),
    )
    x = torch.stack([state for (state,) in path])
    return SDEPath(torch.stack([t0 + s * gap for s in fractions]), x, torch.stack(drifts))
