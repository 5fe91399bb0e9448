"""Conditional flow matching on pairs of unbalanced transport: cells move, and divide or die along their paths.

Eyring et al., "Unbalancedness in neural Monge maps improves unpaired domain translation", ICLR 2024, arXiv:2311.15100:
the pairs of flow matching come from a plan P with relaxed marginals, which give the change of mass of each cell. Here
the target marginal holds exactly, and each of the n earlier cells has p_i = sum_j P_ij of descendants with the penalty
rho KL(p | 1/n), as in Waddington-OT, and in Eyring et al. with tau_b = 1. All pairs of a cell grow at the rate

    r = log(n p_i) / T,    T = t1 - t0.

With both marginals relaxed (tau_b below 1 there) P is the transported mass, and each pair has its fraction of both
cells: m_ij(t0) = P_ij / (n p_i), m_ij(t1) = P_ij / (m q_j), q_j = sum_i P_ij (times the sum of P below), and grows at
the rate r = log(m_ij(t1) / m_ij(t0)) / T.

The sum of P is the number of cells at t1 over that at t0 where these numbers are known, and 1 where they are not:
growth is then known up to one constant for each interval, since proportions of cells do not give their number.

Along its straight path a pair has the mass m_ij(s) = m_ij(t1) exp((s - 1) r T), s = (t - t0) / T, where m_ij(t1) = P_ij
with one relaxed marginal: 1/n a cell at t0, the later cells at t1. A population of such moving and growing points (as
in WFR-FM, Peng et al., arXiv:2601.06810) solves

    d p / dt = -div(v p) + g p,    v = E_m[(x1 - x0) / T | x_t],    g = E_m[r | x_t],

so both networks are fitted with weight m: velocity and growth together transport the measured cells of one time to
those of the next. (Eyring et al. weigh all points of a path alike.) Growth and transport cannot be separated by
snapshots alone: mass grows in place rather than being transported over a squared distance above rho times the log of
the ratio. rho is selected by leaving out inner times of the training cells (transport/growth_penalty.py) unless it is
set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import sample_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.growth_penalty import GrowthPenalty
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import RELAX_HELP, UnbalancedSettings


@dataclass(frozen=True)
class Settings(UnbalancedSettings, PathNoiseSettings, MLPSettings):
    relax: Literal["source", "both"] = setting("source", RELAX_HELP)


class UOTCFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "UOT-CFM"
    summary = "Pairs cells by unbalanced transport, in which some divide and others die, and learns motion and growth."
    paper = "Eyring et al., ICLR 2024, arXiv:2311.15100"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.growth_penalty = GrowthPenalty(config.rho, config.epsilon, config.relax)
        self.pairing = Pairing(self.growth_penalty.coupling)
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow and growth", (Update(self.loss, self.parameters()),), prepare=self.pairing.prepare),)

    def loss(self, batch: Batch) -> Loss:
        at = sample_path(self.path, self.pairing.sample(batch), batch.rng)
        return flow_matching_loss(self.net, at, self.spec, self.rate)

    def notes(self) -> tuple[str, ...]:
        return (*self.growth_penalty.notes(), *self.pairing.notes())

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]
