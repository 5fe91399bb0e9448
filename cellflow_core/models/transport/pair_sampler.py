"""Pairs of cells that methods train on: which cell of one time goes with which of the next. Shared by all methods.

Independent of the methods: a method names a coupling, hands `prepare` to its phase and asks `draw` for pairs. Plans of
all cells (models/plans.py) are made once and only drawn from; "independent" and "minibatch" need nothing before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.math.ot import exact_plan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import transport_plans
from cellflow_core.models.transport.transport_plans import OTConfig

Coupling = Literal["independent", "minibatch", transport_plans.Kind]
"""product: any cell with any cell; minibatch: exact transport within each batch; the others: a plan made once."""

MAX_LOG_GROWTH = 7.0
"""Growth of a pair over its interval, in e-folds, beyond which it is taken for this: a thousandth is as good as gone,
and a rate without a limit has no mean that could be learnt."""


@dataclass(frozen=True)
class Pairs:
    """Cells x0 at t0 and their partners x1 at t1, of every interval, one below the other.

    growth  log of the mass that the pair has at t1 over that at t0, divided by the gap (1 / time); None: not known
    bends   of the way between them, as in `TransportPlan`; None: it is straight
    """

    t0: Float[Tensor, " pairs"]
    t1: Float[Tensor, " pairs"]
    x0: Float[Tensor, "pairs dim"]
    x1: Float[Tensor, "pairs dim"]
    growth: Float[Tensor, " pairs"] | None = None
    tangent_offsets: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]] | None = None

    def mass(self, s: Float[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
        """Mass of each pair at the share s of its gap, over what it was drawn by: see `interpolated_mass`."""
        return torch.ones_like(s) if self.growth is None else interpolated_mass(s, self.growth * (self.t1 - self.t0))


def interpolated_mass(s: Float[Tensor, "*_"], ratio: Float[Tensor, "*_"]) -> Float[Tensor, "*_"]:
    """m0^(1-s) m1^s over (m0 + m1) / 2 for masses m0 and m1 at the two ends of a pair, ratio = log(m1 / m0).

    At most 2, however much a pair grows or dwindles. Drawn by their mass half-way instead, pairs that all but die would
    count e^(-ratio / 2) times at first and would hardly ever be drawn.
    """
    return 2 * (s * ratio - nn.functional.softplus(ratio)).exp()


def clipped_growth(plan: TransportPlan) -> Float[Tensor, " pairs"]:
    """`TransportPlan.growth` (1 / time), at most STEEPEST over the interval."""
    most = MAX_LOG_GROWTH / (plan.t1 - plan.t0)
    return plan.growth.clamp(-most, most)


@dataclass(frozen=True)
class PairSampler:
    """All pairs of the plans of all intervals, ready to be drawn from; the cells are those of the plans, not copied.

    upto    running sum of the chance of a pair, the plans one below the other; those of interval k lie between k and
            k + 1; growth: of each pair, None where it is not known
    """

    plans: tuple[TransportPlan, ...]
    times: Float[Tensor, "plans 2"]
    cdf: Float[Tensor, " pairs"]
    growth: Float[Tensor, " pairs"] | None

    @classmethod
    def from_plans(cls, made: tuple[TransportPlan, ...]) -> PairSampler:
        """A pair is drawn by the mean of its masses at t0 and at t1."""
        upto, growth = [], []
        for k, plan in enumerate(made):
            later = plan.weight if plan.target_mass is None else plan.target_mass
            sums = (plan.weight.double() + later).cumsum(0)
            upto.append(sums / sums[-1] + k)
            growth.append(clipped_growth(plan))
        known = all(plan.target_mass is not None for plan in made)
        times = made[0].weight.new_tensor([(plan.t0, plan.t1) for plan in made])
        return cls(made, times, torch.cat(upto), torch.cat(growth) if known else None)

    def sample(self, size: int, rng: torch.Generator) -> Pairs:
        """`size` pairs of each interval, with replacement."""
        where = torch.rand(len(self.plans), size, generator=rng, device=self.cdf.device, dtype=torch.float64)
        where += torch.arange(len(self.plans), device=self.cdf.device)[:, None]
        picked = torch.searchsorted(self.cdf, where, right=True)
        chosen, growth, first = [], [], 0
        for plan, rows in zip(self.plans, picked, strict=True):
            own = (rows - first).clamp_(0, len(plan.weight) - 1)  # rounding may lead to the plan after
            chosen.append(plan.take(own))
            if self.growth is not None:
                growth.append(self.growth.index_select(0, own + first))
            first += len(plan.weight)
        t0, t1 = self.times.repeat_interleave(size, dim=0).unbind(dim=1)
        x0, x1 = torch.cat([each.x0 for each in chosen]), torch.cat([each.x1 for each in chosen])
        ends = [each.tangent_offsets for each in chosen if each.tangent_offsets is not None]
        bends = (torch.cat([first for first, _ in ends]), torch.cat([last for _, last in ends])) if ends else None
        return Pairs(t0, t1, x0, x1, torch.cat(growth) if growth else None, bends)


def prepare(
    coupling: Coupling, frames: SnapshotTensors, rng: torch.Generator, how: OTConfig | None = None
) -> PairSampler | None:
    """What is computed once: the plan of each interval, or nothing for "independent" and "minibatch"."""
    if coupling in ("independent", "minibatch"):
        return None
    return PairSampler.from_plans(transport_plans.plans(coupling, frames, rng, how))


def exact_plans(frames: SnapshotTensors, rng: torch.Generator) -> list[TransportPlan]:
    """The exact plan between each time and the next, over all cells."""
    return list(transport_plans.plans("exact", frames, rng))


def sample(coupling: Coupling, batch: Batch) -> Pairs:
    """As many pairs of each interval as the batch has cells of each time."""
    size = batch.x.shape[1]
    if coupling not in ("independent", "minibatch"):
        return batch.pool.sample(size, batch.rng)
    x0, x1 = batch.x[:-1], batch.x[1:]
    if coupling == "minibatch":
        joined = [exact_plan(a, b, batch.rng)[:2] for a, b in zip(x0, x1, strict=True)]
        x0 = torch.stack([a[row] for a, (row, _) in zip(x0, joined, strict=True)])
        x1 = torch.stack([b[column] for b, (_, column) in zip(x1, joined, strict=True)])
    t0, t1 = (each.repeat_interleave(size) for each in (batch.times[:-1], batch.times[1:]))
    return Pairs(t0, t1, x0.reshape(-1, x0.shape[-1]), x1.reshape(-1, x1.shape[-1]))
