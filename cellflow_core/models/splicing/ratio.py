"""Estimators that need one number of each gene: the ratio of unspliced to spliced RNA at steady state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasKinetics, HasVelocity, KineticRates
from cellflow_core.models.splicing.estimator import SplicingCells, SplicingModel


class RatioModel(SplicingModel, HasVelocity, HasKinetics):
    """ds/dt = u - gamma s with the splicing rate as the unit of time; `prepare` finds gamma."""

    quick = True
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    gamma: Tensor  # [genes], 1 / time in units of the splicing rate

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("gamma", torch.ones(self.gene_count, dtype=torch.float64))

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """That of the spliced RNA; unspliced RNA stays, for its rate of change is not known."""
        u, s = self.rna(x)
        return self.state_velocity(torch.zeros_like(u), u - self.gamma.to(x.dtype) * s)

    def kinetics(self) -> KineticRates:
        return KineticRates(("degradation",), ("1 / splicing time",), self.gamma[:, None].float())


def highest(cells: SplicingCells, percent: float) -> Bool[Tensor, "cells genes"]:
    """The percent of the cells of each gene with most RNA, by u / max u + s / max s."""
    u, s = cells.unspliced, cells.spliced
    place = u / _positive(u.amax(dim=0)) + s / _positive(s.amax(dim=0))
    return place >= percentile(place, 100 - percent)


def ratio(cells: SplicingCells, chosen: Bool[Tensor, "cells genes"]) -> Float[Tensor, " genes"]:
    """gamma / beta: unspliced over spliced RNA of these cells by least squares, 0 where there is no spliced RNA."""
    u, s = cells.unspliced * chosen, cells.spliced * chosen
    return (u * s).sum(dim=0) / _positive(s.square().sum(dim=0))


def percentile(values: Float[Tensor, "cells genes"], percent: float) -> Float[Tensor, " genes"]:
    return torch.as_tensor(np.percentile(values.cpu().numpy(), percent, axis=0)).to(values)


def _positive(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, torch.ones_like(values))
