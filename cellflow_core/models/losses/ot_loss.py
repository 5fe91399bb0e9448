"""How far cells that a model has moved land from the cells that were measured there: the loss of simulate-and-compare.

Transport between samples is biased: it is smallest for a cloud narrower than the measured one. Each batch is therefore
cut into halves a, b and compared by the minibatch energy distance of Salimans et al., ICLR 2018, arXiv:1803.05573:

    D = [W(xa, ya) + W(xb, yb) - W(xa, xb) - W(ya, yb)] / 2        W: exact plan, squared distance

which is zero in the mean where the clouds agree (a single batch may fall below). The gradient takes the plans as fixed
(envelope theorem). Landed cells may carry masses, w = softmax(log mass) within each half: W then has the marginal w,
and its slope in w_i is the potential of the plan at x_i (Peyre & Cuturi 2019, arXiv:1803.00567, proposition 4.6).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.ot import exact_plan, weighted_plan


def minibatch_energy_loss(
    landed: Sequence[Tensor] | Float[Tensor, "clouds batch dim"],
    measured: Sequence[Tensor] | Float[Tensor, "clouds batch dim"],
    spec: DataSpec,
    rng: torch.Generator,
    log_mass: Sequence[Tensor] | Float[Tensor, "clouds batch"] | None = None,
) -> Float[Tensor, ""]:
    """Mean of D over pairs of clouds, per axis, in squared standard deviations (pooled).

    Differentiable in cells and masses.

    log_mass  of each landed cell, up to a constant for each cloud; None: all count alike
    """
    masses = [None] * len(landed) if log_mass is None else log_mass
    distance = [minibatch_energy_distance(x, y, rng, mass) for x, y, mass in zip(landed, measured, masses, strict=True)]
    return torch.stack(distance).mean() / (spec.dim * spec.scale**2)


def minibatch_energy_distance(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    rng: torch.Generator,
    log_mass: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    """D above (state^2), of landed cells x and measured cells y; an odd cell out is left aside."""
    (xa, xb), (ya, yb) = _halves(x), _halves(y)
    if log_mass is None:
        met = ot_cost(xa, ya, rng) + ot_cost(xb, yb, rng)
        return (met - ot_cost(xa, xb, rng) - ot_cost(ya, yb, rng)) / 2
    a, b = (each.softmax(0) for each in _halves(log_mass))
    met = ot_cost(xa, ya, rng, a) + ot_cost(xb, yb, rng, b)
    return (met - ot_cost(xa, xb, rng, a, b) - ot_cost(ya, yb, rng)) / 2


def ot_cost(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    rng: torch.Generator,
    a: Float[Tensor, " n"] | None = None,
    b: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    """W (state^2): mean squared distance along the exact plan. a, b: shares of the mass, each summing to one."""
    if a is None and b is None:
        row, column, mass = exact_plan(x, y, rng)
        return mass @ (x[row] - y[column]).square().sum(dim=1)
    a = torch.full_like(x[:, 0], 1 / len(x)) if a is None else a
    b = torch.full_like(y[:, 0], 1 / len(y)) if b is None else b
    row, column, mass, f, g = weighted_plan(x, y, a, b)
    slope = f @ (a - a.detach()) + g @ (b - b.detach())  # zero, with the gradient in the shares
    return mass @ (x[row] - y[column]).square().sum(dim=1) + slope


def density_loss(
    x: Float[Tensor, "n dim"], cells: Float[Tensor, "m dim"], spec: DataSpec, neighbours: int = 5, margin: float = 0.01
) -> Float[Tensor, ""]:
    """Mean of max(0, d - margin), d the distances of each x to its nearest cells, in standard deviations (pooled).

    The density loss of Tong et al., ICML 2020, arXiv:2002.04461. Distances are divided by the root of the dimension.
    """
    distance = torch.cdist(x, cells, compute_mode="donot_use_mm_for_euclid_dist") / (spec.scale * spec.dim**0.5)
    return (distance.topk(min(neighbours, len(cells)), largest=False).values - margin).clamp(min=0).mean()


def _halves(of: Tensor) -> tuple[Tensor, Tensor]:
    half = len(of) // 2
    return of[:half], of[half : 2 * half]
