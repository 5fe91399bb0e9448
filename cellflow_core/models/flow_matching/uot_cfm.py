"""Conditional flow matching on pairs of unbalanced transport: cells move, and multiply or die on the way.

Eyring et al., "Unbalancedness in neural Monge maps improves unpaired domain translation", ICLR 2024, arXiv:2311.15100:
the pairs of flow matching come from a plan P whose marginals may be left at a price, and the marginals tell how the
mass of each cell changes. Here the later cells are met as they are, and each of the n earlier cells leaves behind
p_i = sum_j P_ij of them at the price rho KL(p | 1/n), as in Waddington-OT, and in Eyring et al. with tau_b = 1. All
pairs of a cell grow at the rate

    r = log(n p_i) / T,    T = t1 - t0.

With the price on both sides (tau_b below 1 there) P is what travels, and each pair takes its share of both cells along:
m_ij(t0) = P_ij / (n p_i), m_ij(t1) = P_ij / (m q_j), q_j = sum_i P_ij (times the sum of P below), and grows at the rate
r = log(m_ij(t1) / m_ij(t0)) / T.

The sum of P is the number of cells at t1 over that at t0 where these numbers are known, and 1 where they are not:
growth is then known up to one constant for each interval, since shares of cells do not tell their number.

Along its straight way a pair has the mass m_ij(s) = m_ij(t1) exp((s - 1) r T), s = (t - t0) / T, where m_ij(t1) = P_ij
with the price on one side: 1/n a cell at t0, the later cells at t1. A crowd of such moving and growing points (as in
WFR-FM, Peng et al., arXiv:2601.06810) solves

    d p / dt = -div(v p) + g p,    v = E_m[(x1 - x0) / T | x_t],    g = E_m[r | x_t],

so both networks are fitted with weight m: velocity and growth together carry the measured cells of one time to those of
the next. (Eyring et al. weigh all points of a way alike.) Growth and transport cannot be told apart from snapshots
alone: mass is grown in place rather than brought over a squared distance above `price` times the log of the ratio.
The price is chosen by leaving out inner times of the training cells (models/price.py) unless it is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import unbalanced_flow_matching_loss
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.growth_penalty import GrowthPenalty


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(0.1, "width of the path around the straight line", 0.0, 10.0, "spreads of the data")
    rho: float = setting(
        0.0,
        "price of growth against the way: dear growth is even growth; 0: chosen by leaving out inner times of the "
        "training cells",
        0.0,
        1e4,
        "mean squared distances",
    )
    relax: Literal["source", "both"] = setting(
        "source", "whose mass has the price, that of the earlier cells alone or that of both"
    )
    epsilon: float = setting(0.02, "blur of the pairs", 0.005, 10.0, "mean squared distances")


class UOTCFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "UOT-CFM"
    summary = "Pairs early with late cells, lets some of them multiply and others die, and learns motion and growth."
    paper = "Eyring et al., ICLR 2024, arXiv:2311.15100"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.growth_penalty = GrowthPenalty(config.rho, config.relax)
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        prepare = partial(self.growth_penalty.prepare, epsilon=self.config.epsilon)
        return (Phase("flow and growth", (Update(self.loss, self.parameters()),), prepare=prepare),)

    def loss(self, batch: Batch) -> Loss:
        return unbalanced_flow_matching_loss(
            self.net, self.rate, self.path, pair_sampler.sample("unbalanced", batch), batch, self.spec
        )

    def notes(self) -> tuple[str, ...]:
        return self.growth_penalty.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]
