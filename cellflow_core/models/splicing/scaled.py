"""RNA of every gene scaled to the range from 0 to 1, as networks of several genes need it."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.splicing.estimator import SplicingCells, SplicingModel


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
        rna = torch.cat([cells.unspliced, cells.spliced], dim=1)
        low, high = rna.amin(dim=0) * self.from_lowest, rna.amax(dim=0)
        self.lowest.copy_(low)
        self.span.copy_(torch.where(high > low, high - low, 1.0))
        self.ready.fill_(True)
        u, s = ((rna - low) / self.span.to(rna)).float().chunk(2, dim=1)
        return SplicingCells(u, s)

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
