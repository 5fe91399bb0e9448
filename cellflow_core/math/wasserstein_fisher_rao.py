"""Wasserstein-Fisher-Rao geometry between two weighted points, in closed form: transport and growth together.

Chizat et al., "An interpolating distance between optimal transport and Fisher-Rao metrics", Found. Comput. Math. 2018,
doi:10.1007/s10208-016-9331-y; Liero, Mielke & Savare, Invent. Math. 2018, doi:10.1007/s00222-017-0759-8. A path of mass
m(s) at x(s), s from 0 to 1, with velocity v = x' and growth g = m' / m has the action

    1/2 int m (|v|^2 + delta^2 g^2) ds.

A point of mass m is the vector of length sqrt(m) at the angle x / (2 delta); geodesics are straight lines
between such vectors. With d the distance of the two points and a = d / (2 delta) their angle,

    z(s) = (1 - s) sqrt(m0) + s sqrt(m1) exp(i a),   m = |z|^2,   x = x0 + 2 delta arg(z) (x1 - x0) / d,
    least action = 2 delta^2 (m0 + m1 - 2 sqrt(m0 m1) cos a).

From the cut d = pi delta on it is cheaper not to move: mass dies in place as m0 (1 - s)^2 and grows at the other place
as m1 s^2, which is the formula with cos a = 0. Between whole clouds a, b the least action is 2 delta^2 times

    min_P  <c, P> + KL(P 1 | a) + KL(P' 1 | b),   c = -log cos^2 min(d / (2 delta), pi / 2)

(optimal entropy transport), and the masses of the geodesics are those of P scaled to the rows of a, and to the columns
of b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

MAX_COST = 30.0
"""Cost of a pair beyond the cut, in place of infinity: exp(-30) of it is joined, so that every cell has a partner."""


@dataclass(frozen=True)
class WFRGeodesic:
    """Points on their geodesics at the fraction s of the time: x (state), mass, velocity and growth per unit of s."""

    x: Float[Tensor, "pairs dim"]
    mass: Float[Tensor, " pairs"]
    velocity: Float[Tensor, "pairs dim"]
    growth: Float[Tensor, " pairs"]


def distance(
    separation: Float[Tensor, " pairs"], mass0: Float[Tensor, " pairs"], mass1: Float[Tensor, " pairs"], delta: float
) -> Float[Tensor, " pairs"]:
    """Root of the least action between points at the distance `apart` (state)."""
    left = mass0 + mass1 - 2 * (mass0 * mass1).sqrt() * _cos(separation, delta)
    return delta * (2 * left.clamp(min=0)).sqrt()


def cost(separation: Float[Tensor, "n m"], delta: float) -> Float[Tensor, "n m"]:
    """c above for distances (state); pairs beyond the cut cost MAX_COST."""
    return (-2 * _cos(separation, delta).log()).clamp(max=MAX_COST)


def wfr_geodesic(
    x0: Float[Tensor, "pairs dim"],
    x1: Float[Tensor, "pairs dim"],
    ratio: Float[Tensor, " pairs"],
    s: Float[Tensor, " pairs"],
    delta: float,
    stays: Tensor | None = None,
) -> WFRGeodesic:
    """Position and mass of pairs of mass 1 at x0 and `ratio` at x1 at the fraction s, above 0 and below 1.

    stays  [pairs] which of the pairs beyond the cut are evaluated at x0, the others at x1: such a pair is two points,
           and the mass of the one that is evaluated counts twice, so that a fair coin is right in the mean. None: all
           at x0
    """
    path = x1 - x0
    separation = path.norm(dim=1)
    angle = separation / (2 * delta)
    end = ratio.sqrt()
    real, imaginary = (1 - s) + s * end * angle.cos(), s * end * angle.sin()
    mass = real.square() + imaginary.square()
    turned = torch.atan2(imaginary, real)
    speed = 2 * delta * end * angle.sin() / mass
    steer = path / separation.clamp(min=torch.finfo(path.dtype).tiny)[:, None]
    growth = 2 * (real * (end * angle.cos() - 1) + imaginary * end * angle.sin()) / mass
    x, velocity = x0 + (2 * delta * turned)[:, None] * steer, speed[:, None] * steer
    cut = separation >= math.pi * delta
    if cut.any():
        stays = torch.ones_like(cut) if stays is None else stays
        x = torch.where(cut[:, None], torch.where(stays[:, None], x0, x1), x)
        velocity = velocity.masked_fill(cut[:, None], 0.0)
        mass = torch.where(cut, 2 * torch.where(stays, (1 - s).square(), ratio * s.square()), mass)
        growth = torch.where(cut, torch.where(stays, -2 / (1 - s), 2 / s), growth)
    return WFRGeodesic(x, mass, velocity, growth)


def _cos(separation: Tensor, delta: float) -> Tensor:
    return (separation / (2 * delta)).clamp(max=math.pi / 2).cos().clamp(min=0)
