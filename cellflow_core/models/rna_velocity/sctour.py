"""scTour: an order of the cells and a velocity of a latent state, from expression alone.

Li, "scTour: a deep learning architecture for robust inference and accurate prediction of cellular dynamics", Genome
Biology 24:149, 2023, doi:10.1186/s13059-023-02988-9. With networks enc, dec and f,

    t = sigmoid(enc(x)),    z ~ q(z | x),    dz / dt = f(z) from the z of the earliest cell of a batch: z_ode(t),
    loss = |x - dec(z)|^2 / 2 + |x - dec(z_ode)|^2 / 2 + |z - z_ode|^2 + KL(q(z | x), N(0, I)).

The velocity of the state is that of the decoded path, v(x) = dt/dT  d dec/dz f(z)  at the mean z of q(z | x). The
loss is the same for t and 1 - t: its direction is arbitrary. Where times T were measured, t is oriented by them, and
dt/dT is the slope of t on T; else time is t itself, turned round by the setting `reverse`.

Departures: x is in standard deviations and its squares are scaled to the total variance SIGNAL, so that the terms
weigh the same for every number of axes; the latent equation is integrated on a grid, linear in between, and not from
cell to cell; networks are smooth (SiLU), as their derivative is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import solve
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime, HasVelocity, Loss, Phase, Update
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import MLPSettings

SIGNAL = 300.0
"""Total variance of the states in the loss: about that of a thousand variable genes, log-normalised."""
GRID = 16
"""Steps of the latent equation over all cells of a batch."""
LATENT_WIDTH = 25
"""Neurons of the field of the latent state, as published."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    latent: int = setting(5, "dimensions of the latent state z", 1, 64, label="Latent dimensions")
    width: int = with_default(MLPSettings, "width", 128)
    depth: int = with_default(MLPSettings, "depth", 1)
    ode_weight: float = setting(
        0.5,
        "weight of the reconstruction from the latent equation against that from the encoder: 0 none, 1 all",
        0.0,
        1.0,
        label="Weight of the latent equation",
    )
    kl_weight: float = setting(
        1.0,
        "weight of the Kullback-Leibler divergence of the encoder",
        0.0,
        1000.0,
        label="Weight of the KL divergence",
    )
    reverse: bool = setting(
        False, "without measured times: turn the order of the cells round, 1 - t", label="Reverse the order"
    )


class ScTour(DynamicsModel, HasLatentTime, HasVelocity):
    title = "scTour (after Li 2023)"
    summary = (
        "Orders the cells and learns a velocity from their expression alone: no spliced and unspliced counts, and one "
        "time is enough."
    )
    limitation = (
        "The direction of this order is arbitrary: without measured times early and late may be swapped (setting "
        "“Reverse the order”), and it has no unit. A coherent field is not a right one."
    )
    paper = "Li 2023, Genome Biology 24:149, doi:10.1186/s13059-023-02988-9"
    needs = frozenset[DataRequirement]()
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1000, "batch_size": 256, "learning_rate": 5e-3}

    Config = Settings
    config: Settings

    center: Tensor
    rate: Tensor
    """dt/dT (1 / time), negative where t runs against time; without measured times 1 or -1."""

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.encoder = GaussianEncoder(spec.dim, config.latent, config.width, config.depth, others=1)
        self.decoder = MLP(config.latent, spec.dim, config.width, config.depth)
        self.field = MLP(config.latent, config.latent, LATENT_WIDTH, 1)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)
        self.register_buffer("rate", torch.tensor(-1.0 if config.reverse else 1.0))

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("latent equation", (Update(self.loss, self.parameters()),)),
            Phase("orientation", prepare=self.orient),
        )

    def loss(self, batch: Batch) -> Loss:
        x = self._standard(batch.x.flatten(0, 1))
        posterior, logit = self.encoder(x)
        z = posterior.sample(batch.rng)
        z_ode = self._solved(torch.sigmoid(logit[:, 0]), z)
        unit = SIGNAL / x.shape[1]
        direct, solved = (unit * (x - self.decoder(each)).square().sum(dim=1).mean() for each in (z, z_ode))
        difference, divergence = (z - z_ode).square().sum(dim=1).mean(), posterior.divergence().mean()
        weight = self.config.ode_weight
        total = torch.lerp(direct, solved, weight) + difference + self.config.kl_weight * divergence
        terms = {"reconstruction": direct, "from the equation": solved, "difference in z": difference, "KL": divergence}
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def _solved(self, t: Float[Tensor, " batch"], z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """z_ode at the time of each cell, from the z of the earliest on; differentiable in t and z."""
        first, last = t.min(), t.max()
        span = (last - first).clamp_min(1e-6)
        states = solve(
            lambda _, state: (span * self.field(state[0]),),
            (z[t.argmin()],),
            [k / GRID for k in range(GRID + 1)],
            "midpoint",
        )
        path = torch.stack([state for (state,) in states])
        place = (t - first) / span * GRID
        k = place.detach().long().clamp(0, GRID - 1)
        return torch.lerp(path[k], path[k + 1], (place - k)[:, None])

    @torch.no_grad()
    def orient(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Where cells have two times or more, dt/dT: the least-squares slope of t on the measured time."""
        if len(frames.times) < 2:
            return
        t = torch.cat([self._time(x) for x in frames.x]).double()
        measured = torch.cat([x.new_full((len(x),), float(at)) for x, at in zip(frames.x, frames.times, strict=True)])
        centered = measured.double() - measured.double().mean()
        self.rate.copy_((centered * t).sum() / centered.square().sum())

    def notes(self) -> tuple[str, ...]:
        if len(self.spec.times) > 1:
            return ()
        return ("No second time was measured, so nothing shows whether this order runs forward or backward.",)

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        t = self._time(x)
        return torch.where(self.rate < 0, 1 - t, t)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        z = self.encoder(self._standard(x))[0].mean
        return self.spec.scale * self.rate * self.decoder.jvp(z, self.field(z))[1]

    def _time(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
        return torch.sigmoid(self.encoder(self._standard(x))[1][:, 0])

    def _standard(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        return (x - self.center) / self.spec.scale
