"""Fused Gromov-Wasserstein transport with entropy, whose first marginal may be left at a price.

    min_P  (1 - alpha) <C, P> + alpha sum (D0_ik - D1_jl)^2 P_ij P_kl + epsilon KL(P | a b') + rho KL(P 1 | p)

with P' 1 = b: near points are joined, and points that are near in their own cloud go to points that are near in theirs
(Vayer et al., ICML 2019, arXiv:1805.09114). Each round solves the entropic problem with the cost replaced by its slope
at the present plan (Peyre, Cuturi and Solomon, ICML 2016, Proposition 2, with the fused slope of Vayer et al.):

    (1 - alpha) C + 2 alpha (D0^2 r + D1^2 c' - 2 D0 P D1),   r = P 1, c = P' 1.

The problem is not convex: rounds begin at the product a b' and find a plan that no further round changes, not always
the best one.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.sinkhorn import entropic_plan

ROUNDS = 200
_SETTLED = 1e-5  # L1 change of the plan in one round


def fused_plan(
    cost: Float[Tensor, "n m"],
    own0: Float[Tensor, "n n"],
    own1: Float[Tensor, "m m"],
    alpha: float,
    epsilon: float,
    rho: float = math.inf,
    source: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, "n m"]:
    """The plan P above, float64; `own0` and `own1` are the distances D0, D1 within either cloud, in a unit in which
    their squares compare with `cost`. `source` and `rho` are those of `entropic_plan`.

    Raises ValueError where the plan still changes after ROUNDS rounds.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha:g} is the share of the distances within the clouds: between 0 and 1")
    cost, own0, own1 = cost.double(), own0.double(), own1.double()
    n, m = cost.shape
    plan = torch.full_like(cost, 1 / (n * m))
    if source is not None:
        plan = source.to(cost)[:, None].expand(n, m) / m
    change = math.inf
    for _ in range(ROUNDS):
        apart = (own0.square() @ plan.sum(1))[:, None] + (own1.square() @ plan.sum(0)) - 2 * own0 @ plan @ own1
        before, plan = plan, entropic_plan((1 - alpha) * cost + 2 * alpha * apart, epsilon, rho, source=source)
        change = float((plan - before).abs().sum())
        if change < _SETTLED:
            return plan
    raise ValueError(
        f"the fused plan still changes by {change:.1e} of its mass a round after {ROUNDS} rounds: take a larger "
        "epsilon or a smaller alpha"
    )
