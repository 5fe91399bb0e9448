"""RegVelo: splicing kinetics whose transcription is regulated by a network of the genes.

Wang, Hu, Weiler et al., "RegVelo: gene-regulatory-informed dynamics of single cells", Cell 2026 (bioRxiv 2024,
doi:10.1101/2024.12.11.627935). RNA is scaled by its highest level. All cells are on one course from no RNA at time 0,

    du/dt = softplus(W s + b) - beta u,    ds/dt = beta u - gamma s,

and q(z | u, s), a Gaussian of few dimensions, gives the time t_g(z) of every gene of a cell on it:

    loss = -log N(u, s; (u, s)_g(t_g(z)), sd^2) + KL(q(z) | N(0, 1)) + lambda |J|_1 + mu |W o (1 - A)|_F,

with J = diag(softplus'(W m + b)) W at the mean spliced RNA m, which is the network, and A the edges of a prior network.
Departures stand in docs/methods/regulatory.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    Equations,
    HasEquations,
    HasLatentTime,
    HasNetwork,
    HasVelocity,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.equations import of_genes, written
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import EncoderSettings
from cellflow_core.models.splicing.scaled import ScaledSplicingModel

LAST = 20.0
"""Time at which the course ends."""
STEPS = 60
"""Steps of Heun's method over the course, between which states are interpolated."""
TOP = 0.01
"""Share of the cells with most unspliced RNA of a gene, where it begins with its steady state."""
OFFSET = 0.5
"""Largest logit by which the time of a gene differs from that of its cell."""
MOST = 50.0
"""Largest transcription rate."""
FASTEST = 1.5 * STEPS / LAST
"""Largest rate of splicing and degradation: from twice STEPS / LAST on, steps of Heun's method grow without bound."""


@dataclass(frozen=True)
class Settings(EncoderSettings):
    sparsity: float = setting(
        0.1,
        "weight λ of the sum of all influences at the mean expression: fewer edges",
        0.0,
        100.0,
        label="Sparsity λ",
    )
    prior: Literal["none", "soft"] = setting(
        "none",
        "prior network: none, or edges that it does not have cost",
        choice_labels={"none": "none", "soft": "other edges cost"},
        label="Prior network",
    )
    prior_weight: float = setting(
        1.0,
        "weight of the edges that the prior network does not have",
        0.0,
        1000.0,
        label="Weight of the prior network",
    )


