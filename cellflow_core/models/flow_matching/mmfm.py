"""Multi-marginal flow matching: flow matching on paths that are smooth through all measured times.

Rohbeck et al., "Modeling complex system dynamics with flow matching across time and conditions", ICLR 2025: the cells
of consecutive times are paired by optimal transport, a cubic spline is laid through each chain of partners, and a
velocity is fitted to the derivative of the splines, as in OT-CFM to straight lines. Velocities then do not jump at each
measured time, and a time between two others depends on those farther off as well.

    x_s = x(s) + sigma z,    E |v(t, x_s) - x'(s) / (t1 - t0)|^2 -> min,    z standard normal, s the elapsed fraction

Ours, not in the paper: the paths x(s) are those of paths/spline_paths.py, with tangents of the mean motion around a
pair's two cells that do not overshoot where intervals differ, instead of a natural spline through each chain. And with
`coupling` unbalanced the pairs are those of flow_matching/uot_cfm.py, with its equations, and a second network learns
how cells divide or die along the curved paths. The paper's guidance by conditions is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.spline import hermite_offset, hermite_offset_derivative
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import sample_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.paths.spline_paths import with_spline_paths
from cellflow_core.models.transport.ot_solvers import Unbalanced, coupling
from cellflow_core.models.transport.pair_sampler import Pairing, PairSampler
from cellflow_core.models.transport.settings import OptionalGrowthSettings


@dataclass(frozen=True)
class Settings(OptionalGrowthSettings, PathNoiseSettings, MLPSettings):
    coupling: Literal["blockwise", "exact", "unbalanced"] = setting(
        "blockwise",
        "exact optimal transport in blocks of 1,024 cells or over all cells, or unbalanced transport, in which cells "
        "divide and die",
    )


@dataclass(frozen=True)
class HermitePath:
    """The Hermite splines of these pairs, a `ConditionalPath`."""

    tangent_offsets: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]]
    sigma: float

    def sample_xt(self, x0: Tensor, x1: Tensor, t: Tensor, epsilon: Tensor) -> Tensor:
        s = t[:, None]
        return torch.lerp(x0, x1, s) + hermite_offset(s, *self.tangent_offsets) + self.sigma * epsilon

    def compute_conditional_flow(self, x0: Tensor, x1: Tensor, t: Tensor, xt: Tensor) -> Tensor:
        return x1 - x0 + hermite_offset_derivative(t[:, None], *self.tangent_offsets)


class MMFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "Multi-marginal Flow Matching (after Rohbeck et al.)"
    summary = "As OT-CFM, but paths are smooth through all measured times: velocities do not jump there."
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
        self.pairing = Pairing(coupling(config.coupling, Unbalanced(config.epsilon, config.rho)))

    def phases(self) -> tuple[Phase, ...]:
        fitted = [each for net in (self.net, self.rate) if net is not None for each in net.parameters()]
        return (Phase("flow", (Update(self.loss, fitted),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> PairSampler:
        """The plan of each interval, with paths that are smooth in measured time."""
        plans = self.pairing.plans(frames, rng)
        smooth = with_spline_paths(tuple(self.clock.measured(plan) for plan in plans))
        return PairSampler.from_plans(
            tuple(replace(a, tangent_offsets=b.tangent_offsets) for a, b in zip(plans, smooth, strict=True))
        )

    def loss(self, batch: Batch) -> Loss:
        pair = self.pairing.sample(batch)
        assert pair.tangent_offsets is not None
        path = HermitePath(pair.tangent_offsets, self.config.sigma * self.spec.scale)
        return flow_matching_loss(self.net, sample_path(path, pair, batch.rng), self.spec, self.rate)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        """Raises ValueError where the coupling is balanced: no growth was learnt."""
        if self.rate is None:
            raise ValueError(
                f"with coupling {self.config.coupling!r} {self.title} learns no growth: train with 'unbalanced'"
            )
        return self.rate(t, x)[:, 0]
