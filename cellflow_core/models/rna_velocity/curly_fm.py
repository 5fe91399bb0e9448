"""Curly Flow Matching: paths between measured times that follow the RNA velocity, so that they may go round.

Petrovic et al., "Curly flow matching for learning non-gradient field dynamics", NeurIPS 2025, arXiv:2510.26645. The
Schroedinger bridge to the reference dX = f dt + sigma dW, whose drift f is the RNA velocity of the cells nearby
(Nadaraya 1964; Watson 1964), is approximated in two stages; s is the elapsed fraction of an interval of length T:

    1. paths m(s) between independent pairs of cells, min over the network of E |m'(s) / T - f(m(s))|^2;
    2. couplings of optimal transport whose cost is the action  int_0^1 |m'(s) / T - f(m(s))|^2 ds  of the path between
       two cells, and flow matching to m'(s) / T along the paths of these pairs.

Where cells of mixed phases turn, each cloud is the same as the one before: transport by distance sees no motion, while
the action is small only for pairs of which one is where its velocity leads the other.

Departures: plans are solved once, in blocks of cells, not for each batch; the velocity of the probability flow is
learnt and not the score; f of an interval is that of the cells of its two ends, weighted by the time to each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.ot import cost_plan, in_blocks
from cellflow_core.models.clock import Clock
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, TransportPlan, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.neural_path import NeuralPath
from cellflow_core.models.paths.path_sample import at_fraction
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.ot_solvers import Independent
from cellflow_core.models.transport.pair_sampler import Pairs, PairSampler, sample_batch

CELLS = 1000
"""Cells of each time that the reference drift is made from; where there are more, a random sample."""
MOST_BLOCKS = 16
"""Blocks of cells of an interval that are coupled; where there are more, a random choice."""
PART = 4096
"""Pairs whose action is computed at once."""


@dataclass(frozen=True)
class Settings(PathNoiseSettings, MLPSettings):
    neighbors: int = setting(
        10,
        "nearest cells k whose distance is the width of the kernel that averages velocities: larger, a smoother drift",
        1,
        500,
        label="Nearest cells k of the reference drift",
    )
    block: int = setting(256, "cells of each time that are coupled with each other", 2, 2048, label="Coupling block")
    action_steps: int = setting(4, "points in time at which the action of a path is evaluated", 1, 64)


@dataclass(frozen=True)
class ReferenceDrift:
    """Kernel mean of the velocities of the cells at the two ends of an interval (state / time).

    x, v   cells and velocities of each end; width: of the Gaussian kernel (state)
    """

    x: tuple[Tensor, Tensor]
    v: tuple[Tensor, Tensor]
    width: tuple[Tensor, Tensor]

    def __call__(self, s: Float[Tensor, " n"], x: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """At the fraction s of the interval."""
        first, last = (self._mean(k, x) for k in (0, 1))
        return torch.lerp(first, last, s[:, None])

    def _mean(self, k: int, x: Tensor) -> Tensor:
        squared = x.square().sum(dim=1)[:, None] + self.x[k].square().sum(dim=1) - 2 * x @ self.x[k].T
        return torch.softmax(-squared / (2 * self.width[k] ** 2), dim=1) @ self.v[k]


@dataclass(frozen=True)
class CurlyPool:
    """What the losses need besides the cells: the reference drift of each interval, and pairs once they are coupled."""

    drifts: tuple[ReferenceDrift, ...]
    pairs: PairSampler | None = None


class CurlyFM(DynamicsModel, HasVelocity):
    title = "Curly-FM (after Petrović et al. 2025)"
    summary = (
        "Joins the cells of consecutive times along paths that follow their RNA velocity: rotation, such as the cell "
        "cycle, is kept where other flow matching sees none."
    )
    limitation = (
        "Between the measured times this model follows the RNA velocities that it was given: a coherent field is not a "
        "right one, and where the velocities are wrong together, so are its paths."
    )
    paper = "Petrović et al., NeurIPS 2025, arXiv:2510.26645"
    needs = frozenset({DataRequirement.TIMES, DataRequirement.VELOCITY})
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 2000, "batch_size": 128}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.path = NeuralPath(spec, config.width, config.depth, config.sigma * spec.scale, by_interval=True)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("paths", (Update(self.path_loss, self.path.parameters()),), prepare=self.reference),
            Phase("flow", (Update(self.flow, self.net.parameters()),), prepare=self.couple),
        )

    def reference(self, frames: SnapshotTensors, rng: torch.Generator) -> CurlyPool:
        """The reference drift of every interval; for data on a clock, in state per unit of the clock."""
        kept = [torch.randperm(len(x), generator=rng, device=x.device)[:CELLS] for x in frames.x]
        x = [each[rows] for each, rows in zip(frames.x, kept, strict=True)]
        v = [each[rows] for each, rows in zip(frames.cell_data["velocity"], kept, strict=True)]
        width = [_kernel_width(each, self.config.neighbors) for each in x]
        speed = _speeds(self.clock, frames.times)
        return CurlyPool(
            tuple(
                # a velocity counts by the interval that follows its time: here, by the one before it
                ReferenceDrift((x[k], x[k + 1]), (v[k], v[k + 1] * (speed[k + 1] / speed[k])), (width[k], width[k + 1]))
                for k in range(len(x) - 1)
            )
        )

    @torch.no_grad()
    def couple(self, frames: SnapshotTensors, rng: torch.Generator) -> CurlyPool:
        """Plans of all intervals by the action of the learnt paths."""
        pool, plans = self.reference(frames, rng), []
        for k, drift in enumerate(pool.drifts):
            x0, x1 = frames.x[k], frames.x[k + 1]
            t0, t1 = frames.times[k], frames.times[k + 1]
            blocks = in_blocks(len(x0), len(x1), self.config.block, self.config.block, rng)[:MOST_BLOCKS]
            parts = []
            for i, j in blocks:
                row, column, mass = cost_plan(self._actions(drift, x0[i], x1[j], t0, t1))
                parts.append((x0[i[row]], x1[j[column]], mass / len(blocks)))
            first, last, mass = (torch.cat(part) for part in zip(*parts, strict=True))
            plans.append(TransportPlan(float(t0), float(t1), first, last, mass))
        return replace(pool, pairs=PairSampler.from_plans(tuple(plans)))

    def _actions(self, drift: ReferenceDrift, x0: Tensor, x1: Tensor, t0: Tensor, t1: Tensor) -> Float[Tensor, "n m"]:
        """Action of the path of every pair, by the midpoint rule (state^2 / time^2)."""
        n, m, steps = len(x0), len(x1), self.config.action_steps
        row, column = (each.reshape(-1) for each in torch.meshgrid(torch.arange(n), torch.arange(m), indexing="ij"))
        found = []
        for part in torch.arange(n * m).split(PART):
            a, b = x0[row[part]], x1[column[part]]
            total = a.new_zeros(len(a))
            for step in range(steps):
                s = a.new_full((len(a),), (step + 0.5) / steps)
                at, change = self.path.path(a, b, s, t0.expand(len(a)))
                total += (change / (t1 - t0) - drift(s, at)).square().sum(dim=1) / steps
            found.append(total)
        return torch.cat(found).reshape(n, m)

    def path_loss(self, batch: Batch) -> Loss:
        """Squared difference of the velocity of paths and the reference drift, per axis, in typical squared speeds."""
        pool: CurlyPool = batch.pool
        pairs = sample_batch(Independent(), batch)
        s = torch.rand(len(pairs.x0), generator=batch.rng, device=pairs.x0.device)
        at, change = self.path.path(pairs.x0, pairs.x1, s, pairs.t0)
        count = len(pool.drifts)
        drift = torch.cat([f(a, b) for f, a, b in zip(pool.drifts, s.chunk(count), at.chunk(count), strict=True)])
        speed = change / (pairs.t1 - pairs.t0)[:, None]
        total = ((speed - drift) / velocity_scale(self.spec)).square().mean()
        return Loss(total, {"action": total.detach()})

    def flow(self, batch: Batch) -> Loss:
        assert batch.pool.pairs is not None
        pairs: Pairs = batch.pool.pairs.sample(batch.x.shape[1], batch.rng)
        s = torch.rand(len(pairs.x0), generator=batch.rng, device=pairs.x0.device)
        with torch.no_grad():
            at, change = self.path.path(pairs.x0, pairs.x1, s, pairs.t0)
        sample = at_fraction(pairs, s, at, change).with_noise(self.path.sigma, batch.rng)
        return flow_matching_loss(self.net, sample, self.spec)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)


def _kernel_width(x: Float[Tensor, "cells dim"], neighbors: int) -> Float[Tensor, ""]:
    """Mean distance to the k-th nearest cell (state); above 0 where cells are the same."""
    count = min(neighbors + 1, len(x))
    distance = torch.cdist(x, x).topk(count, dim=1, largest=False).values[:, -1].mean()
    return distance.clamp_min(1e-6 * (1 + x.abs().max()))


def _speeds(clock: Clock, positions: Float[Tensor, " times"]) -> Float[Tensor, " times"]:
    """dtau/dt by which the velocities of each time were divided."""
    return clock.speed(clock.time(positions))
