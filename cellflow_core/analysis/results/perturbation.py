"""The result of a perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


@dataclass(frozen=True)
class Perturbation(Result):
    """The same initial cells simulated with and without a change to one or several genes.

    genes, levels  what was changed, and the level of each in `unit`
    before, after, change [fates]: shares and their difference; low, high [fates]: 95 % interval of the change
    before_paths, after_paths [steps, particles, 2] in the view; times [steps]
    before_end, after_end [cells, 2]: where the cells end in the view
    control_change [genes, fates]: change by the same perturbation of randomly chosen other genes (control_genes), of as
                  many at once, joined by " + "
    extrapolated_fraction  share of perturbed states farther from every measured cell than 99 % of measured cells are
    """

    view: str
    axes: tuple[str, str]
    genes: tuple[str, ...]
    kind: str
    levels: tuple[float, ...]
    unit: str
    start: str
    names: tuple[str, ...]
    before: Float[Array, " fates"]
    after: Float[Array, " fates"]
    change: Float[Array, " fates"]
    low: Float[Array, " fates"]
    high: Float[Array, " fates"]
    interval: str
    times: Float[Array, " steps"]
    before_paths: Float[Array, "steps particles 2"]
    after_paths: Float[Array, "steps particles 2"]
    before_end: Float[Array, "cells 2"]
    after_end: Float[Array, "cells 2"]
    control_genes: tuple[str, ...]
    control_change: Float[Array, "genes fates"]
    extrapolated_fraction: float
    notes: tuple[str, ...] = ()

    @property
    def gene(self) -> str:
        """The genes in words: "A", "A and B", "A, B and C"."""
        return joined(self.genes)

    def level_words(self, style: str = ".3g") -> str:
        """The levels in words: one number where all are the same."""
        words = [format(each, style) for each in self.levels]
        return words[0] if len(set(words)) == 1 else joined(words)


def joined(words: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    return " and ".join(each for each in (", ".join(words[:-1]), *words[-1:]) if each)
