"""Cubic paths between points, and slopes at which they do not overshoot.

Hermite's cubic from x0 to x1 with the slopes m0 and m1 at its ends (state a gap) at the share s of the gap:

    x(s) = (1-s) x0 + s x1 + s (1-s)^2 b0 - s^2 (1-s) b1,    b0 = m0 - (x1 - x0),  b1 = m1 - (x1 - x0)

The offsets b0 and b1 are the tangents less those of the straight line, at either end.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def hermite_offset(
    s: Float[Tensor, "_ 1"], bend0: Float[Tensor, "points dim"], bend1: Float[Tensor, "points dim"]
) -> Float[Tensor, "points dim"]:
    """Where the cubic stands at the share s, less where the straight line does (state)."""
    return s * (1 - s) * ((1 - s) * bend0 - s * bend1)


def hermite_offset_derivative(
    s: Float[Tensor, "_ 1"], bend0: Float[Tensor, "points dim"], bend1: Float[Tensor, "points dim"]
) -> Float[Tensor, "points dim"]:
    """The derivative of `hermite_offset` in s (state a gap)."""
    return (1 - s) * (1 - 3 * s) * bend0 - s * (2 - 3 * s) * bend1


def monotone_slope(
    before: Float[Tensor, "points dim"],
    after: Float[Tensor, "points dim"],
    gap_before: float,
    gap_after: float,
) -> Float[Tensor, "points dim"]:
    """The slope at a point, from the mean slopes before and after it (state / time) and the gaps they were taken over.

    On each axis their weighted harmonic mean, and 0 where they differ in sign: no axis overshoots the points, however
    unlike the gaps are (Fritsch & Butland, SIAM J. Sci. Stat. Comput. 1984, doi:10.1137/0905021, with the weights of
    Brodlie). A parabola through three points, the usual choice, does overshoot where gaps are unlike.
    """
    late, early = gap_after + 2 * gap_before, 2 * gap_after + gap_before
    along = before * after > 0
    one = torch.ones_like(before)
    mean = (early + late) / (early / torch.where(along, before, one) + late / torch.where(along, after, one))
    return torch.where(along, mean, torch.zeros_like(mean))
