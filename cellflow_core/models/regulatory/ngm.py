"""NGM, a neural graphical model of a time series: one network for each gene, whose inputs are kept or dropped whole.

Bellot, Branson & van der Schaar, "Neural graphical modelling in continuous-time: consistency guarantees and
algorithms", ICLR 2022, arXiv:2105.02522. In the units of `gene_fields.motion`, gene i has a network of its own,

    dz_i/ds = V_i elu(W_i z + b_i) + c_i,    loss = error + lambda sum_j a_ij |W_i[:, j]|, mean over the targets i,

where |W_i[:, j]| is the norm of all weights that read gene j: a group lasso drops a gene as a whole. A second phase is
the adaptive group lasso, a_ij = 1 / |W_i[:, j]| of the first, at most 100 / that of the largest. The network is
|W_i[:, j]| with the sign of V_i W_i[:, j]; its diagonal holds decay too.

Departures: the penalty is part of the loss (published: proximal steps), and the outer weights V_i, kept by a ridge of
the same strength, cannot make up for small inner ones; what the field is fitted to is chosen by `motion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import Loss, Phase, Update
from cellflow_core.models.gene_fields.gene_field import GeneField
from cellflow_core.models.gene_fields.motion import MotionSettings
from cellflow_core.models.transport.pair_sampler import PairSampler

LEAST_NORM = 1e-2
"""Norm of a group, in units of the largest of its target, below which the adaptive penalty grows no further."""


@dataclass(frozen=True)
class Settings(MotionSettings):
    units: int = setting(12, "hidden units of the network of each gene", 1, 512, label="Hidden units per gene")
    sparsity: float = setting(
        0.01, "weight lambda of the group lasso of the inputs of a gene: fewer edges", 0.0, 10.0, label="Sparsity λ"
    )


class NGM(GeneField):
    title = "NGM (after Bellot et al. 2022)"
    summary = "Every gene has a small network of its own; a group lasso drops from it the genes that do not act on it."
    paper = "Bellot, Branson & van der Schaar, ICLR 2022, arXiv:2105.02522"
    form = r"\frac{dz_i}{ds} = V_i\,\mathrm{elu}(W_i z + b_i) + c_i"
    symbols = "Each gene has weights W, V of its own; the influence of a gene is the norm of the weights that read it."
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000, "batch_size": 64, "learning_rate": 1e-2}

    Config = Settings
    config: Settings
    adaptive: Tensor
    """a of the penalty, [targets, sources]; 0 before the second phase."""

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, units = spec.dim, config.units
        self.inner = nn.Parameter(torch.randn(genes, units, genes) / genes**0.5)
        self.inner_bias = nn.Parameter(torch.zeros(genes, units))
        self.outer = nn.Parameter(torch.randn(genes, units) / units**0.5)
        self.outer_bias = nn.Parameter(torch.zeros(genes))
        self.register_buffer("adaptive", torch.zeros(genes, genes))

    def phases(self) -> tuple[Phase, ...]:
        updates = (Update(self.loss, [*self.parameters()]),)
        return (
            Phase("group lasso", updates, prepare=self.prepare),
            Phase("adaptive group lasso", updates, prepare=self.prepare_adaptive),
        )

    @torch.no_grad()
    def prepare_adaptive(self, frames: SnapshotTensors | TrajectoryTensors, rng: torch.Generator) -> PairSampler | None:
        """The weights of the adaptive penalty, from the norms that the first phase has found."""
        if not self.adaptive.any():  # neither after a resume nor for the validation cells
            norms = self._norms()
            norms = norms / norms.max(dim=1, keepdim=True).values
            self.adaptive.copy_(1 / norms.clamp_min(LEAST_NORM))
        return self.prepare(frames, rng)

    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        error = self.motion.error(self.rates, batch)
        groups = (torch.where(self.adaptive > 0, self.adaptive, 1.0) * self._norms()).sum(dim=1).mean()
        ridge = self.outer.square().sum(dim=1).mean()
        terms = {"motion": error.detach(), "group lasso": groups.detach()}
        return Loss(error + self.config.sparsity * (groups + ridge / 2), terms)

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        hidden = nn.functional.elu(torch.einsum("bj,ihj->bih", z, self.inner) + self.inner_bias)
        return (hidden * self.outer).sum(dim=2) + self.outer_bias

    def influence(self) -> Float[Tensor, "genes genes"]:
        return self._norms() * torch.sign(torch.einsum("ih,ihj->ij", self.outer, self.inner))

    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("f(",) * self.spec.dim, (")",) * self.spec.dim

    def _norms(self) -> Float[Tensor, "genes genes"]:
        return (self.inner.square().sum(dim=1) + 1e-12).sqrt()
