"""Multi-marginal flow matching: flow matching on ways that are smooth through all measured times.

Rohbeck et al., "Modeling complex system dynamics with flow matching across time and conditions", ICLR 2025: the cells
of consecutive times are paired by optimal transport, a cubic spline is laid through each chain of partners, and a
velocity is fitted to the slope of the splines, as in OT-CFM to straight lines. Cells then do not turn a corner at each
measured time, and a time between two others is told by those farther off as well.

    x_s = x(s) + sigma z,    E |v(t, x_s) - x'(s) / (t1 - t0)|^2 -> min,    z standard normal, s the share of the gap

Ours, not in the paper: the ways x(s) are those of models/bends.py, with slopes of the mean motion around a pair's two
cells that do not overshoot where gaps are unlike, instead of a natural spline through each chain. And with `coupling`
unbalanced the pairs are those of flow_matching/uot_cfm.py, which says what follows, and a second network learns how
cells multiply or die on the bent ways. The paper's guidance by conditions is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.spline import hermite_offset, hermite_offset_derivative
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss, unbalanced_flow_matching_loss
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.spline_paths import with_spline_paths
from cellflow_core.models.transport import pair_sampler, transport_plans


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(0.1, "width of the path around the bent way", 0.0, 10.0, "spreads of the data")
    coupling: Literal["blockwise", "exact", "unbalanced"] = setting(
        "blockwise",
        "exact plan of parts of 1,024 cells, of all cells at once (full), or a plan in which cells multiply or die",
    )
    rho: float = setting(
        3.0,
        "unbalanced: price of growth against the way: dear growth is even growth",
        1e-3,
        1e4,
        "mean squared distances",
    )
    epsilon: float = setting(0.02, "unbalanced: blur of the pairs", 0.005, 10.0, "mean squared distances")


@dataclass(frozen=True)
class HermitePath:
    """The ways of these pairs; a path for `matching.flow_matching_loss`."""

    bends: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]]
    sigma: float

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        s = t[:, None]
        return torch.lerp(x0, x1, s) + hermite_offset(s, *self.bends) + self.sigma * epsilon

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor:
        return x1 - x0 + hermite_offset_derivative(t[:, None], *self.bends)


class MMFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "Multi-marginal Flow Matching"
    summary = "As OT-CFM, but the ways go smoothly through all measured times instead of turning a corner at each."
    paper = "Rohbeck et al., ICLR 2025 (openreview hwnObmOTrV)"
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        grows = config.coupling == "unbalanced"
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval) if grows else None

    def phases(self) -> tuple[Phase, ...]:
        fitted = [each for net in (self.net, self.rate) if net is not None for each in net.parameters()]
        return (Phase("flow", (Update(self.loss, fitted),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> pair_sampler.PairSampler:
        how = transport_plans.OTConfig(epsilon=self.config.epsilon, rho=self.config.rho)
        return pair_sampler.PairSampler.from_plans(
            with_spline_paths(transport_plans.plans(self.config.coupling, frames, rng, how))
        )

    def loss(self, batch: Batch) -> Loss:
        pair = pair_sampler.sample(self.config.coupling, batch)
        assert pair.tangent_offsets is not None
        path = HermitePath(pair.tangent_offsets, self.config.sigma * self.spec.scale)
        if self.rate is None:
            return flow_matching_loss(self.net, path, pair, batch, self.spec)
        return unbalanced_flow_matching_loss(self.net, self.rate, path, pair, batch, self.spec)

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
