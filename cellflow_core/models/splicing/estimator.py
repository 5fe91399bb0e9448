"""The ground of an estimator of RNA velocity: reads the moments of the cells, answers in the axes of their state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import DynamicsModel

GENES_AT_ONCE = 200
"""Genes of which all cells are held once more while numbers of each gene are found."""


@dataclass(frozen=True)
class SplicingCells:
    """Moments of unspliced and spliced RNA of the velocity genes, in counts of a cell of median size."""

    unspliced: Float[Tensor, "cells genes"]
    spliced: Float[Tensor, "cells genes"]

    def by_genes(self) -> Iterator[SplicingCells]:
        """All cells with GENES_AT_ONCE genes, and the next ones, in double precision."""
        for u, s in zip(*(each.split(GENES_AT_ONCE, dim=1) for each in (self.unspliced, self.spliced)), strict=True):
            yield SplicingCells(u.double(), s.double())


class SplicingModel(DynamicsModel):
    """A model whose state is (unspliced, spliced) RNA of G genes, each axis in a unit of its own: 2 G axes.

    The equation of splicing is the same at all times, so rates are in measured time or, where the method knows none, in
    the unit in which it sets the splicing rate.

    quick  whether it is found in seconds without training: such estimators stand beside every other one
    """

    quick: ClassVar[bool] = False
    needs = frozenset({DataRequirement.MOMENTS})
    counts_intervals = False

    unit: Tensor  # [2 genes], RNA in one unit of each axis

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("unit", torch.ones(spec.dim))

    @property
    def gene_count(self) -> int:
        return self.spec.dim // 2

    def read(self, frames: SnapshotTensors) -> SplicingCells:
        """The moments of all cells, in the order of the frames; keeps the unit of every axis."""
        u, s = (whole(frames.cell_data[each]) for each in ("unspliced", "spliced"))
        x = whole(frames.x)
        self.unit.copy_(torch.cat([_units(u, x[:, : u.shape[1]]), _units(s, x[:, u.shape[1] :])]))
        return SplicingCells(u, s)

    def rna(self, x: Float[Tensor, "batch dim"]) -> tuple[Float[Tensor, "batch genes"], Float[Tensor, "batch genes"]]:
        """(unspliced, spliced) RNA of states."""
        values = x * self.unit.to(x.dtype)
        return values[..., : self.gene_count], values[..., self.gene_count :]

    def state_velocity(
        self, unspliced: Float[Tensor, "batch genes"], spliced: Float[Tensor, "batch genes"]
    ) -> Float[Tensor, "batch dim"]:
        """Velocity of the state (state / time) of these rates of change of RNA (RNA / time)."""
        rates = torch.cat([unspliced, spliced], dim=-1)
        return rates / self.unit.to(rates.dtype)


def whole(parts: tuple[Tensor, ...]) -> Tensor:
    """The cells of all times one after the other; those of one time are not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _units(rna: Float[Tensor, "cells genes"], axes: Float[Tensor, "cells genes"]) -> Float[Tensor, " genes"]:
    """RNA in one unit of its axis, by least squares; 1 for an axis without any."""
    found = []
    for values, each in zip(rna.split(GENES_AT_ONCE, dim=1), axes.split(GENES_AT_ONCE, dim=1), strict=True):
        x = each.double()
        square = x.square().sum(dim=0)
        found.append(torch.where(square > 0, (values.double() * x).sum(dim=0) / square.clamp_min(1e-30), 1.0))
    return torch.cat(found)
