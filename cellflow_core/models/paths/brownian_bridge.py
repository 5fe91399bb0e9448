"""Brownian bridges between paired cells, and the two fields that are learnt from them.

A bridge of length T = t1 - t0 between x0 and x1, with s = (t - t0) / T (Tong et al., arXiv:2307.03672, equation 7):

    x_t = (1-s) x0 + s x1 + sigma sqrt(T s (1-s)) eps
    d = E[(x1 - x0) / T | x_t]                                              displacement
    g = sigma^2/2 grad log p_t = -sigma E[eps | x_t] / (2 sqrt(T s (1-s)))    scaled score
    velocity v = d - (1 - 2s) g,  forward drift v + g = d + 2s g,  v - g = d - 2(1-s) g for the process backward in time

so that d and g give all of them, and neither regression target grows without bound at s = 0 and 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.integrate import Field, State, solve
from cellflow_core.models.paths.path_sample import PathSample


def with_bridge_noise(at: PathSample, sigma: float, rng: torch.Generator) -> PathSample:
    """Points of a mean path, moved to where a Brownian bridge around it is; their velocity stays that of the mean."""
    width = sigma * (at.interval * at.s * (1 - at.s)).sqrt()
    return at.with_noise(width.reshape(*at.s.shape, *[1] * (at.x.ndim - at.s.ndim)), rng)


def simulate_bridge(
    displacement: Field,
    scaled_score: Field,
    x: Float[Tensor, "cells dim"],
    t0: float,
    t1: float,
    sigma: float,
    steps: int,
    rng: torch.Generator,
    backward: bool,
) -> Float[Tensor, "cells dim"]:
    """Cells of one end of an interval at its other end, by Euler-Maruyama steps of the process, forward or backward."""
    gap = t1 - t0

    def drift(time: float, state: State) -> State:
        (x,) = state
        s, t = (time - t0) / gap, x.new_full((len(x),), time)
        d, g = displacement(t, x), scaled_score(t, x)
        return (d - 2 * (1 - s) * g if backward else d + 2 * s * g,)

    fractions = [k / steps for k in range(steps + 1)]
    path = solve(
        drift,
        (x,),
        [t0 + (1 - s if backward else s) * gap for s in fractions],
        sigma=lambda _: x.new_full((len(x),), sigma),
        noise=lambda k, x: torch.randn(x.shape, generator=rng, device=x.device),
    )
    *_, (end,) = path
    return end
