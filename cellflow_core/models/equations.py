"""The equations of a trained model as they are written down: what each gene's right-hand side holds, with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Equations:
    """Right-hand sides of all genes, in the order of `spec.genes`.

    form          what all have in common, in LaTeX
    meaning       what its symbols mean, in sentences
    products      genes that each term multiplies, by number, ascending; () is the constant 1
    logarithms    genes x that are there as x log x, after the products
    coefficients  of each term in the equation of each gene, 0 where it is not there
    before, after what stands before and behind the terms of a gene, @ being its level: "2 σ(" and ") − 0.3 @"
    exact         whether an equation is the sum of its terms; else they are what it depends on, and coefficients tell
                  how much
    quantity      what the coefficients are
    level, time   LaTeX of the level of the gene @, and of the time
    explained     share of the motion of left-out individuals that an equation explains; None where it is not known
    scale         shift and unit of each gene, level = (measured - shift) / unit; None where levels are as measured
    """

    form: str
    meaning: str
    products: tuple[tuple[int, ...], ...]
    coefficients: Float[Tensor, "genes terms"]
    before: tuple[str, ...]
    after: tuple[str, ...]
    exact: bool
    quantity: str = "coefficient"
    logarithms: tuple[int, ...] = ()
    level: str = "z_{@}"
    time: str = "s"
    explained: Float[Tensor, " genes"] | None = None
    scale: Float[Tensor, "genes 2"] | None = None


def of_genes(genes: int) -> tuple[tuple[int, ...], ...]:
    """Every gene as a term of its own."""
    return tuple((k,) for k in range(genes))


def written(template: str, *values: Sequence[float] | Tensor) -> tuple[str, ...]:
    """The template for each gene, its fields {} filled with three digits of these values [genes]."""
    columns = (each.tolist() if isinstance(each, torch.Tensor) else each for each in values)
    return tuple(template.format(*(f"{value:.3g}" for value in row)) for row in zip(*columns, strict=True))
