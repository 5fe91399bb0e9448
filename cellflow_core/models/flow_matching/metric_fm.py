"""Metric Flow Matching: paths between paired cells that follow the data manifold.

Kapusniak et al., "Metric flow matching for smooth interpolations on the data manifold", NeurIPS 2024, arXiv:2405.14780.
First the paths are learnt (equations 5 and 8 there; s is the elapsed fraction of the interval),

    m(s) = (1-s) x0 + s x1 + 2 s (1-s) f(x0, x1, s),      min over f of E [m'(s)^T G(m(s)) m'(s)],

with a diagonal metric G that is small among cells and large away from them (math/riemannian_metric.py). As in the
authors' program each interval has a metric of its own, from the cells of its two ends; with `metric_cells` all, one
metric from the cells of all training times serves every interval. The energy is divided by that of the straight paths.
Then a velocity is fitted to m'(s) as in OT-CFM. The pairs come from one exact plan of all cells. The reference settings
are numbers for one data set each (for example a bandwidth of 0.125 standard deviations); here they are in distances
between neighbours, so that they carry over. At a floor of 1 paths are nearly straight.

Our addition, not in the paper: with `coupling` unbalanced the pairs are those of flow_matching/uot_cfm.py, with its
equations, and a second network learns how cells divide or die along the curved paths. The paths are learnt without
mass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.riemannian_metric import Metric, metric
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.neural_path import NeuralPath
from cellflow_core.models.paths.path_sample import sample_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.growth_penalty import GrowthPenalty
from cellflow_core.models.transport.ot_solvers import coupling
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import RELAX_HELP, OptionalGrowthSettings, UnbalancedSettings

SAMPLE = 2048
"""Pairs of each interval that the energy of straight paths is estimated from."""


@dataclass(frozen=True)
class Settings(OptionalGrowthSettings, PathNoiseSettings, MLPSettings):
    coupling: Literal["exact", "minibatch", "independent", "unbalanced"] = setting(
        "exact",
        "exact optimal transport over all cells or in each batch, independent pairs, or unbalanced transport, in which "
        "cells divide and die",
    )
    rho: float = with_default(UnbalancedSettings, "rho", 0.0)
    relax: Literal["source", "both"] = setting("source", f"unbalanced: {RELAX_HELP}")
    metric: Literal["land", "rbf"] = setting(
        "land",
        "data-dependent metric G: LAND from the cells (few dimensions), or RBF from clusters of them (many dimensions)",
        choice_labels={"land": "LAND", "rbf": "RBF"},
    )
    metric_cells: Literal["interval", "all"] = setting(
        "interval",
        "cells that the metric is made from: in each interval those of its two measured times, or in every interval "
        "those of all times",
        choice_labels={"interval": "two times of the interval", "all": "all times"},
        label="Cells of the metric",
    )
    bandwidth: float = setting(
        1.0,
        "bandwidth of the kernels of the metric",
        0.01,
        100.0,
        "distances to the fifth neighbour (LAND), or standard deviations of a cluster (RBF)",
    )
    floor: float = setting(
        0.1,
        "regularisation of the metric, relative to the density among the cells: larger, straighter paths",
        1e-6,
        1e3,
        label="Metric regularisation",
    )
    power: float = setting(
        1.0,
        "exponent of the metric: larger, stronger attraction of paths to cells",
        0.01,
        10.0,
        label="Exponent of the metric",
    )
    clusters: int = setting(100, "RBF: number of clusters", 1, 10_000, label="Number of clusters")


@dataclass(frozen=True)
class MetricContext:
    """What the paths are learnt from.

    pairs     where they are sampled from a plan, else None
    metrics   one for each interval, or one for all
    straight  mean energy of straight paths under them (state^2)
    """

    pairs: Any
    metrics: tuple[Metric, ...]
    straight: Tensor


class MetricFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "Metric Flow Matching"
    summary = "As OT-CFM, but paths follow the measured cells instead of cutting through empty space."
    paper = "Kapusniak et al., NeurIPS 2024, arXiv:2405.14780"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
        "growth": ("coupling", ("unbalanced",))
    }

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.path = NeuralPath(spec, config.width, config.depth, config.sigma * spec.scale)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        grows = config.coupling == "unbalanced"
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval) if grows else None
        self.growth_penalty = GrowthPenalty(config.rho, config.epsilon, config.relax) if grows else None
        self.pairing = Pairing(self.growth_penalty.coupling if self.growth_penalty else coupling(config.coupling))

    def phases(self) -> tuple[Phase, ...]:
        fitted = [each for net in (self.net, self.rate) if net is not None for each in net.parameters()]
        return (
            Phase(
                "paths", (Update(self.geodesic_loss, self.path.parameters()),), step_fraction=1.0, prepare=self.prepare
            ),
            Phase("flow", (Update(self.flow, fitted),), step_fraction=3.0, prepare=self.pairing.prepare),
        )

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> MetricContext:
        """The plans, and the metrics of the cells (those held out for validation get their own)."""
        metrics = self.metrics(frames, rng)
        pairs = self.pairing.prepare(frames, rng)
        pair = self.pairing.sample(frames.batch(SAMPLE, rng, pairs))
        s = torch.rand(len(pair.x0), 1, generator=rng, device=pair.x0.device)
        straight = _energy(metrics, torch.lerp(pair.x0, pair.x1, s), pair.x1 - pair.x0)
        return MetricContext(pairs, metrics, straight.clamp_min(torch.finfo(straight.dtype).tiny))

    def metrics(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[Metric, ...]:
        """The metric of each interval, from the cells of its two times, or that of the cells of all times."""
        config = self.config
        groups = [frames.x] if config.metric_cells == "all" else list(pairwise(frames.x))
        return tuple(
            metric(config.metric, torch.cat(x), config.bandwidth, config.floor, config.power, config.clusters, rng)
            for x in groups
        )

    def geodesic_loss(self, batch: Batch) -> Loss:
        """Energy of the paths under the metric over that of straight paths; 1 in the mean where all are straight."""
        context: MetricContext = batch.pool
        pair = self.pairing.sample(replace(batch, pool=context.pairs))
        s = torch.rand(len(pair.x0), generator=batch.rng, device=pair.x0.device)
        at, velocity = self.path.path(pair.x0, pair.x1, s)
        total = _energy(context.metrics, at, velocity) / context.straight
        return Loss(total, {"energy": total.detach()})

    def flow(self, batch: Batch) -> Loss:
        at = sample_path(self.path, self.pairing.sample(batch), batch.rng)
        return flow_matching_loss(self.net, at, self.spec, self.rate)

    def notes(self) -> tuple[str, ...]:
        selected = () if self.growth_penalty is None else self.growth_penalty.notes()
        return (*selected, *self.pairing.notes())

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


def _energy(
    metrics: tuple[Metric, ...], x: Float[Tensor, "pairs dim"], velocity: Float[Tensor, "pairs dim"]
) -> Float[Tensor, ""]:
    """Mean over pairs and axes of G v^2 (state^2), where the pairs of the intervals follow each other, as many each."""
    tensor = torch.cat([each(part) for each, part in zip(metrics, x.chunk(len(metrics)), strict=True)])
    return (velocity.square() * tensor).mean()
