"""RNA velocity by the steady-state ratio: unspliced RNA above the ratio says that a gene rises.

La Manno et al., "RNA velocity of single cells", Nature 560:494, 2018, doi:10.1038/s41586-018-0414-6, as scVelo fits it
(Bergen et al. 2020, doi:10.1038/s41587-020-0591-3, "deterministic"). With the splicing rate as the unit of time,

    ds/dt = u - gamma s,    gamma = sum_e u s / sum_e s^2

over the cells e with most RNA of the gene: the highest 5 % by u / max u + s / max s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import Phase
from cellflow_core.models.splicing.ratio import RatioModel, highest, ratio


@dataclass(frozen=True)
class Settings(Config):
    percent: float = setting(
        5.0, "percent of the cells, those with most RNA of a gene, that are taken to be at steady state", 0.5, 50.0
    )


class SteadyState(RatioModel):
    title = "Steady-state RNA velocity"
    summary = (
        "Compares the unspliced RNA of each gene with the ratio of its extreme cells: more of it than that, and the "
        "gene rises."
    )
    limitation = (
        "It takes the cells with most RNA of a gene to be at steady state: where a gene was switched off "
        "before it got there, its direction is wrong. Unspliced RNA counts as constant."
    )
    paper = "La Manno et al., Nature 2018, doi:10.1038/s41586-018-0414-6"
    Config = Settings
    config: Settings

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("steady state", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Any:
        cells = self.read(frames)
        self.gamma.copy_(torch.cat([ratio(each, highest(each, self.config.percent)) for each in cells.by_genes()]))
