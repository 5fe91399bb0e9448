"""Conditional flow matching on trigonometric paths between independent pairs, which preserve the variance.

Albergo & Vanden-Eijnden, "Building normalizing flows with stochastic interpolants", ICLR 2023, arXiv:2209.15571, in the
form of Tong et al., TMLR 2024, arXiv:2302.00482, table 1. Straight paths between independent pairs shrink the cloud
half-way (to the standard deviation 1 / sqrt(2) between standard Gaussians); with y = x - mean(t) the paths

    y_t = cos(pi s / 2) y0 + sin(pi s / 2) y1 + sigma eps,    u_t = pi / (2 T) (cos(pi s / 2) y1 - sin(pi s / 2) y0)

have variance cos^2 var0 + sin^2 var1. Paths and targets are torchcfm's, for y: the mean itself moves straight from one
time to the next, so that the method does not depend on the origin of the axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchcfm.conditional_flow_matching import VariancePreservingConditionalFlowMatcher

from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import at_fraction
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.ot_solvers import Independent
from cellflow_core.models.transport.pair_sampler import sample_batch


@dataclass(frozen=True)
class Settings(PathNoiseSettings, MLPSettings):
    """Path noise and network."""


class VPCFM(DynamicsModel, HasVelocity):
    title = "VP-CFM"
    summary = "Learns the mean motion between random pairs of cells on curved paths that preserve the variance."
    paper = "Albergo & Vanden-Eijnden, ICLR 2023, arXiv:2209.15571"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.path = VariancePreservingConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.net.parameters()),), prepare=_means),)

    def loss(self, batch: Batch) -> Loss:
        """E |v - u|^2 in units of the velocity scale."""
        pair = sample_batch(Independent(), batch)
        mean0, mean1 = (each.repeat_interleave(batch.x.shape[1], dim=0) for each in (batch.pool[:-1], batch.pool[1:]))
        y0, y1 = pair.x0 - mean0, pair.x1 - mean1
        s = torch.rand(len(y0), generator=batch.rng, device=y0.device)
        epsilon = torch.randn(y0.shape, generator=batch.rng, device=y0.device)
        y = self.path.sample_xt(y0, y1, s, epsilon)
        slope = self.path.compute_conditional_flow(y0, y1, s[:, None], y) + mean1 - mean0
        at = at_fraction(pair, s, y + torch.lerp(mean0, mean1, s[:, None]), slope)
        return flow_matching_loss(self.net, at, self.spec)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)


def _means(frames: SnapshotTensors, rng: torch.Generator) -> Float[Tensor, "times dim"]:
    return torch.stack([x.mean(dim=0) for x in frames.x])
