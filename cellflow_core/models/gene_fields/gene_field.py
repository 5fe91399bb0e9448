"""What models with an autonomous equation of the genes share: the motion they are fitted to, velocity and network."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    Equations,
    HasEquations,
    HasNetwork,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.equations import of_genes
from cellflow_core.models.gene_fields.motion import NEEDS, Motion, MotionSettings
from cellflow_core.models.transport.pair_sampler import PairSampler


class GeneField(DynamicsModel, HasVelocity, HasNetwork, HasEquations):
    """dz/ds = rates(z) in the units of `motion`; one network, of all cells.

    scaling  of the levels, as in `Motion`
    form     of the equation of gene i, in LaTeX; symbols: what its symbols mean, in sentences
    """

    limitation = (
        "An edge is what this equation needs to follow the motion it was given: genes that always change together "
        "cannot be distinguished, and a gene that was not measured is not there."
    )
    needs = frozenset({DataRequirement.GENE_AXES})
    counts_intervals = False
    scaling: ClassVar[Literal["deviation", "range"]] = "deviation"
    form: ClassVar[str]
    symbols: ClassVar[str]
    config: MotionSettings

    def __init__(self, config: MotionSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.motion = Motion(config, spec, self.scaling)
        if config.motion == "series":
            self.trains_on = "trajectories"

    @classmethod
    def required_data(cls, config: MotionSettings) -> frozenset[DataRequirement]:
        return cls.needs | NEEDS[config.motion]

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("regulation", (Update(self.loss, self.parameters()),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors | TrajectoryTensors, rng: torch.Generator) -> PairSampler | None:
        """The scale of the training cells, and their pairs."""
        return self.motion.prepare(frames, rng)

    @abstractmethod
    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        """dz/ds of scaled levels z."""

    @abstractmethod
    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        """The error of the motion, and what keeps edges few."""

    @abstractmethod
    def influence(self) -> Float[Tensor, "genes genes"]:
        """Signed influence of the source in the column on the target in the row, decay left out."""

    @abstractmethod
    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What stands before and behind the terms of each gene (`Equations`)."""

    @torch.no_grad()
    def equations(self) -> Equations:
        """Each equation by the genes that it depends on, with the influence of each."""
        before, after = self.frame()
        return Equations(
            form=self.form,
            meaning=f"{self.symbols} {self.motion.meaning()}",
            products=of_genes(self.spec.dim),
            coefficients=self.influence(),
            before=before,
            after=after,
            exact=False,
            quantity="influence",
            scale=torch.stack([self.motion.shift, self.motion.unit], dim=1),
        )

    def notes(self) -> tuple[str, ...]:
        return self.motion.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch genes"], context: Context
    ) -> Float[Tensor, "batch genes"]:
        return self.motion.velocity(self.rates, x)

    @torch.no_grad()
    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        return self.influence()


def known_network(frames: SnapshotTensors | TrajectoryTensors) -> Float[Tensor, "genes genes"]:
    """The prior network of the data. Raises ValueError where none came with them."""
    if frames.prior is None:
        raise ValueError("no prior network came with these data: add one on the Data page")
    return frames.prior
