"""Cells at the ends of a gene, and the line through zero that they lie on (La Manno et al. 2018)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cellflow_core.models.splicing.estimator import SplicingCells


def ends(cells: SplicingCells, percent: float) -> Bool[Tensor, "cells genes"]:
    """The lowest and the highest percent of the cells of each gene by u / max u + s / max s."""
    u, s = cells.unspliced, cells.spliced
    place = u / _positive(u.amax(dim=0)) + s / _positive(s.amax(dim=0))
    return (place <= _percentile(place, percent)) | (place >= _percentile(place, 100 - percent))


def highest(cells: SplicingCells, percent: float) -> Bool[Tensor, "cells genes"]:
    """The highest percent of the cells of each gene by u / max u + s / max s, and those by s."""
    u, s = cells.unspliced, cells.spliced
    place = u / _positive(u.amax(dim=0)) + s / _positive(s.amax(dim=0))
    return (place >= _percentile(place, 100 - percent)) | (s >= _percentile(s, 100 - percent))


def ratio(cells: SplicingCells, chosen: Bool[Tensor, "cells genes"]) -> Float[Tensor, " genes"]:
    """gamma / beta: unspliced over spliced RNA of these cells by least squares, 0 where there is no spliced RNA."""
    u, s = cells.unspliced * chosen, cells.spliced * chosen
    return (u * s).sum(dim=0) / _positive(s.square().sum(dim=0))


def _percentile(values: Float[Tensor, "cells genes"], percent: float) -> Float[Tensor, " genes"]:
    return torch.as_tensor(np.percentile(values.cpu().numpy(), percent, axis=0)).to(values)


def _positive(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, torch.ones_like(values))
