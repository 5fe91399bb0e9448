"""Cells on random ways from one time to another, as training needs them: differentiable, all of a batch at once.

    x <- x + h b(t, x) + sqrt(h) sigma(t) xi,    xi ~ N(0, I)        Euler-Maruyama, Kloeden & Platen 1992, section 9.1

Every cell has a start and an end of its own, h = (t1 - t0) / steps: cells of all intervals go together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.integrate import Field


@dataclass(frozen=True)
class SDEPath:
    """States x at times t, first the start, and the drift (state / time) that each step took."""

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
    """Where each cell goes between its t0 and its t1. noise(t [cells]) is sigma (state / sqrt(time)), [cells]."""
    h = (t1 - t0) / steps
    times, states, drifts = [t0], [x0], []
    for k in range(steps):
        t, x = times[-1], states[-1]
        b = drift(t, x)
        kick = torch.randn(x.shape, generator=rng, device=x.device)
        states.append(x + h[:, None] * b + (h.sqrt() * noise(t))[:, None] * kick)
        times.append(t0 + (k + 1) * h)
        drifts.append(b)
    return SDEPath(torch.stack(times), torch.stack(states), torch.stack(drifts))
