"""PathReg: a neural ODE of the genes whose weights have gates, and a penalty on the open paths from gene to gene.

Aliee, Richter, Solonin, Ibarra, Theis & Kilbertus, "Sparsity in continuous-depth neural networks", NeurIPS 2022,
arXiv:2210.14672. Every weight W of layer l is multiplied by a hard-concrete gate g (`gene_fields.hard_concrete`), drawn
anew in each step of training. In the units of `gene_fields.motion`,

    dz/ds = f_(W g)(z) - gamma z,    loss = error + lambda_1 sum_j (|W_L| ... |W_1|)_ij + lambda_0 sum_j P_ij,

mean over the targets i, where P is the share of the paths from gene j to gene i that is open: the product of the
probabilities that gates are not shut, over the paths there are. P is 0 only where all paths are shut.

Departures: a gate for each weight, where the published program has one for each input of a layer, which cannot remove
a single edge; probabilities in closed form where it draws the gates of the penalty; decay and tanh as in C-NODE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.contract import Loss
from cellflow_core.models.equations import written
from cellflow_core.models.gene_fields.gene_field import GeneField
from cellflow_core.models.gene_fields.hard_concrete import HardConcrete
from cellflow_core.models.gene_fields.motion import MotionSettings
from cellflow_core.models.gene_fields.path_weights import path_product, path_strength, signed_strength
from cellflow_core.models.networks.settings import MLPSettings

DROPPED_INPUTS, DROPPED_HIDDEN = 0.2, 0.5
"""Gates that are shut at first, in the first layer and in later ones, as published."""


@dataclass(frozen=True)
class Settings(MotionSettings, MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 1)
    sparsity: float = setting(
        0.005, "weight lambda_1 of the sum of all influences on a gene", 0.0, 10.0, label="Sparsity λ₁"
    )
    gate_weight: float = setting(
        0.05, "weight lambda_0 of the open paths to a gene: fewer edges", 0.0, 10.0, label="Weight of open paths λ₀"
    )


class PathReg(GeneField):
    title = "PathReg (after Aliee et al. 2022)"
    summary = "A neural ODE of the genes that shuts whole paths from gene to gene: what stays open is a signed network."
    paper = "Aliee et al., NeurIPS 2022, arXiv:2210.14672"
    form = r"\frac{dz_i}{ds} = f_i(z) - \gamma_i z_i"
    symbols = (
        "f is a neural network, γ the decay; the influence of a gene is that of all paths from it through the network."
    )
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000, "learning_rate": 1e-2}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        sizes = [spec.dim, *[config.width] * config.depth, spec.dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.gates = nn.ModuleList(
            HardConcrete((b, a), DROPPED_HIDDEN if k else DROPPED_INPUTS) for k, (a, b) in enumerate(pairwise(sizes))
        )
        self.log_decay = nn.Parameter(torch.zeros(spec.dim))
        self.paths = config.width**config.depth

    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        gated = [w * gate.sample(batch.rng) for w, gate in zip(self._weights, self._gates, strict=True)]
        error = self.motion.error(partial(self._rates, gated), batch)
        influence = path_strength(self._weights).sum(dim=1).mean()
        open_paths = path_product([gate.open_probability() for gate in self._gates]).sum(dim=1).mean() / self.paths
        total = error + self.config.sparsity * influence + self.config.gate_weight * open_paths
        terms = {"motion": error, "influence": influence, "open paths": open_paths}
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        return self._rates(self._gated, z)

    def _rates(self, weights: Sequence[Tensor], z: Tensor) -> Tensor:
        """dz/ds with these weights of the layers."""
        made, last = z, len(weights) - 1
        for k, (weight, layer) in enumerate(zip(weights, self.layers, strict=True)):
            assert isinstance(layer, nn.Linear)
            made = nn.functional.linear(made, weight, layer.bias)
            made = made if k == last else torch.tanh(made)
        return made - self.log_decay.exp() * z

    def influence(self) -> Float[Tensor, "genes genes"]:
        return signed_strength(self._gated)

    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("f(",) * self.spec.dim, written(") − {} @", self.log_decay.exp())

    @property
    def _weights(self) -> list[Tensor]:
        return [each.weight for each in self.layers if isinstance(each, nn.Linear)]

    @property
    def _gates(self) -> list[HardConcrete]:
        return [each for each in self.gates if isinstance(each, HardConcrete)]

    @property
    def _gated(self) -> list[Tensor]:
        """Weights with the gates that are used after training."""
        return [w * gate.expected() for w, gate in zip(self._weights, self._gates, strict=True)]
