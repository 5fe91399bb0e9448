"""RNA velocity with one time of each cell and a transcription rate that depends on its state.

Gu, Blaauw & Welch, "Variational mixtures of ODEs for inferring cellular gene expression dynamics", ICML 2022, and
"Bayesian inference of RNA velocity from multi-lineage single-cell data", bioRxiv 2022, doi:10.1101/2022.07.08.499381.
A cell has a time t, the same for all genes, and a state z, both Gaussian given its RNA; a network gives the share
rho_g(z) in (0, 1) of the highest transcription. From the RNA (u0, s0) of the cell at an earlier time t0,

    du/dt = rho_g(z) alpha_g - beta_g u,    ds/dt = beta_g u - gamma_g s,    from t0 to t in closed form,
    loss = -E log N(u, s; c_g u(t), s(t)) + KL(q(z) | N(0, 1)) + KL(q(t) | N(t1, TIME_SD^2)).

rho(z) alone would fit any order of the cells. So t1 comes from genes that are switched on once and off once on a shared
time (splicing/shared_time.py), which says which way time runs. (u0, s0) are taken from the curves of that fit at first,
then from cells that are earlier and near in z. Departures stand in docs/methods/rna_velocity.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    HasKinetics,
    HasLatentTime,
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
from cellflow_core.models.splicing.earlier_cells import Earlier, EarlierCells
from cellflow_core.models.splicing.kinetics import levels
from cellflow_core.models.splicing.scaled import ScaledSplicingModel
from cellflow_core.models.splicing.shared_time import GRID, log_likelihood, posterior_mean, shared_time

WINDOW = (0.03, 0.06)
"""How much earlier the cells are from which a cell started; all cells are between 0 and 1."""
TIME_SD = 0.05
"""Standard deviation of the prior of time around that of the switched genes."""
MOST_CELLS = 5000
"""Cells that are kept to look earlier cells up in; of more, every n-th."""
ON = 0.8
"""Share rho of the highest transcription at which a switched gene is on."""


@dataclass(frozen=True)
class Settings(EncoderSettings):
    width: int = with_default(EncoderSettings, "width", 128)
    depth: int = with_default(EncoderSettings, "depth", 2)
    latent_dim: int = with_default(EncoderSettings, "latent_dim", 5)
    kl_weight: float = setting(
        1.0,
        "weight κ of the Kullback-Leibler divergence of state and time",
        0.0,
        100.0,
        label="Weight κ of the divergence",
    )


class Motion(NamedTuple):
    """A cell at its time. unspliced, spliced: RNA, scaled; their rates of change: per latent time."""

    unspliced: Float[Tensor, "batch genes"]
    spliced: Float[Tensor, "batch genes"]
    unspliced_rate: Float[Tensor, "batch genes"]
    spliced_rate: Float[Tensor, "batch genes"]


class VeloVAE(ScaledSplicingModel, HasVelocity, HasLatentTime, HasKinetics, HasVelocityUncertainty):
    title = "VeloVAE (after Gu et al. 2022)"
    summary = (
        "Gives each cell one time for all genes and a state on which transcription depends, so that rates may change "
        "along a lineage and between lineages, with the posterior of the velocity."
    )
    limitation = (
        "Time and its direction rest on genes that are switched on once and off once; with few of them it can come out "
        "reversed, and where cells do not change it means nothing. Lineages that branch may come one after the other "
        "in time."
    )
    paper = "Gu et al., bioRxiv 2022, doi:10.1101/2022.07.08.499381; ICML 2022"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1500, "learning_rate": 5e-3, "max_grad_norm": 10.0}
    from_lowest = False
    Config = Settings
    config: Settings

    curves: Tensor  # [2, GRID, genes], scaled RNA of the switched genes
    spread: Tensor  # [2, genes], standard deviation around them
    margin: Tensor  # log likelihood of a cell, over that of reversed time

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, size = self.gene_count, (config.width, config.depth)
        self.encoder = GaussianEncoder(2 * genes, config.latent_dim + 1, *size)  # z, and (t - t1) / TIME_SD
        self.transcription = MLP(config.latent_dim, genes, *size)
        self.logs = nn.Parameter(torch.zeros(4, genes))  # of alpha, beta, gamma and c
        self.log_sd = nn.Parameter(torch.zeros(2, genes))
        self.earlier = EarlierCells(config.latent_dim, 2 * genes, WINDOW)
        self.register_buffer("curves", torch.zeros(2, GRID, genes))
        self.register_buffer("spread", torch.ones(2, genes))
        self.register_buffer("margin", torch.zeros(()))

    def phases(self) -> tuple[Phase, ...]:
        everything = tuple(self.parameters())
        decoded = (*self.transcription.parameters(), self.logs, self.log_sd)
        return (
            Phase("transcription", (Update(self.loss, everything),), 0.5, self.fit_switches),
            Phase("initial states", (Update(self.loss, decoded),), 0.5, self.find_earlier),
        )

    def fit_switches(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Scale the RNA, and begin with the curves and rates of switched genes."""
        cells = self.read_scaled(frames)
        if cells is None:
            return
        found, margin = shared_time(cells)
        self.curves.copy_(found.curves)
        self.spread.copy_(found.sd)
        self.margin.fill_(margin)
        of_u, of_s = found.amplitude.clamp_min(1e-4)
        self.logs.data.copy_(torch.stack([of_s / ON, found.beta, found.gamma, of_u / of_s]).log())
        self.log_sd.data.copy_(found.sd.log())

    @torch.no_grad()
    def find_earlier(self, frames: SnapshotTensors, rng: torch.Generator) -> Earlier:
        """What every cell started from. The training cells come first, and are those that others started from."""
        u, s = self.scaled(torch.cat(frames.x))
        z, time = self.state_and_time(u, s, self.posterior(u, s).mean)
        if not len(self.earlier):
            some = slice(None, None, math.ceil(len(z) / MOST_CELLS))
            self.earlier.fill(z[some], time[some], torch.cat([u, s], dim=1)[some])
        parts = [self.earlier(*each) for each in zip(z.split(1000), time.split(1000), strict=True)]
        return Earlier(torch.cat([each.rna for each in parts]), torch.cat([each.time for each in parts]))

    def posterior(self, u: Float[Tensor, "batch genes"], s: Float[Tensor, "batch genes"]) -> Posterior:
        """q of z and of (t - t1) / TIME_SD, of scaled RNA."""
        return self.encoder(torch.cat([u, s], dim=1))[0]

    def state_and_time(
        self, u: Float[Tensor, "batch genes"], s: Float[Tensor, "batch genes"], drawn: Float[Tensor, "batch latent"]
    ) -> tuple[Float[Tensor, "batch states"], Float[Tensor, " batch"]]:
        """(z, t) of scaled RNA and values of its posterior."""
        first = posterior_mean(log_likelihood(torch.stack([u, s]), self.curves, self.spread))
        return drawn[:, :-1], first + TIME_SD * drawn[:, -1]

    def initial(self, z: Float[Tensor, "batch states"], time: Float[Tensor, " batch"]) -> Earlier:
        """What cells started from: earlier cells, or in the first phase the curves of the switched genes."""
        if len(self.earlier):
            return self.earlier(z, time)
        start = (time - sum(WINDOW) / 2).clamp(0, 1)
        place = start * (GRID - 1)
        left = place.detach().floor().clamp(max=GRID - 2).long()
        share = (place - left)[:, None]
        known = torch.cat([*self.curves], dim=1)
        return Earlier((1 - share) * known[left] + share * known[left + 1], start)

    def motion(self, z: Float[Tensor, "batch states"], time: Float[Tensor, " batch"], start: Earlier) -> Motion:
        alpha, beta, gamma, scale = self.logs.exp()
        transcribed = torch.sigmoid(self.transcription(z)) * alpha
        u0, s0 = start.rna.chunk(2, dim=1)
        u, s = levels((time - start.time).clamp_min(0)[:, None], transcribed, beta, gamma, u0 / scale, s0)
        return Motion(scale * u, s, scale * (transcribed - beta * u), beta * u - gamma * s)

    def loss(self, batch: Batch) -> Loss:
        u, s = self.scaled(batch.x.flatten(0, 1))
        posterior = self.posterior(u, s)
        z, time = self.state_and_time(u, s, posterior.sample(batch.rng))
        start = self.initial(z, time) if batch.pool is None else self.started(batch)
        found = self.motion(z, time, start)
        error = torch.stack([u - found.unspliced, s - found.spliced]) / self.log_sd.exp()[:, None]
        fit = (0.5 * error.square() + self.log_sd[:, None]).sum(dim=(0, 2)).mean()
        divergence = posterior.divergence().mean()
        terms = {"reconstruction": fit.detach(), "divergence": divergence.detach()}
        return Loss(fit + self.config.kl_weight * divergence, terms)

    def started(self, batch: Batch) -> Earlier:
        """Of the cells of a batch, as they were found before the phase."""
        assert batch.frames is not None
        sizes = [len(each) for each in batch.frames.x]
        rows = torch.cat([each + sum(sizes[:k]) for k, each in enumerate(batch.rows)])
        return Earlier(batch.pool.rna[rows], batch.pool.time[rows])

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """At the means of z and of time (state / latent time)."""
        u, s = self.scaled(x)
        return self._velocity(*self.state_and_time(u, s, self.posterior(u, s).mean))

    def velocity_samples(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        context: Context,
        draws: int,
        rng: torch.Generator,
    ) -> Float[Tensor, "draws batch dim"]:
        """Draws of z and of time."""
        u, s = self.scaled(x)
        posterior = self.posterior(u, s)
        return torch.stack([self._velocity(*self.state_and_time(u, s, posterior.sample(rng))) for _ in range(draws)])

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Mean of q(t); most cells lie between 0 and 1."""
        u, s = self.scaled(x)
        return self.state_and_time(u, s, self.posterior(u, s).mean)[1]

    def kinetics(self) -> KineticRates:
        """As they enter the equation of the spliced RNA, in RNA; transcription is the highest there can be."""
        of_u, of_s = self.span.chunk(2)
        alpha, beta, gamma, scale = self.logs.detach().exp()
        names = ("transcription", "splicing", "degradation")
        units = ("counts / latent time", "1 / latent time", "1 / latent time")
        return KineticRates(names, units, torch.stack([alpha * of_s, beta * of_s / (scale * of_u), gamma], dim=1))

    def notes(self) -> tuple[str, ...]:
        margin = self.margin.item()
        if margin == 0:
            return ("Genes do not tell of a time: curves of switched genes fit no better than constant ones.",)
        if math.isinf(margin):
            return ("Switched genes led to this direction of time from every order of the cells to begin with.",)
        return (
            f"Switched genes fit this direction of time better than the other: by {margin:.1f} in the log likelihood "
            f"of a cell, with {self.gene_count} genes.",
        )

    def _velocity(self, z: Float[Tensor, "batch states"], time: Float[Tensor, " batch"]) -> Float[Tensor, "batch dim"]:
        found = self.motion(z, time, self.initial(z, time))
        return self.from_scaled(found.unspliced_rate, found.spliced_rate)
