"""Latent dynamics of labelled cells: RNA velocity in real time from what was transcribed during a pulse.

Maizels, Snell & Briscoe, "Reconstructing developmental trajectories using latent dynamical systems and time-resolved
transcriptomics", Cell Systems 2024, doi:10.1016/j.cels.2024.04.004 (velvet). An encoder gives q(z | x), a linear
decoder the total RNA s, and a network f the motion of z. Of a cell whose new RNA n was labelled for a time tau,

    s = W z + b,    v = ds/dt = W f(z),    n = (1 - exp(-gamma tau)) / gamma (v + gamma s),
    loss = |s - s^|^2 + a |n - n^|^2 + c (1 - cos(v, d)) + kappa KL(q(z | x), N(0, I)),

where transcription alpha(z) = v + gamma s is constant during the pulse and d is the displacement to the nearest cells
that lie where v points, as on the velocity graph (math/velocity_graph.py). With the setting "field" (ours), the second
half of the training follows the cell back along the field instead: n = int_0^tau exp(-gamma r) alpha(z(-r)) dr. Further
departures stand in docs/methods/rna_velocity.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import nearest_neighbors
from cellflow_core.math.velocity_graph import SIGMA
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasKinetics,
    HasVelocity,
    KineticRates,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import MLPSettings

MOST = 0.05
"""Share of the cells, those with most RNA of a gene, that its degradation rate is read from: it rises no more."""
SHARE = (1e-3, 0.99)
"""Bounds of the share of new RNA in those cells, so that a rate is finite and above 0."""
COMPONENTS = 30
"""Principal components in which neighbors are searched."""
PARTS = 4
"""Parts of a pulse, in which transcription follows the field."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    width: int = with_default(MLPSettings, "width", 128)
    latent: int = setting(10, "dimensions of the latent state z", 1, 200, label="Latent dimensions")
    neighbors: int = setting(30, "nearest cells to which a velocity may lead", 2, 200, label="Neighbors")
    new_weight: float = setting(10.0, "weight a of the new RNA", 0.0, 1000.0, label="Weight a of new RNA")
    neighborhood_weight: float = setting(
        1.0,
        "weight c of the agreement between a velocity and the direction of the nearest cells where it points",
        0.0,
        1000.0,
        label="Weight c of the neighborhood",
    )
    kl_weight: float = setting(
        1e-3, "weight κ of the Kullback-Leibler divergence", 0.0, 10.0, label="Weight κ of the KL divergence"
    )
    transcription: Literal["field", "constant"] = setting(
        "field",
        "transcription during the pulse: that of the states where the cell was before, or constant, as published",
        choice_labels={"field": "along the field", "constant": "constant"},
        label="Transcription during the pulse",
    )


class Surroundings(NamedTuple):
    """total: scaled RNA of all cells; nearest: rows of the cells nearest to each; first: row of the first cell of
    each time."""

    total: Float[Tensor, "cells genes"]
    nearest: Int[Tensor, "cells k"]
    first: tuple[int, ...]


