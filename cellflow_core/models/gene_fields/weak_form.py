"""The variational form of an equation: what a smooth course says of its right-hand side, without a derivative of it.

Qian, Kacprzyk & van der Schaar, "D-CODE: discovering closed-form ODEs from observed trajectories", ICLR 2022,
definition 2: dx/dt = f(x) holds on [0, T] where for all g with g(0) = g(T) = 0

    int_0^T f(x(t)) g(t) dt + int_0^T x(t) g'(t) dt = 0,

here with g_j(t) = sqrt(2 / (j T)) sin(j pi t / T), which weighs slow functions more: the error of int x g_j' grows with
j. For f = sum_k c_k theta_k(x) the form is linear in c.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def projections(
    times: Float[Tensor, "pieces points"],
    course: Float[Tensor, "pieces points variables"],
    terms: Float[Tensor, "pieces points terms"],
    functions: int,
) -> tuple[Float[Tensor, "pieces functions terms"], Float[Tensor, "pieces functions variables"]]:
    """(int theta_k g_j dt, -int x g_j' dt) by the trapezoidal rule over equally spaced points of each piece.

    Of faster sines than the points can tell from slower ones there is none: `functions` is at most their number less 2.
    """
    span = (times[:, -1] - times[:, 0])[:, None, None]
    share = torch.linspace(0, 1, times.shape[1], dtype=times.dtype, device=times.device)
    j = torch.arange(1, min(functions, times.shape[1] - 2) + 1, dtype=times.dtype, device=times.device)[:, None]
    weight = torch.full_like(share, 1 / (len(share) - 1))
    weight[0] = weight[-1] = weight[0] / 2
    sine = torch.sin(math.pi * j * share) * weight / j.sqrt()
    cosine = math.pi * torch.cos(math.pi * j * share) * weight * j.sqrt()
    left = torch.einsum("jp,npk->njk", sine, terms) * (2 * span).sqrt()
    right = -torch.einsum("jp,npk->njk", cosine, course) * (2 / span).sqrt()
    return left, right
