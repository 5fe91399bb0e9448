"""A landscape as a weighted sum of known functions, so that its weights are found by one linear solve."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import comb

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cellflow_core.data.snapshots import DataSpec

DEGREE = 4
MOST_MONOMIALS = 256
"""The degree is DEGREE, or as high as keeps the number of monomials below this."""
N_RBF = 32


class PolynomialRBFBasis(nn.Module):
    """Monomials of all axes and round bumps on cells, of standardised states, inside the box of the measured cells.

    Outside the box a function keeps the value of the nearest state in it, and `wall` rises: half the squared distance
    to the box, so that polynomials lead no cell to infinity.
    """

    center: Tensor
    low: Tensor  # [dim], standardised
    high: Tensor
    bumps: Tensor  # [BUMPS, dim], standardised
    powers: Tensor  # [monomials, dim]

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.scale, dim = spec.scale, spec.dim
        degree = max(d for d in range(1, DEGREE + 1) if d == 1 or comb(dim + d, d) - 1 <= MOST_MONOMIALS)
        rows = [each for d in range(1, degree + 1) for each in combinations_with_replacement(range(dim), d)]
        powers = torch.tensor([[row.count(axis) for axis in range(dim)] for row in rows])
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float64), persistent=False)
        self.register_buffer("powers", powers, persistent=False)
        for name, shape in (("low", (dim,)), ("high", (dim,)), ("bumps", (N_RBF, dim))):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        self.width = (dim / 2) ** 0.5  # half of the usual distance of two cells, in spreads

    def __len__(self) -> int:
        return len(self.powers) + N_RBF

    def fit(self, x: Float[Tensor, "cells dim"], rng: torch.Generator) -> None:
        """Box and bumps from the measured cells."""
        z = self._standard(x)
        self.low.copy_(z.min(dim=0).values)
        self.high.copy_(z.max(dim=0).values)
        self.bumps.copy_(z[torch.randint(len(z), (N_RBF,), generator=rng, device=z.device)])

    def value(self, x: Float[Tensor, "n dim"]) -> Float[Tensor, "n size"]:
        """Each function at each state (no unit)."""
        z = self._inside(x)
        monomials = (z[:, None] ** self.powers).prod(dim=2)
        return torch.cat([monomials, self._bump(z)], dim=1)

    def gradient(self, x: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim size"]:
        """Derivative of each function along each axis (1 / state)."""
        z = self._inside(x)
        factors = z[:, None] ** self.powers  # [n, monomials, dim]
        slopes = []
        for axis in range(z.shape[1]):
            power = self.powers[:, axis]
            others = torch.cat([factors[..., :axis], factors[..., axis + 1 :]], dim=2).prod(dim=2)
            slopes.append(power * z[:, axis, None] ** (power - 1).clamp(min=0) * others)
        bump = -(z[:, :, None] - self.bumps.T) / self.width**2 * self._bump(z)[:, None]
        both = torch.cat([torch.stack(slopes, dim=1), bump], dim=2) / self.scale
        return both * (z == self._standard(x))[:, :, None]

    def box_penalty(self, x: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """Half the squared distance to the box (state^2), and its gradient (state)."""
        out = (self._standard(x) - self._inside(x)) * self.scale
        return out.square().sum(dim=1) / 2, out

    def _bump(self, z: Tensor) -> Tensor:
        return (-(z[:, None] - self.bumps).square().sum(dim=2) / (2 * self.width**2)).exp()

    def _standard(self, x: Tensor) -> Tensor:
        return (x.double() - self.center) / self.scale

    def _inside(self, x: Tensor) -> Tensor:
        return self._standard(x).clamp(self.low, self.high)


def ridge_weights(
    square: Float[Tensor, "k k"], aim: Float[Tensor, " k"], used: Bool[Tensor, " k"], ridge: float
) -> Float[Tensor, " k"]:
    """w of (square + ridge I) w = aim over the columns in use, zero for the others; the last is not penalised."""
    penalty = torch.full_like(aim, ridge)
    penalty[-1] = 0.0
    found = torch.zeros_like(aim)
    found[used] = torch.linalg.solve((square + penalty.diag())[used][:, used], aim[used])
    return found
