"""Entropic optimal transport between points, balanced or unbalanced, by Sinkhorn's algorithm.

    min_P  <C, P> + epsilon KL(P | a b') + rho0 KL(P 1 | p) + rho1 KL(P' 1 | b),    a = 1 / n,  b = total / m

where p = a unless the points of the source have masses of their own.

An infinite rho is a marginal that holds exactly. Sinkhorn iterations (Cuturi, NeurIPS 2013; unbalanced: Chizat et al.,
Math. Comp. 2018, arXiv:1607.05816) on dual potentials f, g with P = a b exp((f + g - C) / epsilon):

    f = -lambda0 epsilon (log sum_j b_j exp((g_j - C_ij) / epsilon) - log p_i / a_i),  lambda0 = rho0 / (rho0 + epsilon)

and g alike. Most iterations scale the present plan by two vectors u, v; when these grow, the potentials absorb them by
the formula above and the plan is computed anew, and epsilon is lowered in steps of four from the largest cost
(Schmitzer, SIAM J. Sci. Comput. 2019, arXiv:1610.06519), so that no epsilon overflows. With a finite rho the
translation of f against g is optimised every few iterations (Sejourne, Vialard & Peyre, AISTATS 2022,
arXiv:2201.00730).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.math.ot import DensePlan

MAX_ITERATIONS = 20_000
"""Iterations at the last epsilon."""
_TOLERANCE = 1e-4  # mean relative change of a marginal in one iteration
_MAX_LOG_SCALING = 30.0  # logarithm of a scaling from which the potentials absorb it
_CHECK_EVERY = 10  # iterations between two looks at the change


def entropic_plan(
    cost: Float[Tensor, "n m"],
    epsilon: float,
    rho0: float = math.inf,
    rho1: float = math.inf,
    total: float = 1.0,
    source: Float[Tensor, " n"] | None = None,
) -> DensePlan:
    """The plan P above, for a cost, epsilon and rho in the same unit.

    total   mass of the target where that of the source is 1; another than 1 needs a finite rho
    source  mass p of each point of the source, summing to one; None: 1 / n each

    Marginals with an infinite rho hold to rounding error, so that a balanced plan sums to one, converged or not. Raises
    ValueError where epsilon, rho or a mass is not above zero, where no plan has the two masses, and where the plan is
    far from converged (ten times the tolerance) after MAX_ITERATIONS.
    """
    if not (epsilon > 0 and rho0 > 0 and rho1 > 0 and total > 0):
        raise ValueError(f"epsilon={epsilon:g}, rho {rho0:g} and {rho1:g} and total={total:g} must be above 0")
    if total != 1 and math.isinf(rho0) and math.isinf(rho1):
        raise ValueError(
            f"no balanced plan has a source of mass 1 and a target of mass {total:g}: take a finite rho for one of them"
        )
    cost = cost.double()
    mass = torch.full_like(cost[:, 0], 1 / len(cost)) if source is None else source.to(cost)
    if not ((mass > 0).all() and abs(float(mass.sum()) - 1) < 1e-3):
        raise ValueError(f"the masses of the source must be above 0 and sum to 1, they sum to {float(mass.sum()):g}")
    state = _Potentials(torch.zeros_like(mass), torch.zeros_like(cost[0]), 1 / len(cost), total / cost.shape[1], mass)
    step = max(float(cost.max()), epsilon)
    while step > epsilon:
        state.iterate(cost, step, rho0, rho1, 50, 0.03)
        step /= 4
    plan, change = state.iterate(cost, epsilon, rho0, rho1, MAX_ITERATIONS, _TOLERANCE)
    if change > 10 * _TOLERANCE:
        raise ValueError(
            f"the entropic plan did not converge: it still changes by {change:.1e} an iteration after "
            f"{MAX_ITERATIONS:,} iterations at epsilon={epsilon:.3g}, {epsilon / float(cost.mean()):.1e} of the mean "
            "cost: take a larger epsilon, or an exact plan"
        )
    matrix = _round_to_marginals(plan, mass if math.isinf(rho0) else None, state.b if math.isinf(rho1) else None)
    return DensePlan(matrix, change <= _TOLERANCE)


@dataclass
class _Potentials:
    """Dual potentials so far, the mass of one point of either side, and the masses that the source is to have."""

    f: Tensor
    g: Tensor
    a: float
    b: float
    mass: Tensor

    def iterate(
        self, cost: Tensor, epsilon: float, rho0: float, rho1: float, iterations: int, tolerance: float
    ) -> tuple[Tensor, float]:
        """Iterations at one epsilon until the change is small: (plan, mean relative change of the last one)."""
        lambda0, lambda1 = (1.0 if math.isinf(rho) else rho / (rho + epsilon) for rho in (rho0, rho1))
        done, change, plan = 0, math.inf, cost
        while done < iterations and change > tolerance:
            soft = torch.logsumexp((self.g - cost).div_(epsilon), 1) - (self.mass / (self.a * self.b)).log()
            self.f = -lambda0 * epsilon * soft
            self.g = (
                -lambda1 * epsilon * torch.logsumexp((self.f[:, None] - cost).div_(epsilon), 0).add(math.log(self.a))
            )
            plan = ((self.f[:, None] + self.g).sub_(cost)).div_(epsilon).exp_().mul_(self.a * self.b)
            damping0, damping1 = (-(1 - lambda0) / epsilon * self.f).exp(), (-(1 - lambda1) / epsilon * self.g).exp()
            u, v = torch.ones_like(self.f), torch.ones_like(self.g)
            largest = 0.0
            while done < iterations and change > tolerance and largest < _MAX_LOG_SCALING:
                before = u
                for _ in range(_CHECK_EVERY):
                    before = u
                    u = damping0 * (plan @ v / self.mass).pow(-lambda0)
                    v = damping1 * (u @ plan / self.b).pow(-lambda1)
                done += _CHECK_EVERY
                change = float((u / before - 1).abs().mean())
                shift = self._translation(epsilon * u.log(), epsilon * v.log(), rho0, rho1) / epsilon
                u, v = u * math.exp(shift), v * math.exp(-shift)
                largest = float(torch.cat([u, v]).log().abs().max())
            if not math.isfinite(change + largest):
                raise ValueError(f"the entropic plan overflows at epsilon={epsilon:.3g}: take a larger one")
            self.f, self.g = self.f + epsilon * u.log(), self.g + epsilon * v.log()
            plan = plan.mul_(u[:, None]).mul_(v)
        return plan, change

    def _translation(self, more_f: Tensor, more_g: Tensor, rho0: float, rho1: float) -> float:
        """How much f is to rise and g to fall at once: the plan stays, the penalties are least.

        At large rho Sinkhorn iterations alone find that translation slowly, at the rate of lambda0 lambda1.
        """
        if math.isinf(rho0) and math.isinf(rho1):
            return 0.0
        paid0 = 1.0 if math.isinf(rho0) else float(self.mass @ (-(self.f + more_f) / rho0).exp())
        paid1 = self.b * (len(self.g) if math.isinf(rho1) else float((-(self.g + more_g) / rho1).exp().sum()))
        return math.log(paid0 / paid1) / (1 / rho0 + 1 / rho1)


def _round_to_marginals(plan: Tensor, a: Tensor | None, b: float | None) -> Tensor:
    """The plan with its hard marginals made exact (Altschuler et al., NeurIPS 2017, algorithm 2)."""
    if a is None or b is None:
        if a is not None:
            return plan.mul_((a / plan.sum(1))[:, None])
        return plan if b is None else plan.mul_(b / plan.sum(0))
    plan.mul_((a / plan.sum(1)).clamp(max=1)[:, None])
    plan.mul_((b / plan.sum(0)).clamp(max=1))
    row, column = (a - plan.sum(1)).clamp(min=0), (b - plan.sum(0)).clamp(min=0)
    missing = row.sum()
    return plan.addr_(row / missing, column) if missing > 0 else plan
