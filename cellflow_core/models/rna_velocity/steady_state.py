"""RNA velocity by the steady-state ratio: unspliced RNA above the ratio says that a gene rises.

La Manno et al., "RNA velocity of single cells", Nature 560:494, 2018, doi:10.1038/s41586-018-0414-6, as scVelo fits it
(Bergen et al. 2020, doi:10.1038/s41587-020-0591-3, "deterministic"). With the splicing rate as the unit of time,

    ds/dt = u - gamma s,    gamma = sum_e u s / sum_e s^2

over the cells e at both ends of the gene: the lowest and the highest 5 % by u / max u + s / max s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasKinetics, HasVelocity, KineticRates, Phase
from cellflow_core.models.splicing.estimator import SplicingModel
from cellflow_core.models.splicing.steady_state import ends, ratio


@dataclass(frozen=True)
class Settings(Config):
    percent: float = setting(
        5.0, "percent of the cells at either end of a gene that are taken to be at steady state", 0.5, 50.0
    )


class SteadyState(SplicingModel, HasVelocity, HasKinetics):
    title = "Steady-state RNA velocity"
    summary = (
        "Compares the unspliced RNA of each gene with the ratio of its extreme cells: more of it than that, and the "
        "gene rises."
    )
    limitation = (
        "It takes the cells with most and least RNA of a gene to be at steady state: where a gene was switched off "
        "before it got there, its direction is wrong. Unspliced RNA counts as constant."
    )
    paper = "La Manno et al., Nature 2018, doi:10.1038/s41586-018-0414-6"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = Settings
    config: Settings

    gamma: Tensor  # [genes], 1 / time in units of the splicing rate

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("gamma", torch.ones(self.gene_count, dtype=torch.float64))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("steady state", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Any:
        cells = self.read(frames)
        self.gamma.copy_(ratio(cells, ends(cells, self.config.percent)))

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """That of the spliced RNA; unspliced RNA stays, for its rate of change is not known."""
        u, s = self.rna(x)
        return self.state_velocity(torch.zeros_like(u), u - self.gamma.to(x.dtype) * s)

    def kinetics(self) -> KineticRates:
        return KineticRates(("degradation",), ("1 / splicing time",), self.gamma[:, None].float())
