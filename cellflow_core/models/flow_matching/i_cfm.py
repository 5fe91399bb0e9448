"""Conditional flow matching with independent pairs.

Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", TMLR 2024,
arXiv:2302.00482, section 3.2.2. Paths and targets are torchcfm's.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import sample_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.ot_solvers import Independent
from cellflow_core.models.transport.pair_sampler import sample_batch


@dataclass(frozen=True)
class Settings(PathNoiseSettings, MLPSettings):
    """Path noise and network."""


class ICFM(DynamicsModel, HasVelocity):
    title = "I-CFM"
    summary = "Learns the mean motion between random pairs of early and late cells: the simplest flow matching."
    paper = "Tong et al., TMLR 2024, arXiv:2302.00482"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.net.parameters()),)),)

    def loss(self, batch: Batch) -> Loss:
        pairs = sample_batch(Independent(), batch)
        return flow_matching_loss(self.net, sample_path(self.path, pairs, batch.rng), self.spec)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)
