"""C-NODE: a neural ODE in which few genes act on each, by a penalty on the paths through the network.

Aliee, Theis & Kilbertus, "Beyond predictions in neural ODEs: identification and interventions", 2021, arXiv:2106.12430:
dx/dt = f_W(x) with a network f_W, and a penalty on every entry of |W_L| ... |W_1|, the influence of a gene on another
through any path. Here, in the units of `gene_fields.motion`,

    dz/ds = f_W(z) - gamma z,    loss = error + lambda sum_j (|W_L| ... |W_1|)_ij, mean over the targets i.

Departures: the decay gamma >= 0 of each gene is a term of its own, so that the diagonal is regulation; tanh saturates
as regulation does, and keeps z bounded; what the field is fitted to is chosen by `motion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from cellflow_core.models.gene_fields.motion import MotionSettings
from cellflow_core.models.gene_fields.path_weights import path_strength, signed_strength
from cellflow_core.models.networks.settings import MLPSettings


@dataclass(frozen=True)
class Settings(MotionSettings, MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 1)
    sparsity: float = setting(
        0.01, "weight lambda of the sum of all influences on a gene: fewer edges", 0.0, 10.0, label="Sparsity λ"
    )


class CNode(GeneField):
    title = "C-NODE (after Aliee et al. 2021)"
    summary = "A neural ODE of the genes in which few genes act on each: its weights are a signed network."
    paper = "Aliee et al. 2021, arXiv:2106.12430"
    form = r"\frac{dz_i}{ds} = f_i(z) - \gamma_i z_i"
    symbols = (
        "f is a neural network, γ the decay; the influence of a gene is that of all paths from it through the network."
    )
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1500, "learning_rate": 5e-3}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        sizes = [spec.dim, *[config.width] * config.depth, spec.dim]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.log_decay = nn.Parameter(torch.zeros(spec.dim))

    def loss(self, batch: Batch | TrajectoryBatch) -> Loss:
        error = self.motion.error(self.rates, batch)
        influence = path_strength(self._weights).sum(dim=1).mean()
        terms = {"motion": error.detach(), "influence": influence.detach()}
        return Loss(error + self.config.sparsity * influence, terms)

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        made = z
        for layer in self.layers[:-1]:
            made = torch.tanh(layer(made))
        return self.layers[-1](made) - self.log_decay.exp() * z

    def influence(self) -> Float[Tensor, "genes genes"]:
        return signed_strength(self._weights)

    def frame(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return ("f(",) * self.spec.dim, written(") − {} @", self.log_decay.exp())

    @property
    def _weights(self) -> list[Tensor]:
        return [each.weight for each in self.layers if isinstance(each, nn.Linear)]
