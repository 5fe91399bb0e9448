"""DeepVelo of Chen et al.: RNA velocity as a function of expression by a variational autoencoder.

Chen, King, Hwang, Gerstein & Zhang, "DeepVelo: single-cell transcriptomic deep velocity field learning with neural
ordinary differential equations", Science Advances 8:eabq3745, 2022, doi:10.1126/sciadv.abq3745 (not the DeepVelo of Cui
et al. 2024, which estimates velocities from splicing). An encoder q(z | x) and a decoder predict the velocity v of a
cell from its state, to which noise is added in training,

    x' = x + s xi,  xi ~ N(0, I),    z ~ q(z | x'),    loss = |v - dec(z)|^2 / dim + kappa KL(q(z | x'), N(0, I)),

and cells follow dx/dt = f(x) = dec(mean of q(z | x)), here and beyond the data.

Departures: velocities are divided by their root mean square and kappa is 0.001: with the published weight 1 most of
the field of such velocities is lost; noise is drawn anew at each step, where the authors add four noisy copies of the
cells; networks are smooth, and their activities are not penalised; paths are not put back onto the nearest cells. The
paper's index of unstable cells and its drivers are left out.
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
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.networks.gaussian_encoder import GaussianEncoder
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import MLPSettings


@dataclass(frozen=True)
class Settings(MLPSettings):
    latent: int = setting(16, "dimensions of the latent state z", 1, 128, label="Latent dimensions")
    depth: int = with_default(MLPSettings, "depth", 2)
    input_noise: float = setting(
        0.05,
        "standard deviation s of the noise that is added to the states in training: larger, a smoother field",
        0.0,
        2.0,
        "standard deviations (pooled)",
        label="Noise s of the states",
    )
    kl_weight: float = setting(
        1e-3,
        "weight κ of the Kullback-Leibler divergence: larger, a simpler field",
        0.0,
        10.0,
        label="Weight κ of the KL divergence",
    )


class DeepVelo(DynamicsModel, HasVelocity):
    title = "DeepVelo (after Chen et al., Science Advances 2022)"
    summary = (
        "Learns RNA velocity as a function of expression by a variational autoencoder, which averages noise out: cells "
        "can be followed from one time alone."
    )
    limitation = (
        "This field follows the RNA velocities that it was given, and extrapolates far from the cells. A coherent "
        "field is not a right one: where the velocities are wrong together, so is the field."
    )
    paper = "Chen et al., Science Advances 8:eabq3745, 2022, doi:10.1126/sciadv.abq3745"
    needs = frozenset({DataRequirement.VELOCITY})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1500, "batch_size": 128}

    Config = Settings
    config: Settings

    center: Tensor
    unit: Tensor
    """Root mean square of the velocities of an axis (state / time)."""

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.encoder = GaussianEncoder(spec.dim, config.latent, config.width, config.depth)
        self.decoder = MLP(config.latent, spec.dim, config.width, config.depth)
        self.register_buffer("center", torch.tensor(spec.center, dtype=torch.float32), persistent=False)
        self.register_buffer("unit", torch.zeros(()))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("velocity", (Update(self.loss, self.parameters()),), prepare=self.measure),)

    def measure(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Take the unit from the velocities of the training cells. Raises ValueError where all of them are 0."""
        if self.unit > 0:  # the validation cells come second
            return
        size = torch.cat(frames.cell_data["velocity"]).square().mean().sqrt()
        if not size > 0:
            raise ValueError("the RNA velocity of every cell is 0, so there is no field to fit: take another velocity")
        self.unit.copy_(size)

    def loss(self, batch: Batch) -> Loss:
        x, v = batch.x.flatten(0, 1), batch.cell_data("velocity").flatten(0, 1)
        noise = torch.randn(x.shape, generator=batch.rng, device=x.device)
        posterior, _ = self.encoder(self._standard(x) + self.config.input_noise * noise)
        error = (self.decoder(posterior.sample(batch.rng)) - v / self.unit).square().mean()
        divergence = posterior.divergence().mean()
        total = error + self.config.kl_weight * divergence
        return Loss(total, {"velocity": error.detach(), "KL": divergence.detach()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.unit * self.decoder(self.encoder(self._standard(x))[0].mean)

    def _standard(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        return (x - self.center) / self.spec.scale
