"""Which few terms explain a motion: least squares over all small sets of terms, judged on what was left out.

Everything is read from sums of products, fold by fold, so that a set of terms costs a system of as many equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor

CANDIDATES = 20
"""Terms among which all small sets are compared; of more, those that a forward selection takes first."""
AT_ONCE = 20_000
"""Sets that are solved in one step."""


@dataclass(frozen=True)
class Folds:
    """Sums over the equations of each fold: left' left, left' right, right^2, with columns of the left of length 1.

    size  length of each column, by which coefficients are divided
    """

    square: Float[Tensor, "folds terms terms"]
    product: Float[Tensor, "folds terms"]
    total: Float[Tensor, " folds"]
    size: Float[Tensor, " terms"]

    @classmethod
    def of(cls, left: Sequence[Float[Tensor, "_ terms"]], right: Sequence[Float[Tensor, " _"]]) -> Folds:
        """Of the equations left c = right of each fold."""
        size = torch.stack([each.square().sum(dim=0) for each in left]).sum(dim=0).sqrt()
        size = torch.where(size > 1e-12 * size.max(), size, torch.inf)  # a term that is 0 throughout explains nothing
        units = [each / size for each in left]
        return cls(
            torch.stack([each.T @ each for each in units]),
            torch.stack([a.T @ b for a, b in zip(units, right, strict=True)]),
            torch.stack([each @ each for each in right]),
            size,
        )

    def without(self, fold: int) -> tuple[Tensor, Tensor]:
        """(left' left, left' right) of all other folds."""
        return self.square.sum(dim=0) - self.square[fold], self.product.sum(dim=0) - self.product[fold]


def solved(
    square: Float[Tensor, "terms terms"], product: Float[Tensor, " terms"], sets: Int[Tensor, "sets size"]
) -> Float[Tensor, "sets size"]:
    """Least-squares coefficients of each set of terms."""
    ridge = 1e-10 * torch.eye(sets.shape[1], dtype=square.dtype, device=square.device)
    found = [
        torch.linalg.solve(square[each[:, :, None], each[:, None, :]] + ridge, product[each])
        for each in sets.split(AT_ONCE)
    ]
    return torch.cat(found)


def narrowed(folds: Folds, most: int = CANDIDATES) -> list[int]:
    """At most this many terms: each one added explains most of what those before leave (forward selection)."""
    square, product = folds.square.sum(dim=0), folds.product.sum(dim=0)
    chosen: list[int] = []
    while len(chosen) < min(most, int(folds.size.isfinite().sum())):
        gain, norm = product.clone(), square.diagonal().clone()
        if chosen:
            cross = square[chosen]
            inverse = torch.linalg.pinv(cross[:, chosen], hermitian=True)
            gain = gain - cross.T @ (inverse @ product[chosen])
            norm = norm - torch.einsum("ck,cd,dk->k", cross, inverse, cross)
        score = torch.where(norm > 1e-9, gain.square() / norm.clamp_min(1e-12), 0.0)
        score[chosen] = -1.0
        chosen.append(int(score.argmax()))
    return sorted(chosen)


def small_sets(candidates: Sequence[int], size: int) -> Int[Tensor, "sets size"]:
    """All sets of this many candidates."""
    return torch.tensor(list(combinations(candidates, size)), dtype=torch.long).reshape(-1, size)


def sparse_coefficients(folds: Folds, most: int, tolerance: float) -> tuple[Float[Tensor, " terms"], float]:
    """(coefficients of the terms, share of the squares that they explain in folds that were left out).

    The best set of each size up to `most` explains most in all folds. Of these, the smallest is taken whose squared
    error in left-out folds is at most 1 + `tolerance` times the least one.
    """
    square, product = folds.square.sum(dim=0), folds.product.sum(dim=0)
    candidates, total = narrowed(folds), float(folds.total.sum())
    best, errors = [torch.zeros(0, dtype=torch.long)], [total]
    for size in range(1, min(most, len(candidates)) + 1):
        sets = small_sets(candidates, size).to(square.device)
        explained = (solved(square, product, sets) * product[sets]).sum(dim=1)
        best.append(sets[explained.argmax()])
        errors.append(_left_out(folds, best[-1]))
    kept = next(k for k, error in enumerate(errors) if error <= (1 + tolerance) * min(errors))
    found = torch.zeros_like(product)
    if kept:
        found[best[kept]] = solved(square, product, best[kept][None])[0]
    return found / folds.size, 1 - errors[kept] / max(total, 1e-300)


def _left_out(folds: Folds, chosen: Int[Tensor, " size"]) -> float:
    """Squared error of each fold by the coefficients of the others, summed."""
    error = 0.0
    for k in range(len(folds.total)):
        c = solved(*folds.without(k), chosen[None])[0]
        part = folds.square[k][chosen][:, chosen]
        error += float(folds.total[k] - 2 * c @ folds.product[k][chosen] + c @ part @ c)
    return error
