"""LatentVelo: RNA velocity from a latent state that moves as unspliced and spliced RNA do.

Farrell, Mani & Goyal, "Inferring single-cell transcriptomic dynamics with structured latent gene expression dynamics",
Cell Reports Methods 3:100581, 2023, doi:10.1016/j.crmeth.2023.100581. Encoders give the latent states z_s of the
spliced and z_u of the unspliced RNA of a cell, and from both its time t and its fate h, which stays. From one initial
state of all cells,

    dz_s/dt = A (z_s, z_u) + a,    dz_u/dt = f(z_u, z_r),    dz_r/dt = g(z_s, z_r, h),

with networks f and g, a regulatory state z_r, and linear decoders D_s and D_u to RNA scaled to 0 ... 1:

    loss = -log p(s, u | z) - log p(s, u | z(t)) + |z - z(t)|^2 + KL(q(z, h) | N(0, 1))
           - lambda sum_g [ corr(v_g, u_g) + corr(v_g, -s_g) ],    v = D_s dz_s/dt.

A first phase leaves the equation out and puts the cells in order (`leads`). This and other departures stand in
docs/methods/rna_velocity.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import State, per_cell, solve
from cellflow_core.models.contract import Context, HasLatentTime, HasVelocity, Loss, Phase, Update
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder, Posterior
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.splicing.scaled import ScaledSplicingModel

REGULATION = 2
"""Dimensions of the regulatory state z_r, as published; of the fate h too."""
FIELD_WIDTH = 5
"""Neurons of f and g beyond the latent dimensions, as published."""
RATE = 5.0
"""Rate of all latent states before training, in the unit of latent time, which runs from 0 to 1."""
GRID = 10
"""Steps of the latent equation from the initial state to the time of a cell."""
LEAST_SD = 0.01
"""Smallest standard deviation of scaled RNA about what is decoded."""
EARLY = 0.1
"""Weight of the divergence in the first phase."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    depth: int = with_default(MLPSettings, "depth", 1)
    latent: int = setting(
        20, "dimensions of each of the latent states, of unspliced and of spliced RNA", 1, 64, label="Latent dimensions"
    )
    correlation_weight: float = setting(
        0.1,
        "weight λ of the correlations of the velocity of a gene with its unspliced RNA, and against its spliced RNA",
        0.0,
        100.0,
        label="Weight λ of the correlations",
    )


class Embedded(NamedTuple):
    """Where cells are: z_s, z_u [batch, latent], fate h [batch, REGULATION] and time t [batch], 0 to 1."""

    spliced: Tensor
    unspliced: Tensor
    fate: Tensor
    time: Tensor


