"""Entropic optimal transport between points, with marginals that may be left at a price.

    min_P  <C, P> + epsilon KL(P | a b') + rho0 KL(P 1 | p) + rho1 KL(P' 1 | b),    a = 1 / n,  b = total / m

where p = a unless the points of the source are said to have other masses.

An infinite rho is a marginal that holds exactly. Sinkhorn's rounds (Cuturi, NeurIPS 2013; with prices Chizat et al.,
Math. Comp. 2018, arXiv:1607.05816) on potentials f, g with P = a b exp((f + g - C) / epsilon):

    f = -lambda0 epsilon (log sum_j b_j exp((g_j - C_ij) / epsilon) - log p_i / a_i),  lambda0 = rho0 / (rho0 + epsilon)

and g alike. Most rounds are two products with the present plan; when their factors grow, the potentials take them in
by the formula above and the plan is written anew, and epsilon comes down in steps of four from the largest cost
(Schmitzer, SIAM J. Sci. Comput. 2019, arXiv:1610.06519), so that no epsilon makes it overflow. With a price the level
of f against g is set anew every few rounds (Sejourne, Vialard & Peyre, AISTATS 2022, arXiv:2201.00730).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

ROUNDS = 20_000
"""Rounds at the last epsilon after which a plan that still moves is given up."""
_SETTLED = 1e-4  # mean relative change of a marginal in one round
_LARGEST = 30.0  # logarithm of a factor that the potentials take in
_LOOK = 10  # rounds between two looks at the change


def entropic_plan(
    cost: Float[Tensor, "n m"],
    epsilon: float,
    rho0: float = math.inf,
    rho1: float = math.inf,
    total: float = 1.0,
    source: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, "n m"]:
    """The plan P above, float64, for a cost and prices in the same unit.

    total   mass of the target where that of the source is 1; another than 1 needs a finite price
    source  mass p of each point of the source, summing to one; None: 1 / n each

    A marginal without a price holds to rounding error, so that a balanced plan sums to one. Raises ValueError where
    epsilon, a price or a mass is not above zero, where no plan has the two masses, and where the plan does not settle.
    """
    if not (epsilon > 0 and rho0 > 0 and rho1 > 0 and total > 0):
        raise ValueError(f"epsilon={epsilon:g}, the prices {rho0:g} and {rho1:g} and total={total:g} must be above 0")
    if total != 1 and math.isinf(rho0) and math.isinf(rho1):
        raise ValueError(f"no plan keeps a source of mass 1 and a target of mass {total:g}: give one of them a price")
    cost = cost.double()
    mass = torch.full_like(cost[:, 0], 1 / len(cost)) if source is None else source.to(cost)
    if not ((mass > 0).all() and abs(float(mass.sum()) - 1) < 1e-3):
        raise ValueError(f"the masses of the source must be above 0 and sum to 1, they sum to {float(mass.sum()):g}")
    state = _State(torch.zeros_like(mass), torch.zeros_like(cost[0]), 1 / len(cost), total / cost.shape[1], mass)
    step = max(float(cost.max()), epsilon)
    while step > epsilon:
        state.iterate(cost, step, rho0, rho1, 50, 0.03)
        step /= 4
    plan, change = state.iterate(cost, epsilon, rho0, rho1, ROUNDS, _SETTLED)
    if change > 10 * _SETTLED:
        raise ValueError(
            f"the entropic plan still changes by {change:.1e} a round after {ROUNDS:,} rounds at epsilon={epsilon:.3g}"
            f", {epsilon / float(cost.mean()):.1e} of the mean cost: take a larger one, or an exact plan"
        )
    return _round_to_marginals(plan, mass if math.isinf(rho0) else None, state.b if math.isinf(rho1) else None)


@dataclass
class _State:
    """Potentials of the rounds so far, the mass of one point of either side, and the masses the source is to have."""

    f: Tensor
    g: Tensor
    a: float
    b: float
    mass: Tensor

    def iterate(
        self, cost: Tensor, epsilon: float, rho0: float, rho1: float, rounds: int, settled: float
    ) -> tuple[Tensor, float]:
        """Rounds at one epsilon until little moves: (plan, mean relative change of the last one)."""
        keep0, keep1 = (1.0 if math.isinf(rho) else rho / (rho + epsilon) for rho in (rho0, rho1))
        done, change, plan = 0, math.inf, cost
        while done < rounds and change > settled:
            left = torch.logsumexp((self.g - cost).div_(epsilon), 1) - (self.mass / (self.a * self.b)).log()
            self.f = -keep0 * epsilon * left
            self.g = -keep1 * epsilon * torch.logsumexp((self.f[:, None] - cost).div_(epsilon), 0).add(math.log(self.a))
            plan = ((self.f[:, None] + self.g).sub_(cost)).div_(epsilon).exp_().mul_(self.a * self.b)
            lift0, lift1 = (-(1 - keep0) / epsilon * self.f).exp(), (-(1 - keep1) / epsilon * self.g).exp()
            u, v = torch.ones_like(self.f), torch.ones_like(self.g)
            largest = 0.0
            while done < rounds and change > settled and largest < _LARGEST:
                before = u
                for _ in range(_LOOK):
                    before = u
                    u = lift0 * (plan @ v / self.mass).pow(-keep0)
                    v = lift1 * (u @ plan / self.b).pow(-keep1)
                done += _LOOK
                change = float((u / before - 1).abs().mean())
                shift = self._shift(epsilon * u.log(), epsilon * v.log(), rho0, rho1) / epsilon
                u, v = u * math.exp(shift), v * math.exp(-shift)
                largest = float(torch.cat([u, v]).log().abs().max())
            if not math.isfinite(change + largest):
                raise ValueError(f"the entropic plan overflows at epsilon={epsilon:.3g}: take a larger one")
            self.f, self.g = self.f + epsilon * u.log(), self.g + epsilon * v.log()
            plan = plan.mul_(u[:, None]).mul_(v)
        return plan, change

    def _shift(self, more_f: Tensor, more_g: Tensor, rho0: float, rho1: float) -> float:
        """How much f is to rise and g to fall at once: the plan stays, the prices paid are least.

        At dear prices rounds alone find that level slowly, at the rate of lambda0 lambda1.
        """
        if math.isinf(rho0) and math.isinf(rho1):
            return 0.0
        paid0 = 1.0 if math.isinf(rho0) else float(self.mass @ (-(self.f + more_f) / rho0).exp())
        paid1 = self.b * (len(self.g) if math.isinf(rho1) else float((-(self.g + more_g) / rho1).exp().sum()))
        return math.log(paid0 / paid1) / (1 / rho0 + 1 / rho1)


def _round_to_marginals(plan: Tensor, a: Tensor | None, b: float | None) -> Tensor:
    """The plan with the marginals that have no price made exact (Altschuler et al., NeurIPS 2017, algorithm 2)."""
    if a is None or b is None:
        if a is not None:
            return plan.mul_((a / plan.sum(1))[:, None])
        return plan if b is None else plan.mul_(b / plan.sum(0))
    plan.mul_((a / plan.sum(1)).clamp(max=1)[:, None])
    plan.mul_((b / plan.sum(0)).clamp(max=1))
    row, column = (a - plan.sum(1)).clamp(min=0), (b - plan.sum(0)).clamp(min=0)
    lacking = row.sum()
    return plan.addr_(row / lacking, column) if lacking > 0 else plan
