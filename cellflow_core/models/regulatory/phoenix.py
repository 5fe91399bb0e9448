"""PHOENIX: a neural ODE of the genes with units that add regulators and units that multiply them.

Hossain, Fanfani, Fischer, Quackenbush & Burkholz, "Biologically informed NeuralODEs for genome-wide regulatory
dynamics", Genome Biology 2024, doi:10.1186/s13059-024-03264-0. With levels z from 0 to 1 and a Hill-like response
phi(z) = (z - 1/2) / (1 + |z - 1/2|), in the units of `gene_fields.motion`,

    S = W_s phi(z) + b_s,    P = exp(W_p log(1 + phi(z)) + b_p),    dz/ds = relu(m) (C_s S + C_p P - z).

A gene whose multiplier m_i is 0 is left as it is. The network is relu(m) (C_s W_s + C_p W_p). A prior network A
("soft") is what the regulation is drawn to at random points x, uniform in [0, 1]:

    loss = (1 - weight) error + weight |C_s S(x) + C_p P(x) - A x|^2.

Departures: rows of A are divided by the sum of their sizes, and both sides of the second term by their variance over
the points, their means taken off, so that the prior says who acts on whom with which sign, and not how high a gene is;
a penalty on the paths, lambda sum_j (|C_s| |W_s| + |C_p| |W_p|)_ij, in place of pruning; the learning rate of m is
that of all others; the solver is that of `motion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import Loss
from cellflow_core.models.equations import written
from cellflow_core.models.gene_fields.gene_field import GeneField, known_network
from cellflow_core.models.gene_fields.motion import MotionSettings
from cellflow_core.models.gene_fields.path_weights import path_product, path_strength
from cellflow_core.models.transport.pair_sampler import PairSampler

POINTS = 256
"""Random states at which the regulation is compared with the prior network in a step."""


@dataclass(frozen=True)
class Settings(MotionSettings):
    units: int = setting(40, "units that add and as many that multiply", 1, 4096, label="Units")
    sparsity: float = setting(
        0.01, "weight lambda of the sum of all influences on a gene: fewer edges", 0.0, 10.0, label="Sparsity λ"
    )
    prior: Literal["none", "soft"] = setting(
        "none",
        "prior network: none, or a linear regulation by its edges that the equation is drawn to",
        choice_labels={"none": "none", "soft": "drawn to it"},
        label="Prior network",
    )
    prior_weight: float = setting(
        0.1,
        "with a prior network: its weight against that of the motion",
        0.0,
        1.0,
        label="Weight of the prior network",
    )


class Phoenix(GeneField):
    title = "PHOENIX (after Hossain et al. 2024)"
    summary = (
        "A neural ODE of the genes that adds and multiplies saturating responses, and can be drawn to a prior network."
    )
    paper = "Hossain et al., Genome Biology 2024, doi:10.1186/s13059-024-03264-0"
    scaling: ClassVar[Literal["deviation", "range"]] = "range"
    form = (
        r"\frac{dz_i}{ds} = \max(m_i, 0)\Bigl(\sum_j a_{ij}\,\varphi(z_j) + a_i"
        r" + \sum_k c_{ik} \prod_j (1 + \varphi(z_j))^{p_{kj}} - z_i\Bigr)"
    )
    symbols = (
        "φ(z) = (z − 1/2) / (1 + |z − 1/2|); regulators add in the first sum and multiply in the products; f stands "
        "for both, and the influence of a gene is that in both."
    )
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000, "learning_rate": 5e-3}

    Config = Settings
    config: Settings
    network_prior: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.sums, self.products = (nn.Linear(spec.dim, config.units) for _ in range(2))
        self.from_sums, self.from_products = (nn.Linear(config.units, spec.dim, bias=False) for _ in range(2))
        for each in (self.sums, self.products, self.from_sums, self.from_products):
            nn.init.normal_(each.weight, std=0.1)
        self.multiplier = nn.Parameter(torch.ones(spec.dim))
        self.register_buffer("network_prior", torch.zeros(spec.dim, spec.dim))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return super().required_data(config) | ({DataRequirement.NETWORK} if config.prior == "soft" else set())

    def prepare(self, frames: SnapshotTensors | TrajectoryTensors, rng: torch.Generator) -> PairSampler | None:
        if self.config.prior == "soft":
            prior = known_network(frames)
            self.network_prior.copy_(prior / prior.abs().sum(dim=1, keepdim=True).clamp_min(1e-12))
        return super().prepare(frames, rng)

    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        error = self.motion.error(self.rates, batch)
        influence = torch.stack([path_strength(each) for each in self._paths]).sum(dim=(0, 2)).mean()
        terms, total = {"motion": error, "influence": influence}, error
        if self.config.prior == "soft":
            terms["prior network"] = self._prior_error(batch.rng)
            total = torch.lerp(total, terms["prior network"], self.config.prior_weight)
        total = total + self.config.sparsity * influence
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        return self.multiplier.relu() * (self._regulation(z) - z)

    def influence(self) -> Float[Tensor, "genes genes"]:
        return self.multiplier.relu()[:, None] * torch.stack([path_product(each) for each in self._paths]).sum(dim=0)

    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return written("{} (f(", self.multiplier.relu()), (") − @)",) * self.spec.dim

    def _regulation(self, z: Tensor) -> Tensor:
        response = (z - 0.5) / (1 + (z - 0.5).abs())
        added = self.from_sums(self.sums(response))
        return added + self.from_products(self.products(response.log1p()).exp())

    def _prior_error(self, rng: torch.Generator) -> Float[Tensor, ""]:
        """1 where nothing is regulated, mean over the genes that the prior network has regulators of."""
        x = torch.rand(POINTS, self.spec.dim, generator=rng, device=rng.device)
        aim, found = (each - each.mean(dim=0) for each in (x @ self.network_prior.T, self._regulation(x)))
        error, size = (found - aim).square().mean(dim=0), aim.square().mean(dim=0)
        return (error[size > 0] / size[size > 0]).mean()

    @property
    def _paths(self) -> tuple[tuple[Tensor, Tensor], ...]:
        return (self.sums.weight, self.from_sums.weight), (self.products.weight, self.from_products.weight)