class Labelled(DynamicsModel, HasVelocity, HasKinetics):
    title = "velvet (after Maizels et al. 2024)"
    summary = (
        "Learns a latent field from RNA that was labelled while it was made: the length of the pulse gives the "
        "velocity in real time, from one snapshot."
    )
    limitation = (
        "The degradation of a gene counts as the same in all cells, and changes faster than the pulse are smoothed. A "
        "wrong labelling efficiency makes every velocity wrong."
    )
    paper = "Maizels, Snell & Briscoe, Cell Systems 2024, doi:10.1016/j.cels.2024.04.004"
    needs = frozenset({DataRequirement.LABELLING})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1500, "batch_size": 128, "learning_rate": 3e-3}
    Config = Settings
    config: Settings

    center: Tensor
    unit: Tensor  # [genes], counts: standard deviation of the total RNA
    new_unit: Tensor  # [genes], that of the new RNA, in units of the total RNA
    pulse: Tensor  # mean over the cells (time); 0 before it is known
    gamma: Tensor  # [genes], 1 / mean pulse

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        genes, size = spec.dim, (config.width, config.depth)
        self.encoder = GaussianEncoder(genes, config.latent, *size)
        self.decoder = nn.Linear(config.latent, genes)
        self.field = MLP(config.latent, config.latent, *size)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)
        for name in ("unit", "new_unit", "gamma"):
            self.register_buffer(name, torch.ones(genes))
        self.register_buffer("pulse", torch.zeros(()))

    def phases(self) -> tuple[Phase, ...]:
        everything = tuple(self.parameters())
        constant = Phase(
            "constant transcription", (Update(lambda batch: self.loss(batch, 1), everything),), prepare=self.prepare
        )
        if self.config.transcription == "constant":
            return (constant,)
        field = Update(lambda batch: self.loss(batch, PARTS), everything)
        return constant, Phase("transcription along the field", (field,), prepare=self.prepare)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Surroundings:
        """The neighbors of these cells; scales and degradation rates from the training cells, which come first."""
        x = torch.cat(frames.x)
        total, new, pulse = x.expm1(), *(torch.cat(frames.cell_data[each]) for each in ("new_rna", "pulse"))
        if not self.pulse > 0:
            self.pulse.copy_(pulse.mean())
            self.unit.copy_(_spread(total))
            self.new_unit.copy_(_spread(new) / self.unit)
            self.gamma.copy_(self.pulse * degradation(new, total, pulse))
        return Surroundings(total / self.unit, nearest(x, self.spec.genes, self.config.neighbors), first_cells(frames))

    def loss(self, batch: Batch, parts: int) -> Loss:
        """parts: of the pulse, in each of which transcription is constant; with 1, it is that of now."""
        config, around = self.config, batch.pool
        x, new, pulse = batch.x.flatten(0, 1), *(batch.cell_data(each).flatten(0, 1) for each in ("new_rna", "pulse"))
        posterior = self.encoder(self._standard(x))[0]
        z = posterior.sample(batch.rng)
        v = self.along(z)
        made = self.new_rna(z, (pulse / self.pulse)[:, None], parts)
        rows = torch.cat([each + first for each, first in zip(batch.rows, around.first, strict=True)])
        towards = displacement(v.detach(), around.total[around.nearest[rows]] - around.total[rows, None])
        terms = {
            "reconstruction": (self.decoder(z) - x.expm1() / self.unit).square().mean(),
            "new RNA": ((made - new / self.unit) / self.new_unit).square().mean(),
            "neighborhood": (1 - cosine_similarity(v, towards, dim=1)).mean(),
            "KL": posterior.divergence().mean(),
        }
        weights = x.new_tensor([1.0, config.new_weight, config.neighborhood_weight, config.kl_weight])
        total = (weights * torch.stack(list(terms.values()))).sum()
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def new_rna(
        self, z: Float[Tensor, "batch latent"], tau: Float[Tensor, "batch 1"], parts: int
    ) -> Float[Tensor, "batch genes"]:
        """Scaled new RNA after a pulse of tau mean pulses; the parts of the pulse backwards, each at its middle."""
        step, made = tau / parts, z.new_zeros(())
        kept = -torch.expm1(-self.gamma * step) / self.gamma
        z = z if parts == 1 else z - step / 2 * self.field(z)
        for k in range(parts):
            made = made + kept * torch.exp(-self.gamma * step * k) * (self.along(z) + self.gamma * self.decoder(z))
            z = z - step * self.field(z)
        return made

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        """d log(1 + s)/dt at the mean of z; where a state has less than no RNA, s counts as 0."""
        z = self.latent(x)
        return self.unit * self.along(z) / self.pulse / x.clamp_min(0).exp()

    def kinetics(self) -> KineticRates:
        """Degradation of the total RNA."""
        return KineticRates(("degradation",), ("1 / time",), (self.gamma / self.pulse)[:, None])

    def latent(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch latent"]:
        """Mean of q(z | x)."""
        return self.encoder(self._standard(x))[0].mean

    def along(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch genes"]:
        """Velocity of the scaled total RNA, per mean pulse."""
        return self.field(z) @ self.decoder.weight.T

    def _standard(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        return (x - self.center) / self.spec.scale


def nearest(x: Float[Tensor, "cells genes"], genes: tuple[str, ...], count: int) -> Int[Tensor, "cells count"]:
    """Rows of the cells nearest to each in the principal components of these genes; of one cell alone, none."""
    if len(x) == 1:
        return torch.zeros((1, 0), dtype=torch.int64, device=x.device)
    states = principal(x.cpu().numpy(), genes, COMPONENTS).state
    return torch.from_numpy(nearest_neighbors(states, count + 1)[1][:, 1:].copy()).to(x.device)


def first_cells(frames: SnapshotTensors) -> tuple[int, ...]:
    """Row of the first cell of each time, where the cells of all times follow each other."""
    return tuple(torch.tensor([0, *(len(each) for each in frames.x)]).cumsum(0)[:-1].tolist())


def degradation(
    new: Float[Tensor, "cells genes"], total: Float[Tensor, "cells genes"], pulse: Float[Tensor, " cells"]
) -> Float[Tensor, " genes"]:
    """gamma (1 / time) of each gene from its cells with most RNA, where n / s = 1 - exp(-gamma tau)."""
    rows = total.topk(max(1, round(MOST * len(total))), dim=0).indices
    n, s = new.gather(0, rows), total.gather(0, rows)
    share = (n.sum(dim=0) / s.sum(dim=0).clamp_min(1e-12)).clamp(*SHARE)
    return -torch.log1p(-share) / pulse[rows].mean(dim=0)


def displacement(
    v: Float[Tensor, "batch genes"], steps: Float[Tensor, "batch k genes"]
) -> Float[Tensor, "batch genes"]:
    """To be expected of a cell with this velocity, given the steps to its nearest cells (math/velocity_graph.py)."""
    weight = (cosine_similarity(v[:, None], steps, dim=2) / SIGMA).softmax(dim=1)
    return ((weight - 1 / max(steps.shape[1], 1))[..., None] * steps).sum(dim=1)


def _spread(values: Float[Tensor, "cells genes"]) -> Float[Tensor, " genes"]:
    """Standard deviation of each gene, 1 where it is 0."""
    found = values.std(dim=0)
    return torch.where(found > 0, found, torch.ones_like(found))
