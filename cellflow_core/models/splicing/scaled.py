"""RNA of every gene scaled to the range from 0 to 1, as networks of several genes need it."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.splicing.estimator import GENES_AT_ONCE, SplicingCells, SplicingModel


class ScaledSplicingModel(SplicingModel):
    """A model of RNA that is 0 in the cell with least of it and 1 in that with most, gene by gene.

    from_lowest  False: 0 is no RNA
    """

    from_lowest: ClassVar[bool] = True

    lowest: Tensor  # [2 genes], RNA
    span: Tensor  # [2 genes], RNA
    ready: Tensor  # whether the range is known

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("lowest", torch.zeros(spec.dim))
        self.register_buffer("span", torch.ones(spec.dim))
        self.register_buffer("ready", torch.zeros((), dtype=torch.bool))

    def read_scaled(self, frames: SnapshotTensors) -> SplicingCells | None:
        """Scaled RNA of all cells; keeps their range. None where it is known: for validation cells, and on resuming."""
        if bool(self.ready):
            return None
        cells = self.read(frames)
        both = (cells.unspliced, cells.spliced)
        low = torch.cat([each.amin(dim=0) for each in both]) * self.from_lowest
        high = torch.cat([each.amax(dim=0) for each in both])
        self.lowest.copy_(low)
        self.span.copy_(torch.where(high > low, high - low, 1.0))
        self.ready.fill_(True)
        return SplicingCells(*map(_scaled, both, low.chunk(2), self.span.chunk(2)))

    def scaled(
        self, x: Float[Tensor, "batch dim"]
    ) -> tuple[Float[Tensor, "batch genes"], Float[Tensor, "batch genes"]]:
        """Scaled (unspliced, spliced) RNA of states."""
        u, s = ((torch.cat(self.rna(x), dim=-1) - self.lowest) / self.span).chunk(2, dim=-1)
        return u, s

    def from_scaled(
        self, unspliced: Float[Tensor, "*batch genes"], spliced: Float[Tensor, "*batch genes"]
    ) -> Float[Tensor, "*batch dim"]:
        """Velocity of the state (state / time) of these rates of change of scaled RNA (1 / time)."""
        genes = self.gene_count
        return self.state_velocity(unspliced * self.span[:genes], spliced * self.span[genes:])


def _scaled(
    rna: Float[Tensor, "cells genes"], low: Float[Tensor, " genes"], span: Float[Tensor, " genes"]
) -> Float[Tensor, "cells genes"]:
    """(rna - low) / span in double precision, some genes at a time."""
    parts = zip(*(each.split(GENES_AT_ONCE, dim=-1) for each in (rna, low, span)), strict=True)
    return torch.cat([((x.double() - least) / size.double()).float() for x, least, size in parts], dim=1)