class LatentVelo(ScaledSplicingModel, HasVelocity, HasLatentTime):
    title = "LatentVelo (after Farrell et al. 2023)"
    summary = (
        "Embeds unspliced and spliced RNA in a latent state that follows an equation like that of splicing, with a "
        "regulatory state and a fate of each cell: rates may differ between lineages."
    )
    limitation = (
        "All cells start from one initial state and each keeps its fate: a cycle without a start, or unrelated "
        "lineages, do not fit. Where most genes mislead the first order of the cells, arrows and latent time are "
        "reversed together. A coherent field is not a right one."
    )
    paper = "Farrell et al., Cell Reports Methods 2023, doi:10.1016/j.crmeth.2023.100581"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1000, "learning_rate": 1e-2, "max_grad_norm": 10.0}
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, latent, size = self.gene_count, config.latent, (config.width, config.depth)
        self.spliced_encoder, self.unspliced_encoder = (GaussianEncoder(genes, latent, *size) for _ in range(2))
        self.fate_encoder = GaussianEncoder(2 * latent, REGULATION, *size, others=1)
        self.spliced_decoder, self.unspliced_decoder = (nn.Linear(latent, genes) for _ in range(2))
        self.splicing = nn.Linear(2 * latent, latent)
        with torch.no_grad():
            self.splicing.weight.copy_(RATE * torch.cat([-torch.eye(latent), torch.eye(latent)], dim=1))
        self.transcription = MLP(latent + REGULATION, latent, latent + FIELD_WIDTH, 1)
        self.regulation = MLP(latent + 2 * REGULATION, REGULATION, latent + FIELD_WIDTH, 1)
        self.start = nn.Parameter(0.1 * torch.randn(2 * latent + REGULATION))
        self.variance = nn.Parameter(torch.full((2 * genes,), -3.0))  # before the softplus

    def phases(self) -> tuple[Phase, ...]:
        everything = tuple(self.parameters())
        return (
            Phase("latent states", (Update(self.loss_of_states, everything),), 0.1, self.prepare),
            Phase("latent equation", (Update(self.loss, everything),), 0.9),
        )

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        self.read_scaled(frames)

    def loss_of_states(self, batch: Batch) -> Loss:
        """Without the equation: latent states, and times in the order that `leads` finds."""
        u, s = self.scaled(batch.x.flatten(0, 1))
        posteriors = self.posteriors(u, s)
        z_s, z_u = (each.sample(batch.rng) for each in posteriors)
        _, time = self.fate_and_time(z_s.detach(), z_u.detach())
        order = correlation((time.roll(1) - time)[:, None], leads(u, s)[:, None])
        terms = self._terms(u, s, z_s, z_u) | {"KL": divergence(*posteriors), "order": order.sum()}
        total = terms["reconstruction"] + EARLY * terms["KL"] - terms["order"]
        return self._loss(total, terms)

    def loss(self, batch: Batch) -> Loss:
        u, s = self.scaled(batch.x.flatten(0, 1))
        posteriors = self.posteriors(u, s)
        z_s, z_u = (each.sample(batch.rng) for each in posteriors)
        fate, time = self.fate_and_time(z_s, z_u)
        path_s, path_u, _ = self.path(time, fate.sample(batch.rng))
        terms = self._terms(u, s, z_s, z_u) | {
            "from the equation": self._misfit(u, s, path_s, path_u),
            "difference in z": ((z_s - path_s).square().sum(dim=1) + (z_u - path_u).square().sum(dim=1)).mean(),
            "KL": divergence(*posteriors, fate),
        }
        total = terms["reconstruction"] + terms["from the equation"] + terms["difference in z"] + terms["KL"]
        return self._loss(total, terms)

    def _terms(self, u: Tensor, s: Tensor, z_s: Tensor, z_u: Tensor) -> dict[str, Float[Tensor, ""]]:
        """What is known of cells without the equation; both correlations are summed over the genes."""
        velocity = self._spliced_velocity(self._splicing(z_s, z_u))
        aligned = (correlation(velocity, u) - correlation(velocity, s)).sum()
        return {"reconstruction": self._misfit(u, s, z_s, z_u), "correlation": aligned}

    def _loss(self, total: Float[Tensor, ""], terms: Mapping[str, Float[Tensor, ""]]) -> Loss:
        total = total - self.config.correlation_weight * terms["correlation"]
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def posteriors(
        self, u: Float[Tensor, "batch genes"], s: Float[Tensor, "batch genes"]
    ) -> tuple[Posterior, Posterior]:
        """q(z_s | s) and q(z_u | u) of scaled RNA."""
        return self.spliced_encoder(2 * s - 1)[0], self.unspliced_encoder(2 * u - 1)[0]

    def fate_and_time(
        self, z_s: Float[Tensor, "batch latent"], z_u: Float[Tensor, "batch latent"]
    ) -> tuple[Posterior, Float[Tensor, " batch"]]:
        """q(h | z_s, z_u), and the time of each cell, 0 to 1."""
        fate, logit = self.fate_encoder(torch.cat([z_s, z_u], dim=1))
        return fate, torch.sigmoid(logit[:, 0])

    def embedded(self, x: Float[Tensor, "batch dim"]) -> Embedded:
        """States at the means of the posteriors."""
        z_s, z_u = (each.mean for each in self.posteriors(*self.scaled(x)))
        fate, time = self.fate_and_time(z_s, z_u)
        return Embedded(z_s, z_u, fate.mean, time)

    def path(self, time: Float[Tensor, " batch"], fate: Float[Tensor, "batch fate"]) -> State:
        """(z_s, z_u, z_r) at the time of each cell, from the initial state on."""
        latent = self.config.latent
        start = self.start.expand(len(time), -1).split([latent, latent, REGULATION], dim=1)

        def rates(_: Tensor, state: State) -> State:
            z_s, z_u, z_r = state
            regulation = RATE * self.regulation(torch.cat([z_s, z_r, fate], dim=1))
            return self._splicing(z_s, z_u), self._transcription(z_u, z_r), regulation

        scaled = per_cell(rates, torch.zeros_like(time), time)
        *_, end = solve(scaled, start, [k / GRID for k in range(GRID + 1)], "midpoint")
        return end

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """Of the decoded path of a cell, at its time (state / latent time)."""
        at = self.embedded(x)
        z_s, z_u, z_r = self.path(at.time, at.fate)
        of_u = self._transcription(z_u, z_r) @ self.unspliced_decoder.weight.T
        return self.from_scaled(of_u, self._spliced_velocity(self._splicing(z_s, z_u)))

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        return self.embedded(x).time

    def _splicing(self, z_s: Float[Tensor, "batch latent"], z_u: Float[Tensor, "batch latent"]) -> Tensor:
        """dz_s/dt [batch, latent]."""
        return self.splicing(torch.cat([z_s, z_u], dim=1))

    def _transcription(self, z_u: Float[Tensor, "batch latent"], z_r: Float[Tensor, "batch regulation"]) -> Tensor:
        """dz_u/dt [batch, latent]."""
        return RATE * self.transcription(torch.cat([z_u, z_r], dim=1))

    def _spliced_velocity(self, rate: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch genes"]:
        """ds/dt of scaled RNA of dz_s/dt: the decoder is linear."""
        return rate @ self.spliced_decoder.weight.T

    def _misfit(self, u: Tensor, s: Tensor, z_s: Tensor, z_u: Tensor) -> Float[Tensor, ""]:
        """-log p(s, u | z) but for a constant, summed over the genes."""
        error = torch.cat([s - self.spliced_decoder(z_s), u - self.unspliced_decoder(z_u)], dim=1)
        variance = softplus(self.variance) + LEAST_SD**2
        return 0.5 * (error.square() / variance + variance.log()).sum(dim=1).mean()


def leads(u: Float[Tensor, "batch genes"], s: Float[Tensor, "batch genes"]) -> Float[Tensor, " batch"]:
    """Is the cell before each one later? Cosine of the step to it in spliced RNA and of the sum of both u - s:
    the direction of the velocity where scaled RNA is at steady state at 0 and at 1."""
    velocity = u - s
    return torch.cosine_similarity(s.roll(1, 0) - s, velocity.roll(1, 0) + velocity, dim=1)


def divergence(*posteriors: Posterior) -> Float[Tensor, ""]:
    """Of all latent states together, the mean over the cells."""
    return torch.stack([each.divergence() for each in posteriors]).sum(dim=0).mean()


def correlation(a: Float[Tensor, "cells genes"], b: Float[Tensor, "cells genes"]) -> Float[Tensor, " genes"]:
    """Pearson's r over the cells; 0 where a gene is constant."""
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    size = (a.square().sum(dim=0) * b.square().sum(dim=0)).clamp_min(1e-20).sqrt()
    return (a * b).sum(dim=0) / size
