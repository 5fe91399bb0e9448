"""GRN-SDE: cells move with noise, each gene made at a rate that its regulators set, until they arrive as measured.

Ours. The equation is that of a regulated gene, the fit that of PRESCIENT (Yeo, Saksena & Gifford, Nature Communications
2021, doi:10.1038/s41467-021-23518-w) with a network of the genes in the place of a landscape. With levels z in standard
deviations from the mean of each gene, and z0 that of level 0,

    dz_i = [softplus(V_i tanh(W_i z + b_i) + c_i) - gamma_i (z_i - z0_i)] dt + sigma dW,

each gene with weights V_i, W_i of its own, and one sigma of all levels, learnt with them. Cells are followed by
Euler-Maruyama steps from each measured time to the next, and in half of the training steps from the first time through
all others. Where they land,

    loss = mean over times D(simulated, measured) + lambda mean_i sum_j |W_i[:, j]|,

D the minibatch energy distance (losses/ot_loss.py) in standard deviations of each gene. No cells are paired, so that a
gene is not asked to explain which cell became which. A prior network A leaves only its edges ("mask"), or these with
its signs ("signs"): then V >= 0 and W_ij has the sign of A_ij, so that a regulator raises or lowers a gene at every
level. A gene acts on itself where A says so; decay is apart. The network is |W_i[:, j]| with the sign of V_i W_i[:, j].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasDrift, HasNetwork, HasNoise, Loss, Phase, Update
from cellflow_core.models.gene_fields.gene_field import known_network
from cellflow_core.models.gene_fields.motion import Motion, MotionSettings
from cellflow_core.models.losses.ot_loss import minibatch_energy_distance
from cellflow_core.models.paths.euler_maruyama import euler_maruyama

WHOLE = 0.5
"""Share of the training steps in which cells are followed from the first time through all others."""


@dataclass(frozen=True)
class Settings(Config):
    sigma: float = setting(
        0.25,
        "diffusion coefficient sigma that the fit begins with",
        0.01,
        10.0,
        "standard deviations (pooled) per square root of a time interval",
        label="Initial diffusion coefficient σ",
    )
    prior: Literal["none", "mask", "signs"] = setting(
        "none",
        "prior network: none, only its edges, or only its edges with their signs",
        choice_labels={"none": "none", "mask": "only its edges", "signs": "only its edges, with their signs"},
        label="Prior network",
    )
    units: int = setting(16, "hidden units of the network of each gene", 1, 512, label="Hidden units per gene")
    sparsity: float = setting(
        0.001,
        "weight lambda of the group lasso of the regulators of a gene: fewer edges",
        0.0,
        10.0,
        label="Sparsity λ",
    )
    substeps: int = setting(10, "steps from one time to the next", 1, 1000, "steps")


class GRNSDE(DynamicsModel, HasDrift, HasNoise, HasNetwork):
    title = "GRN-SDE"
    summary = (
        "Follows noisy cells whose genes regulate each other, by a prior network or all, and fits the regulation until "
        "they arrive as they were measured."
    )
    limitation = (
        "Without a prior network markers and drivers cannot be distinguished, and with one an edge that it lacks is "
        "never found. The noise is the same for every gene, and no cell divides or dies."
    )
    paper = "CellFlow Explorer, after Yeo et al. 2021, doi:10.1038/s41467-021-23518-w"
    needs = frozenset({DataRequirement.GENE_AXES, DataRequirement.TIMES})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 600,
        "batch_size": 200,
        "learning_rate": 1e-2,
        "ema_decay": 0.98,
        "max_grad_norm": 1.0,
    }
    Config = Settings
    config: Settings
    edges: Tensor
    """[targets, sources]: 1 or, with signs, -1 for a regulator that may act; 0 for none."""
    floor: Tensor
    """z at level 0, or at the lowest where there are negative ones."""

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, units = spec.dim, config.units
        self.motion = Motion(MotionSettings(), spec)
        self.inner = nn.Parameter(0.5 * torch.randn(genes, units, genes))
        self.inner_bias = nn.Parameter(0.3 * torch.randn(genes, units))
        self.outer = nn.Parameter(0.3 * torch.randn(genes, units))
        self.outer_bias = nn.Parameter(torch.zeros(genes))
        self.log_decay = nn.Parameter(torch.zeros(genes))
        self.log_sigma = nn.Parameter(torch.tensor(config.sigma * spec.scale / spec.interval**0.5).log())
        self.register_buffer("edges", torch.ones(genes, genes))
        self.register_buffer("floor", torch.zeros(genes))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | ({DataRequirement.NETWORK} if config.prior != "none" else set())

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("regulation", (Update(self.loss, self.parameters()),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """The scale of the training cells, and the edges of the prior network."""
        if self.motion.span:  # the validation cells come second
            return
        cells = torch.cat(frames.x)
        self.motion.measure_levels(cells)
        self.motion.span.fill_(self.spec.interval)
        self.floor.copy_(self.motion.scaled(cells.min(dim=0).values.clamp_max(0)))
        if self.config.prior != "none":
            signs = torch.sign(known_network(frames))
            if self.config.prior == "signs" and not (signs < 0).any():
                raise ValueError(
                    "no edge of the prior network represses, as where a network has no signs, and all would activate: "
                    "choose only its edges (prior mask), or add a network with signs"
                )
            self.edges.copy_(signs if self.config.prior == "signs" else signs.abs())

    def loss(self, batch: Batch) -> Loss:
        landed = self._followed(batch)
        both = zip(*map(self.motion.scaled, (landed, batch.x[1:])), strict=True)
        distance = torch.stack([minibatch_energy_distance(x, y, batch.rng) for x, y in both]).mean() / self.spec.dim
        groups = self._norms().sum(dim=1).mean()
        terms = {"transport": distance.detach(), "group lasso": groups.detach()}
        return Loss(distance + self.config.sparsity * groups, terms)

    def rates(self, z: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        """dz/ds of scaled levels z without noise, s in mean intervals between two times."""
        inner, outer = self._weights()
        hidden = torch.tanh(torch.einsum("bj,ihj->bih", z, inner) + self.inner_bias)
        return softplus((hidden * outer).sum(dim=2) + self.outer_bias) - self.log_decay.exp() * (z - self.floor)

    def drift(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        return self.motion.velocity(self.rates, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return self.log_sigma.exp().expand_as(t)

    @torch.no_grad()
    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        inner, outer = self._weights()
        return self._norms() * torch.sign(torch.einsum("ih,ihj->ij", outer, inner))

    def _followed(self, batch: Batch) -> Float[Tensor, "clouds batch genes"]:
        """Where simulated cells are at each time but the first."""
        size, begins, ends = batch.x.shape[1], batch.times[:-1], batch.times[1:]
        if torch.rand((), generator=batch.rng, device=batch.x.device) >= WHOLE:
            t0, t1 = begins.repeat_interleave(size), ends.repeat_interleave(size)
            return self._simulated(batch.x[:-1].flatten(0, 1), t0, t1, batch.rng).reshape(batch.x[1:].shape)
        clouds, x = [], batch.x[0]
        for t0, t1 in zip(begins, ends, strict=True):
            x = self._simulated(x, t0.expand(size), t1.expand(size), batch.rng)
            clouds.append(x)
        return torch.stack(clouds)

    def _simulated(self, x: Tensor, t0: Tensor, t1: Tensor, rng: torch.Generator) -> Tensor:
        return euler_maruyama(self.drift, self.noise, x, t0, t1, self.config.substeps, rng).x[-1]

    def _weights(self) -> tuple[Float[Tensor, "genes units genes"], Float[Tensor, "genes units"]]:
        """(W, V) that the prior network allows."""
        if self.config.prior == "signs":
            return softplus(self.inner) * self.edges[:, None], softplus(self.outer)
        return self.inner * self.edges[:, None], self.outer

    def _norms(self) -> Float[Tensor, "genes genes"]:
        return (self._weights()[0].square().sum(dim=1) + 1e-12).sqrt() * self.edges.abs()
