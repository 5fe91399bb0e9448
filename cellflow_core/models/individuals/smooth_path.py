"""Natural cubic splines through the measured values of each individual, whichever are missing.

Twice differentiable, straight at both ends (Green & Silverman 1994, "Nonparametric regression", section 2.3). With gaps
h_k and second derivatives M_k at the knots, M_1 = M_n = 0 and

    h_{k-1} M_{k-1} + 2 (h_{k-1} + h_k) M_k + h_k M_{k+1} = 6 ((x_{k+1} - x_k) / h_k - (x_k - x_{k-1}) / h_{k-1})

Each variable has the knots at which it was measured; before the first and after the last one it stays.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def natural_spline(
    t: Float[Tensor, "batch rows"],
    x: Float[Tensor, "batch rows variables"],
    observed: Bool[Tensor, "batch rows variables"],
    times: Float[Tensor, "batch times"],
) -> Float[Tensor, "batch times variables"]:
    """Values of the splines at ascending times; 0 for a variable that was never measured."""
    count, width = len(t), x.shape[2]
    seen = observed.mT.flatten(0, 1)
    moments, values = t.repeat_interleave(width, dim=0), x.mT.flatten(0, 1)
    order = (~seen).to(torch.int8).argsort(dim=1, stable=True)  # the knots first
    number = seen.sum(dim=1, keepdim=True)
    last = order.gather(1, (number - 1).clamp(min=0))
    place = torch.arange(t.shape[1], device=t.device).expand_as(order)
    order = torch.where(place < number, order, last)
    knots, levels = moments.gather(1, order), torch.where(number > 0, values.gather(1, order), 0)
    curvature = _second_derivatives(knots, levels)
    at = times.repeat_interleave(width, dim=0).clamp(knots[:, :1], knots[:, -1:])
    right = torch.searchsorted(knots.contiguous(), at.contiguous()).clamp(1, max(t.shape[1] - 1, 1))
    if t.shape[1] == 1:
        return levels.expand(-1, times.shape[1]).unflatten(0, (count, width)).mT
    (t0, t1), (x0, x1), (m0, m1) = (
        (each.gather(1, right - 1), each.gather(1, right)) for each in (knots, levels, curvature)
    )
    h = torch.where(t1 > t0, t1 - t0, 1)
    a, b = (t1 - at) / h, (at - t0) / h
    found = a * x0 + b * x1 + ((a**3 - a) * m0 + (b**3 - b) * m1) * h.square() / 6
    return torch.where(t1 > t0, found, x1).unflatten(0, (count, width)).mT


def _second_derivatives(knots: Float[Tensor, "many rows"], x: Float[Tensor, "many rows"]) -> Float[Tensor, "many rows"]:
    """M above; 0 at both ends and where the last knot is repeated."""
    rows = knots.shape[1]
    if rows < 3:
        return torch.zeros_like(x)
    h = knots.diff(dim=1)
    inner = h[:, 1:] > 0  # the knot has a later one
    slope = x.diff(dim=1) / torch.where(h > 0, h, 1)
    before, after = h[:, :-1], torch.where(inner, h[:, 1:], 0)
    system = torch.diag_embed(torch.where(inner, 2 * (before + after), 1))
    system[:, 1:, :-1] += torch.diag_embed(torch.where(inner[:, 1:], before[:, 1:], 0))
    system[:, :-1, 1:] += torch.diag_embed(torch.where(inner[:, :-1] & inner[:, 1:], after[:, :-1], 0))
    right = torch.where(inner, 6 * slope.diff(dim=1), 0)
    return torch.nn.functional.pad(torch.linalg.solve(system, right), (1, 1))
