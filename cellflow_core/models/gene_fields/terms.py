"""The terms that an equation in closed form can have: products of variables, and x log x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from jaxtyping import Float
from torch import Tensor

MOST_TERMS = 1000
"""Candidates for the right-hand side of one variable."""


@dataclass(frozen=True)
class Terms:
    """Candidate terms of the right-hand sides, the same for every variable.

    products    variables that each term multiplies, by number, ascending; () is the constant 1
    logarithms  variables x that are there as x log x, after the products
    """

    products: tuple[tuple[int, ...], ...]
    logarithms: tuple[int, ...] = ()

    @classmethod
    def up_to(cls, dim: int, degree: int, logarithms: bool = False, constant: bool = True) -> Terms:
        """All products of at most `degree` of `dim` variables. Raises ValueError where there are too many."""
        found: list[tuple[int, ...]] = [()] if constant else []
        for k in range(1, degree + 1):
            found += combinations_with_replacement(range(dim), k)
            if len(found) > MOST_TERMS:
                raise ValueError(
                    f"{dim} variables have more than {MOST_TERMS:,} products of up to {degree}: take fewer variables, "
                    "or a lower degree"
                )
        return cls(tuple(found), tuple(range(dim)) if logarithms else ())

    def __len__(self) -> int:
        return len(self.products) + len(self.logarithms)

    def values(self, x: Float[Tensor, "*states dim"]) -> Float[Tensor, "*states terms"]:
        """Each term at states x; log x of a level at or below 0 counts as that of a level of 1e-12."""
        dim, most = x.shape[-1], max(map(len, self.products), default=1)
        padded = [[*each, *[dim] * (most - len(each))] for each in self.products]
        factors = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
        products = factors[..., torch.tensor(padded, dtype=torch.long, device=x.device)].prod(dim=-1)
        grown = x[..., list(self.logarithms)].clamp_min(1e-12)
        return torch.cat([products, grown * grown.log()], dim=-1)

    def names(self, variables: Sequence[str]) -> tuple[str, ...]:
        """As an equation writes them: "1", "A", "A² B", "A log A"."""
        products = (" ".join(map(str, _powers(each, variables))) or "1" for each in self.products)
        return (*products, *(f"{variables[j]} log {variables[j]}" for j in self.logarithms))

    def holds(self, dim: int) -> Float[Tensor, "terms dim"]:
        """1 where a term holds a variable, else 0."""
        found = torch.zeros(len(self), dim)
        for k, each in enumerate((*self.products, *((j,) for j in self.logarithms))):
            found[k, list(each)] = 1.0
        return found


def equation(target: str, coefficients: Sequence[float], names: Sequence[str]) -> str:
    """ "dA/dt = 0.6 − 0.1 B − 1 A² B": terms whose coefficient is 0 are left out, three digits of the others."""
    words = []
    for value, name in zip(coefficients, names, strict=True):
        if value:
            sign = "−" if value < 0 else "+" if words else ""
            words.append(f"{sign} {abs(value):.3g}{'' if name == '1' else f' {name}'}".strip())
    return f"d {target} / dt = {' '.join(words) or '0'}"


def _powers(product: tuple[int, ...], variables: Sequence[str]) -> list[str]:
    exponents = {2: "²", 3: "³", 4: "⁴"}
    counts = {j: product.count(j) for j in product}
    return [f"{variables[j]}{exponents.get(n, '')}" for j, n in counts.items()]
