"""RNA velocity with its posterior: a gene of a cell is being induced, at steady state, being repressed, or off.

Gayoso, Weiler et al., "Deep generative modeling of transcriptional dynamics for RNA velocity analysis in single cells",
Nat. Methods 21:50, 2024, doi:10.1038/s41592-023-01994-w. With q(z | u, s) a Gaussian of few dimensions, networks give
for gene g of a cell the concentration a_gk(z) of a Dirichlet distribution over four states, and the times t_gk(z) since
the start at 0. (u, s)(t) solves du/dt = alpha - beta u, ds/dt = beta u - gamma s with alpha 0 after the switch, and

    log p(u, s | z) >= sum_g log sum_k exp( E log pi_gk + log N(u; u(t_gk), c_k^2) + log N(s; s(t_gk), d_k^2) ),

    loss = -log p(u, s | z) + w KL(q(z) | N(0, 1)) + sum_g KL(Dir(a_g) | Dir(1/4))
           + (1 - w) lambda |top - (u, s)(t_switch)|^2

of RNA scaled to 0 ... 1, where `top` is the RNA of the cells with most unspliced RNA. Departures stand in
docs/methods/rna_velocity.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    HasKinetics,
    HasLatentTime,
    HasPermutationScores,
    HasVelocity,
    HasVelocityUncertainty,
    KineticRates,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder, Posterior
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import EncoderSettings
from cellflow_core.models.splicing.kinetics import levels, switched_course
from cellflow_core.models.splicing.permutation_score import permutation_scores
from cellflow_core.models.splicing.scaled import ScaledSplicingModel

LAST = 20.0
"""Latent time at which the process ends."""
CONCENTRATION = 0.25
"""Of the Dirichlet prior: most genes of a cell are clearly in one state."""
QUIET = 0.1
"""Standard deviation of a gene that is off, relative to that of the others."""
TOP = 0.01
"""Share of the cells whose RNA is where transcription switches off, by unspliced RNA."""
EARLY = 0.5
"""Weight w of the divergence in the first phase."""
STATES = 4
"""Induction, steady state, repression, off."""


@dataclass(frozen=True)
class Settings(EncoderSettings):
    switch_penalty: float = setting(
        0.2,
        "weight λ of the distance between the fitted switch of a gene and the cells with most unspliced RNA",
        0.0,
        100.0,
        label="Weight λ of the switch penalty",
    )


class States(NamedTuple):
    """What is decoded of a cell. unspliced, spliced (scaled RNA), time: in each state; concentration: of the states."""

    unspliced: Float[Tensor, "*batch genes 4"]
    spliced: Float[Tensor, "*batch genes 4"]
    time: Float[Tensor, "*batch genes 4"]
    concentration: Float[Tensor, "*batch genes 4"]
    switch: tuple[Float[Tensor, " genes"], Float[Tensor, " genes"]]  # RNA at the switch

    @property
    def probability(self) -> Float[Tensor, "*batch genes 4"]:
        """Expected probability of each state."""
        return self.concentration / self.concentration.sum(dim=-1, keepdim=True)


class VeloVI(
    ScaledSplicingModel, HasVelocity, HasLatentTime, HasKinetics, HasVelocityUncertainty, HasPermutationScores
):
    title = "veloVI (after Gayoso et al. 2024)"
    summary = (
        "Fits the kinetics of splicing together with a network that gives every gene of a cell its state and time, "
        "with the posterior of the velocity."
    )
    limitation = (
        "The rates of a gene are the same in all cells: where a lineage transcribes more strongly, its arrows can "
        "point backwards. Latent time can come out reversed. The uncertainty is that of the fit, not of the "
        "assumptions."
    )
    paper = "Gayoso et al., Nat. Methods 2024, doi:10.1038/s41592-023-01994-w"
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 2000,
        "learning_rate": 1e-2,
        "weight_decay": 1e-2,
        "max_grad_norm": 10.0,
    }
    Config = Settings
    config: Settings

    top: Tensor  # [2, genes], scaled RNA
    noise_scale: Tensor  # [4], of each state

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, size = self.gene_count, (config.width, config.depth)
        self.encoder = GaussianEncoder(2 * genes, config.latent_dim, *size)
        self.times = MLP(config.latent_dim, 2 * genes, *size)
        self.states = MLP(config.latent_dim, STATES * genes, *size)
        self.alpha = nn.Parameter(torch.zeros(genes))  # before the softplus, as all parameters here
        self.beta = nn.Parameter(torch.full((genes,), 0.5))
        self.gamma = nn.Parameter(torch.full((genes,), -1.0))
        self.switch_time = nn.Parameter(7 + 0.5 * torch.randn(genes))
        self.variance = nn.Parameter(torch.full((2, genes), -1.0))
        self.register_buffer("top", torch.ones(2, genes))
        self.register_buffer("noise_scale", torch.tensor([1.0, 1.0, 1.0, QUIET]), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        everything = tuple(self.parameters())
        return (
            Phase("kinetics", (Update(lambda batch: self.loss(batch, EARLY), everything),), 0.4, self.prepare),
            Phase("posterior", (Update(lambda batch: self.loss(batch, 1.0), everything),), 0.6),
        )

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Scale the RNA, and begin with transcription rates of the cells with most unspliced RNA."""
        cells = self.read_scaled(frames)
        if cells is None:
            return
        rows = cells.unspliced.topk(max(1, math.ceil(TOP * len(cells.unspliced))), dim=0).indices
        for k, values in enumerate((cells.unspliced, cells.spliced)):
            self.top[k] = values.gather(0, rows).median(dim=0).values
        self.alpha.data.copy_(self.top[0].clamp_min(1e-3).expm1().log())

    def rates(self) -> tuple[Float[Tensor, " genes"], Float[Tensor, " genes"], Float[Tensor, " genes"]]:
        """alpha, beta and gamma of scaled RNA."""
        alpha, beta, gamma = (softplus(each).clamp(max=50) for each in (self.alpha, self.beta, self.gamma))
        return alpha, beta, gamma

    def posterior(self, u: Float[Tensor, "batch genes"], s: Float[Tensor, "batch genes"]) -> Posterior:
        """q(z | u, s) of scaled RNA."""
        return self.encoder(torch.cat([u, s], dim=1))[0]

    def decode(self, z: Float[Tensor, "*batch latent"]) -> States:
        alpha, beta, gamma = self.rates()
        switch = softplus(self.switch_time).clamp(max=LAST)
        induced, repressed = torch.sigmoid(self.times(z)).chunk(2, dim=-1)
        induced, repressed = switch * induced, (LAST - switch) * repressed
        at_switch = levels(switch, alpha, beta, gamma)
        rising = levels(induced, alpha, beta, gamma)
        falling = levels(repressed, torch.zeros_like(alpha), beta, gamma, *at_switch)
        steady, off = (alpha / beta, alpha / gamma), (torch.zeros_like(alpha), torch.zeros_like(alpha))
        u, s = (_by_state(rising[k], steady[k], falling[k], off[k]) for k in (0, 1))
        time = _by_state(induced, switch, switch + repressed, torch.zeros_like(switch))
        concentration = softplus(self.states(z)).unflatten(-1, (-1, STATES)).clamp_min(1e-6)
        return States(u, s, time, concentration, at_switch)

    def loss(self, batch: Batch, weight: float) -> Loss:
        """weight: w of the divergence of z."""
        u, s = self.scaled(batch.x.flatten(0, 1))
        posterior = self.posterior(u, s)
        found = self.decode(posterior.sample(batch.rng))
        sd = softplus(self.variance).sqrt()[:, :, None] * self.noise_scale
        a = found.concentration
        state = torch.digamma(a) - torch.digamma(a.sum(dim=-1, keepdim=True))
        state = (
            state + _log_normal(u[..., None], found.unspliced, sd[0]) + _log_normal(s[..., None], found.spliced, sd[1])
        )
        terms = {
            "reconstruction": -torch.logsumexp(state, dim=-1).sum(dim=1).mean(),
            "divergence": posterior.divergence().mean(),
            "states": _dirichlet_divergence(a).sum(dim=1).mean(),
            "switch": (torch.stack(found.switch) - self.top).square().sum(),
        }
        total = terms["reconstruction"] + weight * terms["divergence"] + terms["states"]
        total = total + (1 - weight) * self.config.switch_penalty * terms["switch"]
        return Loss(total, {name: value.detach() for name, value in terms.items()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """Expected over the states, at the mean of z (state / latent time)."""
        found = self.decode(self.posterior(*self.scaled(x)).mean)
        return self._velocity(found, found.probability)

    def velocity_samples(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        context: Context,
        draws: int,
        rng: torch.Generator,
    ) -> Float[Tensor, "draws batch dim"]:
        """Draws of z and of the probabilities of the states: the intrinsic uncertainty."""
        posterior = self.posterior(*self.scaled(x))
        seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
        gammas = np.random.default_rng(seed)
        samples = []
        for _ in range(draws):
            found = self.decode(posterior.sample(rng))
            drawn = gammas.standard_gamma(found.concentration.detach().cpu().double().numpy()) + 1e-30
            chosen = torch.from_numpy(drawn / drawn.sum(axis=-1, keepdims=True)).to(found.concentration)
            samples.append(self._velocity(found, chosen))
        return torch.stack(samples)

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Mean over genes of the expected time since each was switched on."""
        return self.gene_times(x).mean(dim=1)

    def gene_times(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch genes"]:
        """Expected time of every gene, from 0 to LAST; 0 where it is off."""
        found = self.decode(self.posterior(*self.scaled(x)).mean)
        return (found.probability * found.time).sum(dim=-1)

    def kinetics(self) -> KineticRates:
        """As they enter the equation of the spliced RNA, in RNA: steady states lie at u = transcription / splicing."""
        of_u, of_s = self.span.chunk(2)
        alpha, beta, gamma = (each.detach() for each in self.rates())
        names = ("transcription", "splicing", "degradation")
        units = ("counts / latent time", "1 / latent time", "1 / latent time")
        return KineticRates(names, units, torch.stack([alpha * of_s, beta * of_s / of_u, gamma], dim=1))

    @torch.no_grad()
    def course(self, gene: int) -> Float[Tensor, "points 2"]:
        """Switched on and off at the fitted time, in RNA."""
        alpha, beta, gamma = (each[gene] for each in self.rates())
        found = switched_course(alpha, beta, gamma, softplus(self.switch_time[gene]).clamp(max=LAST))
        span, lowest = (each.view(2, -1)[:, gene] for each in (self.span, self.lowest))
        return torch.stack(found, dim=1) * span + lowest

    @torch.no_grad()
    def permutation_scores(
        self, x: Float[Tensor, "cells dim"], groups: Int[Tensor, " cells"], rng: torch.Generator
    ) -> Float[Tensor, "groups genes"]:
        """Of the reconstruction of both kinds of RNA, expected over the states, at the mean of z."""

        def reconstruct(u: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
            found = self.decode(self.posterior(u, s).mean)
            return (found.probability * found.unspliced).sum(-1), (found.probability * found.spliced).sum(-1)

        return permutation_scores(reconstruct, self.scaled(x), groups, rng)

    def _velocity(self, found: States, probability: Float[Tensor, "*batch genes 4"]) -> Float[Tensor, "*batch dim"]:
        """Cells move while a gene is induced or repressed, weighted by the probability of that."""
        alpha, beta, gamma = (each[:, None] for each in self.rates())
        moves = alpha.new_tensor([1.0, 0.0, 1.0, 0.0])
        on = alpha.new_tensor([1.0, 0.0, 0.0, 0.0])
        du = moves * (alpha * on - beta * found.unspliced)
        ds = moves * (beta * found.unspliced - gamma * found.spliced)
        return self.from_scaled((probability * du).sum(dim=-1), (probability * ds).sum(dim=-1))


def _by_state(rising: Tensor, steady: Tensor, falling: Tensor, off: Tensor) -> Float[Tensor, "*batch genes 4"]:
    return torch.stack([rising, steady.expand_as(rising), falling, off.expand_as(rising)], dim=-1)


def _log_normal(value: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    return -0.5 * ((value - mean) / sd).square() - sd.log() - 0.5 * math.log(2 * math.pi)


def _dirichlet_divergence(a: Float[Tensor, "*batch states"]) -> Float[Tensor, "*batch"]:
    """KL(Dir(a) | Dir(CONCENTRATION))."""
    total, count, prior = a.sum(dim=-1), a.shape[-1], CONCENTRATION
    constant = count * math.lgamma(prior) - math.lgamma(count * prior)
    expected = torch.digamma(a) - torch.digamma(total)[..., None]
    return torch.lgamma(total) - torch.lgamma(a).sum(dim=-1) + constant + ((a - prior) * expected).sum(dim=-1)
