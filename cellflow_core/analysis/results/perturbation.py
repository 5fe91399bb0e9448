"""The result of a perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


ELSEWHERE = "elsewhere"
"""State of cells that end far from every terminal state; among the names only where there are such cells."""
MAX_EXTRAPOLATED = 0.2
"""Share of perturbed cells outside the data above which the model is guessing, and an interval means nothing."""


@dataclass(frozen=True)
class Perturbation(Result):
    """The same initial cells simulated with and without a change to one or several genes.

    genes, levels  what was changed, and the level of each in `unit`; kept_variance: the share of the variance of the
                  genes that the axes of the state keep, the smallest where there are several
    before, after, change [fates]: shares and their difference; low, high [fates]: 95 % interval of the change. Every
                  interval here is NaN where it would mean nothing, and `interval` says why
    before_paths, after_paths [steps, particles, 2] in the view; times [steps]
    before_end, after_end [cells, 2]: where the cells end in the view
    control_change [controls, fates]: change by the same perturbation of randomly chosen other genes (control_genes), of
                  as many at once, joined by " + "
    extrapolated_fraction  share of perturbed states farther from every measured cell than 99 % of measured cells are;
                  extrapolated_before: the same without the change; end_extrapolated [2]: the same of the cells at the
                  end alone, (without, with) the change
    end_distance  [3]: median distance (state) to the nearest measured cell, of (measured cells, end cells without the
                  change, with it)
    read_genes    [genes] whose mean at the end is compared: gene_change, gene_low, gene_high [genes] (expression)
    gene_control  [genes, 2]: lowest and highest change of each by the control perturbations, 0 without any;
                  gene_as_large [genes]: part of these in which it changes as much
    total_change  root mean square of the changes of all genes, in standard deviations of each over the measured cells,
                  without the perturbed ones; control_total_change [controls]
    end_time      [2]: measured time that the cells at the end resemble, (without, with) the change; NaN, as what
                  follows from it, with fewer than two times
    time_shift    [3]: (low, difference, high) of these; control_time_shift [controls]
    gene_mean     [2, genes]: mean of each at the end (expression), (without, with) the change
    targets       genes that no longer see the changed ones, where edges were cut
    late_progress [2]: change of that time in a unit of simulated time over the last quarter, (without, with): 0 for
                  cells that no longer develop
    """

    view: str
    axes: tuple[str, str]
    genes: tuple[str, ...]
    kind: str
    levels: tuple[float, ...]
    unit: str
    kept_variance: float
    start: str
    names: tuple[str, ...]
    before: Float[Array, " fates"]
    after: Float[Array, " fates"]
    change: Float[Array, " fates"]
    low: Float[Array, " fates"]
    high: Float[Array, " fates"]
    interval: str
    time_unit: str
    times: Float[Array, " steps"]
    before_paths: Float[Array, "steps particles 2"]
    after_paths: Float[Array, "steps particles 2"]
    before_end: Float[Array, "cells 2"]
    after_end: Float[Array, "cells 2"]
    control_genes: tuple[str, ...]
    control_change: Float[Array, "controls fates"]
    extrapolated_fraction: float
    extrapolated_before: float
    end_extrapolated: Float[Array, " 2"]
    end_distance: Float[Array, " 3"]
    read_genes: tuple[str, ...]
    gene_change: Float[Array, " genes"]
    gene_low: Float[Array, " genes"]
    gene_high: Float[Array, " genes"]
    gene_control: Float[Array, "genes 2"]
    gene_as_large: Float[Array, " genes"]
    total_change: float
    control_total_change: Float[Array, " controls"]
    end_time: Float[Array, " 2"]
    time_shift: Float[Array, " 3"]
    control_time_shift: Float[Array, " controls"]
    late_progress: Float[Array, " 2"]
    gene_mean: Float[Array, "2 genes"]
    notes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def outside(self) -> float:
        """Share of the perturbed cells outside the data that counts: at the end; or on all the path, beyond what
        unperturbed cells have, which cross the gaps between the measured times too."""
        return outside_of(self.extrapolated_fraction, self.extrapolated_before, float(self.end_extrapolated[1]))

    @property
    def has_times(self) -> bool:
        """Whether it is known which measured time cells resemble."""
        return bool(np.isfinite(self.end_time).all())

    @property
    def has_interval(self) -> bool:
        """Whether the changes have intervals."""
        return bool(np.isfinite(self.low).all())

    @property
    def gene(self) -> str:
        """The genes in words: "A", "A and B", "A, B and C"."""
        return joined(self.genes)

    def level_words(self, style: str = ".3g") -> str:
        """The levels in words: one number where all are the same."""
        words = [format(each, style) for each in self.levels]
        return words[0] if len(set(words)) == 1 else joined(words)


def outside_of(path: float, path_before: float, end: float) -> float:
    """See `Perturbation.outside`."""
    return max(end, path - path_before)


def joined(words: Sequence[str], most: int | None = None) -> str:
    """ "A", "A and B", "A, B and C"; of more than `most` words these and how many are left: "A, B and 4 more"."""
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most:,} more"]
    return " and ".join(each for each in (", ".join(words[:-1]), *words[-1:]) if each)
