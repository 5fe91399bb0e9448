"""[SF]2M: simulation-free score and flow matching, a stochastic bridge between consecutive times.

Tong et al., "Simulation-free Schroedinger bridges via score and flow matching", AISTATS 2024, arXiv:2307.03672.
Each pair is joined by a Brownian bridge, whose velocity and score are known; two networks learn the mean displacement
and what the noise takes away (`models.brownian` has the formulas). The paper regresses the velocity as a whole; the
minimiser is the same, but its target has no finite variance at s = 0 and 1, and it jumps at every measured time, which
a smooth network rounds off. With the pairs of the entropic plan, "sinkhorn", it is the Schroedinger bridge proper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasNoise, HasScore, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.bridge_matching_loss import bridge_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.brownian_bridge import with_bridge_noise
from cellflow_core.models.paths.path_sample import interval_fraction, straight_path
from cellflow_core.models.paths.settings import DiffusionSettings
from cellflow_core.models.transport.ot_solvers import StaticBridge, coupling
from cellflow_core.models.transport.pair_sampler import Pairing


@dataclass(frozen=True)
class Settings(DiffusionSettings, MLPSettings):
    coupling: Literal["exact", "sinkhorn", "geodesic", "minibatch", "independent"] = setting(
        "exact",
        "optimal transport plan of the whole populations (exact), entropic plan at the noise's own epsilon (sinkhorn), "
        "exact plan for distances along the data (geodesic), exact plan of each batch (minibatch), or random pairs",
    )


class SF2M(DynamicsModel, HasVelocity, HasScore, HasNoise):
    title = "[SF]2M"
    summary = "Joins paired cells by random bridges and learns motion and score: cells move with noise, not on rails."
    paper = "Tong et al., AISTATS 2024, arXiv:2307.03672"

    Config = Settings
    config: Settings

    times: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.displacement = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.lift = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))  # g above
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.pairing = Pairing(coupling(config.coupling, StaticBridge(self.sigma)))
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("bridge", (Update(self.loss, self.parameters()),), prepare=self.pairing.prepare),)

    def loss(self, batch: Batch) -> Loss:
        at = with_bridge_noise(straight_path(self.pairing.sample(batch), batch.rng), self.sigma, batch.rng)
        return bridge_matching_loss(self.displacement, self.lift, at, self.sigma, self.spec)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.displacement(t, x) - (1 - 2 * interval_fraction(t, self.times))[:, None] * self.lift(t, x)

    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return 2 / self.sigma**2 * self.lift(t, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)
