"""Metric Flow Matching: ways between paired cells that bend towards where cells were measured.

Kapusniak et al., "Metric flow matching for smooth interpolations on the data manifold", NeurIPS 2024, arXiv:2405.14780.
First the ways are learnt (equations 5 and 8 there; s is the share of the gap that has passed),

    m(s) = (1-s) x0 + s x1 + 2 s (1-s) f(x0, x1, s),      min over f of E [m'(s)^T G(m(s)) m'(s)],

with a diagonal metric G that is small among the cells of all training times and large away from them (math/metric.py);
the energy is divided by that of the straight ways. Then a velocity is fitted to m'(s) as in OT-CFM. The pairs come from
one exact plan of all cells. The reference settings are numbers for one data set each (for example a bandwidth of 0.125
spreads); here they are counted in distances between neighbours, so that they carry over (math/metric.py). On four inner
times of real data the default floor brought ways 7 to 10 % nearer to two and 7 to 9 % farther from two; 1 hardly bends.

Our addition, not in the paper: with `coupling` unbalanced the pairs are those of flow_matching/uot_cfm.py, which says
what follows, and a second network learns how cells multiply or die on the bent ways. The ways are learnt without mass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.riemannian_metric import Metric, metric
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss, unbalanced_flow_matching_loss
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.growth_penalty import GrowthPenalty

SAMPLE = 2048
"""Pairs of each interval that the energy of straight ways is taken from."""


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(0.1, "width of the path around the bent way", 0.0, 10.0, "spreads of the data")
    coupling: Literal["exact", "minibatch", "independent", "unbalanced"] = setting(
        "exact",
        "transport plan of all cells once, of each batch, random pairs, or a plan in which cells multiply or die",
    )
    rho: float = setting(
        0.0,
        "unbalanced: price of growth against the way: dear growth is even growth; 0: chosen by leaving out inner times "
        "of the training cells",
        0.0,
        1e4,
        "mean squared distances",
    )
    relax: Literal["source", "both"] = setting(
        "source", "unbalanced: whose mass has the price, that of the earlier cells alone or that of both"
    )
    epsilon: float = setting(0.02, "unbalanced: blur of the pairs", 0.005, 10.0, "mean squared distances")
    metric: Literal["land", "rbf"] = setting(
        "land", "from the cells themselves (few axes), or from clusters of them (many axes)"
    )
    bandwidth: float = setting(
        1.0,
        "how far a cell makes space short",
        0.01,
        100.0,
        "distances to the fifth neighbour, or spreads of a cluster",
    )
    floor: float = setting(
        0.1, "how many times more cells there are among the cells than far from them, inverted", 1e-6, 1e3
    )
    power: float = setting(1.0, "how strongly ways are drawn to cells", 0.01, 10.0)
    clusters: int = setting(100, "clusters of the metric from clusters", 1, 10_000)


class NeuralGeodesic(nn.Module):
    """The way m(s) between two cells; a path for `matching.flow_matching_loss`."""

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__()
        both = replace(spec, dim=2 * spec.dim, center=spec.center * 2, times=(0.0, 1.0), interval=1.0)
        self.bend = TimeMLP(both, spec.dim, config.width, config.depth, spec.scale)
        self.sigma = config.sigma * spec.scale

    def way(
        self, x0: Float[Tensor, "pairs dim"], x1: Float[Tensor, "pairs dim"], s: Float[Tensor, " pairs"]
    ) -> tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]]:
        """m(s) (state) and m'(s) (state a gap)."""
        bend, change = self.bend.value_and_time_derivative(s, torch.cat([x0, x1], dim=1))
        passed = s[:, None]
        room = 2 * passed * (1 - passed)
        return torch.lerp(x0, x1, passed) + room * bend, x1 - x0 + 2 * (1 - 2 * passed) * bend + room * change

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        with torch.no_grad():
            return self.way(x0, x1, t)[0] + self.sigma * epsilon

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor:
        with torch.no_grad():
            return self.way(x0, x1, t)[1]


@dataclass(frozen=True)
class MetricContext:
    """What the ways are learnt from: pairs where they are drawn from a plan, the metric of all cells, and the mean
    energy of straight ways under it (state^2)."""

    pairs: Any
    metric: Metric
    straight: Tensor


class MetricFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "Metric Flow Matching"
    summary = "As OT-CFM, but the ways bend to stay where cells were measured instead of cutting through empty space."
    paper = "Kapusniak et al., NeurIPS 2024, arXiv:2405.14780"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.path = NeuralGeodesic(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        grows = config.coupling == "unbalanced"
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval) if grows else None
        self.growth_penalty = GrowthPenalty(config.rho, config.relax) if grows else None

    def phases(self) -> tuple[Phase, ...]:
        fitted = [each for net in (self.net, self.rate) if net is not None for each in net.parameters()]
        return (
            Phase(
                "ways", (Update(self.geodesic_loss, self.path.parameters()),), step_fraction=1.0, prepare=self.ground
            ),
            Phase("flow", (Update(self.flow, fitted),), step_fraction=3.0, prepare=self.pool),
        )

    def pool(self, frames: SnapshotTensors, rng: torch.Generator) -> pair_sampler.PairSampler | None:
        if self.growth_penalty is not None:
            return self.growth_penalty.prepare(frames, rng, self.config.epsilon)
        return pair_sampler.prepare(self.config.coupling, frames, rng)

    def ground(self, frames: SnapshotTensors, rng: torch.Generator) -> MetricContext:
        """The plans, and the metric of the cells of all times (cells kept aside for validation get their own)."""
        of = self.config
        cells = torch.cat(frames.x)
        made = metric(of.metric, cells, of.bandwidth, of.floor, of.power, of.clusters, rng)
        pool = self.pool(frames, rng)
        pair = pair_sampler.sample(of.coupling, frames.batch(SAMPLE, rng, pool))
        s = torch.rand(len(pair.x0), 1, generator=rng, device=pair.x0.device)
        straight = ((pair.x1 - pair.x0).square() * made(torch.lerp(pair.x0, pair.x1, s))).mean()
        return MetricContext(pool, made, straight.clamp_min(torch.finfo(straight.dtype).tiny))

    def geodesic_loss(self, batch: Batch) -> Loss:
        """Energy of the ways under the metric over that of the straight ways; 1 in the mean where nothing bends."""
        ground: MetricContext = batch.pool
        pair = pair_sampler.sample(self.config.coupling, replace(batch, pool=ground.pairs))
        s = torch.rand(len(pair.x0), generator=batch.rng, device=pair.x0.device)
        at, speed = self.path.way(pair.x0, pair.x1, s)
        total = (speed.square() * ground.metric(at)).mean() / ground.straight
        return Loss(total, {"energy": total.detach()})

    def flow(self, batch: Batch) -> Loss:
        pair = pair_sampler.sample(self.config.coupling, batch)
        if self.rate is None:
            return flow_matching_loss(self.net, self.path, pair, batch, self.spec)
        return unbalanced_flow_matching_loss(self.net, self.rate, self.path, pair, batch, self.spec)

    def notes(self) -> tuple[str, ...]:
        return () if self.growth_penalty is None else self.growth_penalty.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """Raises ValueError where the coupling is balanced: nothing was learnt of growth."""
        if self.rate is None:
            raise ValueError(
                f"with coupling {self.config.coupling!r} {self.title} learns no growth: train with 'unbalanced'"
            )
        return self.rate(t, x)[:, 0]
