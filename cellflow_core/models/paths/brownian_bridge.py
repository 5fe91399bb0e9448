"""Brownian bridges between paired cells, and the two fields that are learnt from them. Shared by the bridge methods.

A bridge of length T = t1 - t0 between x0 and x1, with s = (t - t0) / T (Tong et al., arXiv:2307.03672, equation 7):

    x_t = (1-s) x0 + s x1 + sigma sqrt(T s (1-s)) eps,    s = (t - t0) / T
    g = sigma^2/2 grad log p_t = -sigma E[eps | x_t] / (2 sqrt(T s (1-s)))
    d = E[(x1 - x0) / T | x_t]
    velocity v = d - (1 - 2s) g,  forward drift v + g = d + 2s g,  drift backward in time g - v = 2(1-s) g - d

so that d and g say all, and neither target grows without bound at s = 0 and 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field, State, solve
from cellflow_core.models.contract import Loss
from cellflow_core.models.networks.time_mlp import velocity_scale
from cellflow_core.models.transport.pair_sampler import Pairs


def bridge_loss(
    displacement: Field, scaled_score: Field, pair: Pairs, sigma: float, spec: DataSpec, rng: torch.Generator
) -> Loss:
    """Regression of d (in typical speeds) and of g (as the noise that it takes away) at one time of each bridge."""
    gap = (pair.t1 - pair.t0)[:, None]
    s = torch.rand(len(gap), 1, generator=rng, device=gap.device)
    epsilon = torch.randn(pair.x0.shape, generator=rng, device=gap.device)
    wide = (gap * s * (1 - s)).sqrt()
    t, x = pair.t0 + (s * gap)[:, 0], torch.lerp(pair.x0, pair.x1, s) + sigma * wide * epsilon
    motion = (displacement(t, x) - (pair.x1 - pair.x0) / gap) / velocity_scale(spec)
    score = 2 * wide / sigma * scaled_score(t, x) + epsilon
    terms = {"velocity": motion.square().mean(), "score": score.square().mean()}
    return Loss(terms["velocity"] + terms["score"], {name: each.detach() for name, each in terms.items()})


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
