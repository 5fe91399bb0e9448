"""Conditional flow matching along Brownian bridges between pairs of entropic transport: the Schroedinger bridge's flow.

Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", TMLR 2024,
arXiv:2302.00482. Pairs come from the entropic plan of all cells with regularisation 2 sigma^2 T, T = t1 - t0, which is
the static Schroedinger bridge of Brownian motion of diffusion coefficient sigma; paths and targets are torchcfm's:

    x_t = (1-s) x0 + s x1 + sigma sqrt(T s (1-s)) eps,    s = (t - t0) / T
    u_t = (x1 - x0) / T + (1-2s) sigma eps / (2 sqrt(T s (1-s)))

The flow of v = E[u_t | x_t] has the marginals of the bridge; noise and score are not learnt (`sf2m` does).
The variance of u_t grows like 1 / (s (1-s)) towards both ends: each point has the weight 4 s (1-s) in the loss, which
leaves the minimiser as it is and makes the variance of the gradient finite. And v jumps at every measured time, by
sigma^2 times the score, which a smooth network would smooth out: the network gives the two parts of v = d + (1-2s) h,
which jump less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchcfm import SchrodingerBridgeConditionalFlowMatcher

from cellflow_core.config import with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import velocity_error
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import interval_fraction, sample_path
from cellflow_core.models.paths.settings import DiffusionSettings
from cellflow_core.models.transport.ot_solvers import StaticBridge
from cellflow_core.models.transport.pair_sampler import Pairing


@dataclass(frozen=True)
class Settings(DiffusionSettings, MLPSettings):
    sigma: float = with_default(DiffusionSettings, "sigma", 0.25, low=0.1)


class SBCFM(DynamicsModel, HasVelocity):
    title = "SB-CFM"
    summary = "Pairs cells by the Schroedinger bridge of Brownian motion and learns the mean motion of the bridge."
    paper = "Tong et al., TMLR 2024, arXiv:2302.00482"

    Config = Settings
    config: Settings

    times: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, 2 * spec.dim, config.width, config.depth, velocity_scale(spec))  # d and h above
        self.path = SchrodingerBridgeConditionalFlowMatcher(sigma=config.sigma * spec.scale)  # bridges of one interval
        self.pairing = Pairing(StaticBridge(config.sigma * spec.scale / spec.interval**0.5))
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.net.parameters()),), prepare=self.pairing.prepare),)

    def loss(self, batch: Batch) -> Loss:
        """E 4 s (1-s) |v - u|^2 in units of the velocity scale."""
        pair = self.pairing.sample(batch)
        interval = (pair.t1 - pair.t0)[:, None]
        at = sample_path(self.path, pair, batch.rng, noise_scale=(interval / self.spec.interval).sqrt())
        s = at.s[:, None]
        error = velocity_error(lambda t, x: self._velocity(t, x, at.s), at, self.spec)
        total = at.mean(4 * s * (1 - s) * error.square())
        return Loss(total, {"velocity": total.detach()})

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self._velocity(t, x, interval_fraction(t, self.times))

    def _velocity(self, t: Tensor, x: Tensor, s: Tensor) -> Tensor:
        displacement, score_part = self.net(t, x).chunk(2, dim=1)  # d and h above
        return displacement + (1 - 2 * s)[:, None] * score_part