class RegVelo(ScaledSplicingModel, HasVelocity, HasLatentTime, HasNetwork, HasEquations):
    title = "RegVelo (after Wang et al. 2026)"
    summary = (
        "RNA velocity whose transcription is regulated: the kinetics of splicing and a signed network of the genes are "
        "learnt together, and knocking out a gene acts on its targets."
    )
    limitation = (
        "All cells are on one course from no RNA, so branches are fitted by the times of single genes only. Without a "
        "prior network its edges were no better than chance on a circuit whose velocity it found: take them as "
        "hypotheses."
    )
    paper = "Wang et al., Cell 2026; bioRxiv 2024, doi:10.1101/2024.12.11.627935"
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 400,
        "learning_rate": 1e-2,
        "batch_size": 512,
        "weight_decay": 1e-5,
        "max_grad_norm": 10.0,
    }
    from_lowest: ClassVar[bool] = False
    Config = Settings
    config: Settings

    mean_spliced: Tensor  # [genes], scaled RNA
    known: Tensor  # [genes, genes]: 1 for an edge of the prior network

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes = self.gene_count
        self.encoder = GaussianEncoder(2 * genes, config.latent_dim, config.width, config.depth)
        self.times = MLP(config.latent_dim, 1 + genes, config.width, config.depth)
        self.weight = nn.Parameter(0.01 * torch.randn(genes, genes))
        self.bias = nn.Parameter(torch.zeros(genes))
        self.beta = nn.Parameter(torch.full((genes,), 0.5))  # before the softplus, as gamma and the variance
        self.gamma = nn.Parameter(torch.full((genes,), -1.0))
        self.variance = nn.Parameter(torch.full((2, genes), -1.0))
        self.register_buffer("mean_spliced", torch.zeros(genes))
        self.register_buffer("known", torch.ones(genes, genes))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | ({DataRequirement.NETWORK} if config.prior == "soft" else set())

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("regulated kinetics", (Update(self.loss, self.parameters()),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Scale the RNA, and read the prior network."""
        cells = self.read_scaled(frames)
        if cells is None:
            return
        self.mean_spliced.copy_(cells.spliced.mean(dim=0))
        rows = cells.unspliced.topk(max(1, math.ceil(TOP * len(cells.unspliced))), dim=0).indices
        u, s = (each.gather(0, rows).median(dim=0).values.clamp_min(1e-2) for each in (cells.unspliced, cells.spliced))
        beta = softplus(self.beta.detach())
        self.bias.data.copy_((beta * u).expm1().log())  # a steady state at the cells with most unspliced RNA
        self.gamma.data.copy_((beta * u / s).clamp(max=0.9 * FASTEST).expm1().log())
        if self.config.prior == "soft":
            assert frames.prior is not None
            self.known.copy_((frames.prior != 0).to(self.known))

    def transcription(self, spliced: Float[Tensor, "*batch genes"]) -> Float[Tensor, "*batch genes"]:
        """softplus(W s + b) of scaled RNA, without what a gene does to itself."""
        return softplus(spliced @ self._weight.T + self.bias).clamp(max=MOST)

    def course(self) -> tuple[Float[Tensor, "points genes"], Float[Tensor, "points genes"]]:
        """Scaled (unspliced, spliced) RNA at STEPS + 1 even times, by Heun's method."""
        h = LAST / STEPS
        state = torch.zeros(2, self.gene_count, device=self.weight.device)
        states = [state]
        for _ in range(STEPS):
            a = self.change(state)
            state = state + h / 2 * (a + self.change(state + h * a))
            states.append(state)
        u, s = torch.stack(states).unbind(dim=1)
        return u, s

    def loss(self, batch: Batch) -> Loss:
        u, s = self.scaled(batch.x.flatten(0, 1))
        posterior = self.encoder(torch.cat([u, s], dim=1))[0]
        fitted = self._on_course(self._gene_times(posterior.sample(batch.rng)))
        sd = softplus(self.variance).sqrt()
        likelihood = _log_normal(u, fitted[0], sd[0]) + _log_normal(s, fitted[1], sd[1])
        terms = {
            "reconstruction": -likelihood.sum(dim=1).mean(),
            "divergence": posterior.divergence().mean(),
            "influence": self._jacobian().abs().sum(),
        }
        total = terms["reconstruction"] + terms["divergence"] + self.config.sparsity * terms["influence"]
        if self.config.prior == "soft":
            terms["other edges"] = (self._weight * (1 - self.known)).square().sum().add(1e-12).sqrt()
            total = total + self.config.prior_weight * terms["other edges"]
        return Loss(total, {name: value.detach() for name, value in terms.items()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """The equation at the RNA of the state (state / latent time)."""
        u, s = self.scaled(x)
        return self.from_scaled(*self.change(torch.stack([u, s])))

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Mean over the genes of their time on the course."""
        posterior = self.encoder(torch.cat(self.scaled(x), dim=1))[0]
        return self._gene_times(posterior.mean).mean(dim=1)

    @torch.no_grad()
    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        return self._jacobian()

    @torch.no_grad()
    def equations(self) -> Equations:
        """Those of spliced RNA where unspliced RNA is at its steady state, softplus(W s + b) / beta."""
        return Equations(
            form=r"\frac{du_i}{dt} = \mathrm{softplus}\Big(\sum_{j \ne i} w_{ij} s_j + b_i\Big) - \beta_i u_i, \qquad "
            r"\frac{ds_i}{dt} = \beta_i u_i - \gamma_i s_i",
            meaning="s is spliced RNA by its highest level, t the latent time. An equation of a gene is that of its "
            "spliced RNA where its unspliced RNA u is at its steady state.",
            products=(*of_genes(self.gene_count), ()),
            coefficients=torch.cat([self._weight, self.bias[:, None]], dim=1),
            before=("softplus(",) * self.gene_count,
            after=written(") − {} @", self._rates()[1]),
            exact=True,
            quantity="weight",
            level="s_{@}",
            time="t",
            scale=torch.stack([self.lowest, self.span], dim=1)[self.gene_count :],
        )

    @property
    def _weight(self) -> Float[Tensor, "genes genes"]:
        return self.weight - self.weight.diag().diag()

    def _jacobian(self) -> Float[Tensor, "genes genes"]:
        """Change of transcription with spliced RNA at the mean of the cells."""
        slope = torch.sigmoid(self._weight @ self.mean_spliced + self.bias)
        return slope[:, None] * self._weight

    def change(self, state: Float[Tensor, "2 *batch genes"]) -> Float[Tensor, "2 *batch genes"]:
        """d/dt of scaled (unspliced, spliced) RNA."""
        u, s = state
        beta, gamma = self._rates()
        return torch.stack([self.transcription(s) - beta * u, beta * u - gamma * s])

    def _rates(self) -> tuple[Float[Tensor, " genes"], Float[Tensor, " genes"]]:
        """(splicing, degradation), 1 / time."""
        beta, gamma = (softplus(each).clamp(max=FASTEST) for each in (self.beta, self.gamma))
        return beta, gamma

    def _gene_times(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch genes"]:
        found = self.times(z)
        return LAST * torch.sigmoid(found[:, :1] + OFFSET * torch.tanh(found[:, 1:]))

    def _on_course(
        self, time: Float[Tensor, "batch genes"]
    ) -> tuple[Float[Tensor, "batch genes"], Float[Tensor, "batch genes"]]:
        """Scaled RNA of every gene at its time, linear between the steps."""
        place = (time * (STEPS / LAST)).nan_to_num().clamp(0, STEPS - 1e-4)
        k = place.detach().long()
        part = place - k
        u, s = (each.gather(0, k) + part * (each.gather(0, k + 1) - each.gather(0, k)) for each in self.course())
        return u, s


def _log_normal(value: Tensor, mean: Tensor, sd: Tensor) -> Tensor:
    return -0.5 * ((value - mean) / sd).square() - sd.log() - 0.5 * math.log(2 * math.pi)
