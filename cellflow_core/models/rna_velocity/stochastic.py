"""RNA velocity from first and second moments: how RNA varies among neighbors tells of the rates as well.

The "stochastic" mode of scVelo: Bergen et al., "Generalizing RNA velocity to transient cell states through dynamical
modeling", Nat. Biotechnol. 38:1408, 2020, doi:10.1038/s41587-020-0591-3. At steady state, with splicing as the unit of
time and <> the mean over the neighbors of a cell,

    <u> = gamma <s>,    2 <u s> + <u> = gamma (2 <s s> - <s>)

and gamma is the least squares of both, each divided by the standard deviation of its residuals: those of the first
with gamma of `steady-state`, over the highest 5 % of the cells by that sum or by s; those of the second over all cells.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.models.contract import Phase
from cellflow_core.models.rna_velocity.steady_state import Settings
from cellflow_core.models.splicing.estimator import GENES_AT_ONCE, SplicingCells, whole
from cellflow_core.models.splicing.ratio import RatioModel, highest, percentile, ratio


class Stochastic(RatioModel):
    title = "Stochastic RNA velocity"
    summary = (
        "The steady-state ratio from means and from how RNA varies among neighboring cells, which makes it less "
        "dependent on a few extreme cells."
    )
    limitation = (
        "It takes the cells with most RNA of a gene to be at steady state: where a gene was switched off before it got "
        "there, its direction is wrong. Unspliced RNA counts as constant."
    )
    paper = "Bergen et al., Nat. Biotechnol. 2020, doi:10.1038/s41587-020-0591-3"
    needs = frozenset({DataRequirement.MOMENTS, DataRequirement.SECOND_MOMENTS})
    Config = Settings
    config: Settings

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("moments", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Any:
        cells = self.read(frames)
        moments = (whole(frames.cell_data[each]) for each in ("spliced_squared", "spliced_unspliced"))
        blocks = zip(cells.by_genes(), *(each.split(GENES_AT_ONCE, dim=1) for each in moments), strict=True)
        found = [self._ratio(each, square.double(), cross.double()) for each, square, cross in blocks]
        self.gamma.copy_(torch.cat(found))

    def _ratio(
        self, cells: SplicingCells, square: Float[Tensor, "cells genes"], cross: Float[Tensor, "cells genes"]
    ) -> Float[Tensor, " genes"]:
        """The steady-state ratio of some genes, from the means of their RNA and of s^2 and s u."""
        x, y = 2 * square - cells.spliced, 2 * cross + cells.unspliced
        chosen = highest(cells, self.config.percent)
        first, second = ratio(cells, chosen), _slope(x, y)
        of_mean = (cells.unspliced - first * cells.spliced).var(dim=0, unbiased=False)
        of_square = (y - second * x).var(dim=0, unbiased=False)
        chosen |= cells.spliced >= percentile(cells.spliced, 100 - self.config.percent)
        u, s = cells.unspliced * chosen, cells.spliced * chosen
        weight = of_mean / of_square.clamp_min(1e-30)  # of the second equation relative to the first
        both = (s * u).sum(dim=0) + weight * (x * y).sum(dim=0)
        return both / (s.square().sum(dim=0) + weight * x.square().sum(dim=0)).clamp_min(1e-30)


def _slope(x: Tensor, y: Tensor) -> Tensor:
    """Of the line through zero, by gene."""
    return (x * y).sum(dim=0) / x.square().sum(dim=0).clamp_min(1e-30)
