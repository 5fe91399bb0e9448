"""Entropic fused Gromov-Wasserstein transport whose source marginal may be relaxed.

    min_P  (1 - alpha) <C, P> + alpha sum (D0_ik - D1_jl)^2 P_ij P_kl + epsilon KL(P | a b') + rho KL(P 1 | p)

with P' 1 = b: near points are coupled, and distances within one cloud are matched with distances within the other
(Vayer et al., ICML 2019, arXiv:1805.09114). Each iteration solves the entropic problem with the cost replaced by the
gradient at the present plan (Peyre, Cuturi and Solomon, ICML 2016, Proposition 2, with the fused gradient of Vayer et
al.):

    (1 - alpha) C + 2 alpha (D0^2 r + D1^2 c' - 2 D0 P D1),   r = P 1, c = P' 1.

The problem is not convex: iterations start at the product a b' and find a stationary plan, not always the global
optimum.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.ot import DensePlan
from cellflow_core.math.sinkhorn import entropic_plan

MAX_ITERATIONS = 200
_TOLERANCE = 1e-5  # L1 change of the plan in one iteration


def fused_plan(
    cost: Float[Tensor, "n m"],
    distance0: Float[Tensor, "n n"],
    distance1: Float[Tensor, "m m"],
    alpha: float,
    epsilon: float,
    rho: float = math.inf,
    source: Float[Tensor, " n"] | None = None,
) -> DensePlan:
    """The plan P above; `distance0` and `distance1` are D0, D1 within either cloud, in a unit in which their squares
    compare with `cost`. `source` and `rho` are those of `entropic_plan`.

    Converged where the last entropic problem did. Raises ValueError where the plan still changes after MAX_ITERATIONS.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha:g} is the weight of the distances within the clouds: between 0 and 1")
    cost, distance0, distance1 = cost.double(), distance0.double(), distance1.double()
    n, m = cost.shape
    matrix = torch.full_like(cost, 1 / (n * m))
    if source is not None:
        matrix = source.to(cost)[:, None].expand(n, m) / m
    change = math.inf
    for _ in range(MAX_ITERATIONS):
        gradient = (
            (distance0.square() @ matrix.sum(1))[:, None]
            + (distance1.square() @ matrix.sum(0))
            - 2 * distance0 @ matrix @ distance1
        )
        plan = entropic_plan((1 - alpha) * cost + 2 * alpha * gradient, epsilon, rho, source=source)
        change = float((plan.matrix - matrix).abs().sum())
        if change < _TOLERANCE:
            return plan
        matrix = plan.matrix
    raise ValueError(
        f"the fused plan did not converge: it still changes by {change:.1e} of its mass an iteration after "
        f"{MAX_ITERATIONS} iterations: take a larger epsilon or a smaller alpha"
    )
