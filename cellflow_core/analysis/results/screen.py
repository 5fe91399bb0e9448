"""The result of a screen: many genes perturbed one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
SURE = 0.05
"""Adjusted probability below which a change counts."""


@dataclass(frozen=True)
class PerturbationScreen(Result):
    """The same initial cells simulated with each of several genes changed, one at a time.

    kind       "knock-out" or "over-expression"; levels [genes]: what each gene is clamped at (expression)
    names      terminal states; before [fates]: share of each without a change
    change     [genes, fates]: of these shares, mean of the models; low, high: 95 % interval over cells and models
    q          [genes, fates]: probability of a change as large from the choice of initial cells alone, adjusted over
               all genes and states (Benjamini-Hochberg); it does not say whether the model is right
    rank       [genes, fates]: share of the other screened genes whose change is as large
    outside    [genes]: share of the perturbed cells at the end that lie outside the measured cells
    reasons    [genes]: why a gene was not perturbed, "" where it was: its numbers are NaN then
    models     how many were averaged: the run and those of its other seeds
    """

    kind: str
    genes: tuple[str, ...]
    levels: Float[Array, " genes"]
    start: str
    names: tuple[str, ...]
    before: Float[Array, " fates"]
    change: Float[Array, "genes fates"]
    low: Float[Array, "genes fates"]
    high: Float[Array, "genes fates"]
    q: Float[Array, "genes fates"]
    rank: Float[Array, "genes fates"]
    outside: Float[Array, " genes"]
    reasons: tuple[str, ...]
    models: int
    notes: tuple[str, ...] = ()

    @property
    def perturbed(self) -> Float[Array, " genes"]:
        """Mask of the genes that were."""
        return np.array([not each for each in self.reasons], dtype=bool)
