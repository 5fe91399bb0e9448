"""FLeCS: each gene is made at a rate that is a sigmoid of a weighted sum of its regulators, and decays.

Bertin et al., "A scalable gene network model of regulatory dynamics in single cells", 2025, arXiv:2503.20027 (FLeCS,
"flexible and learnable cell simulator"). In the units of `gene_fields.motion`, levels from 0 to 1,

    dz_i/ds = v_i sigmoid(sum_j A_ij w_ij z_j + b_i) - gamma_i z_i,    v, gamma > 0.

A is the prior network, or every pair of genes with a penalty lambda sum_j |w_ij| (mean over the targets). A sigmoid
of a sum acts additively on the log odds of expression.

Departures: v_i, since levels and times are those of the data (published: 1); one equation of the measured level, no
latent variables and no stages of RNA and protein; the penalty, without which all pairs have an edge; what the field is
fitted to is chosen by `motion`. The network is A_ij w_ij, as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import Equations, Loss
from cellflow_core.models.equations import written
from cellflow_core.models.gene_fields.gene_field import GeneField, known_network
from cellflow_core.models.gene_fields.motion import MotionSettings
from cellflow_core.models.transport.pair_sampler import PairSampler


@dataclass(frozen=True)
class Settings(MotionSettings):
    prior: Literal["none", "mask"] = setting(
        "none",
        "prior network: none, or only its edges and what a gene does to itself",
        choice_labels={"none": "none", "mask": "only its edges"},
        label="Prior network",
    )
    sparsity: float = setting(
        0.005, "weight lambda of the sum of all weights of the regulators of a gene", 0.0, 10.0, label="Sparsity λ"
    )


class Flecs(GeneField):
    title = "FLeCS (after Bertin et al. 2025)"
    summary = (
        "Each gene is made at a sigmoid of a weighted sum of its regulators, of a prior network or all, and decays."
    )
    paper = "Bertin et al. 2025, arXiv:2503.20027"
    form = r"\frac{dz_i}{ds} = v_i\,\sigma\Bigl(\sum_j w_{ij} z_j + b_i\Bigr) - \gamma_i z_i"
    symbols = "A gene is made at v at most; σ(y) = 1 / (1 + exp(−y)), γ is the decay; the constant term is b."
    scaling: ClassVar[Literal["deviation", "range"]] = "range"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000, "learning_rate": 1e-2}

    Config = Settings
    config: Settings
    mask: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.weight = nn.Parameter(0.1 * torch.randn(spec.dim, spec.dim))
        self.bias = nn.Parameter(torch.zeros(spec.dim))
        self.log_speed = nn.Parameter(torch.zeros(spec.dim))
        self.log_decay = nn.Parameter(torch.zeros(spec.dim))
        self.register_buffer("mask", torch.ones(spec.dim, spec.dim))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return super().required_data(config) | ({DataRequirement.NETWORK} if config.prior == "mask" else set())

    def prepare(self, frames: SnapshotTensors | TrajectoryTensors, rng: torch.Generator) -> PairSampler | None:
        if self.config.prior == "mask":
            self.mask.copy_(known_network(frames) != 0).fill_diagonal_(1.0)
        return super().prepare(frames, rng)

    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        error = self.motion.error(self.rates, batch)
        weights = (self.mask * self.weight).abs().sum(dim=1).mean()
        return Loss(error + self.config.sparsity * weights, {"motion": error.detach(), "weights": weights.detach()})

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        made = torch.sigmoid(z @ (self.mask * self.weight).T + self.bias)
        return self.log_speed.exp() * made - self.log_decay.exp() * z

    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return written("{} σ(", self.log_speed.exp()), written(") − {} @", self.log_decay.exp())

    @torch.no_grad()
    def equations(self) -> Equations:
        found = super().equations()
        weights = torch.cat([self.bias[:, None], self.mask * self.weight], dim=1)
        products = ((), *found.products)
        return replace(found, products=products, coefficients=weights, exact=True, quantity="weight")

    def influence(self) -> Float[Tensor, "genes genes"]:
        return self.mask * self.weight
