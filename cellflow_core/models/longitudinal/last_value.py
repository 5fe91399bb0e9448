"""Last value carried forward: whatever was measured last stays, as uncertain as such values have been.

What every forecast of individuals has to beat. A value that was measured h before is as far off as two values of one
training individual at that distance in time are (standard deviation by horizon, eight bins with equally many pairs,
linear in between). Before the first measurement of an individual stands the mean of all at that time (eight bins).
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Phase

BINS = 8
_PAIRS = 200_000  # pairs of values of one variable, at most


class LastValue(DynamicsModel, HasCourses):
    title = "Last value carried forward"
    summary = "What was measured last stays as it is: the least that a forecast of an individual has to beat."
    paper = "none"
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES})
    trains_on = "trajectories"
    counts_intervals = False
    limitation: ClassVar[str] = "It ignores doses and all but the last value."
    Config = Config

    horizon: Tensor
    spread: Tensor
    moment: Tensor
    mean: Tensor
    deviation: Tensor
    positive: Tensor

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        for name in ("horizon", "spread", "moment", "mean", "deviation"):
            self.register_buffer(name, torch.full((spec.dim, BINS), torch.nan))
        self.register_buffer("positive", torch.zeros(spec.dim, dtype=torch.bool))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("spread of values", prepare=self.learn),)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Mean and standard deviation by time, and of the change by horizon, of each variable."""
        for k in range(self.spec.dim):
            seen = frames.observed[..., k]
            t, x = frames.t[seen], frames.x[seen][:, k]
            self.positive[k] = bool((x >= 0).all())
            self.moment[k], self.mean[k], self.deviation[k] = _binned(t, x)
            both = seen[:, :, None] & seen[:, None, :] & (frames.t[:, None, :] > frames.t[:, :, None])
            gap = (frames.t[:, None, :] - frames.t[:, :, None])[both]
            change = (frames.x[:, None, :, k] - frames.x[:, :, None, k])[both]
            if len(gap) > _PAIRS:
                kept = torch.randint(len(gap), (_PAIRS,), generator=rng, device=gap.device)
                gap, change = gap[kept], change[kept]
            squared = _binned(gap, change.square())[:2] if len(gap) else (torch.ones(BINS), torch.zeros(BINS))
            self.horizon[k], self.spread[k] = squared[0], squared[1].sqrt()

    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        shape = (draws, len(subjects.t), 1, self.spec.dim)
        noise = torch.randn(shape, generator=rng, device=times.device)
        parts = [self._of_variable(subjects, times, k) for k in range(self.spec.dim)]
        center, sd = (torch.stack(each, dim=-1) for each in zip(*parts, strict=True))
        found = center + sd * noise
        return torch.where(self.positive, found.clamp(min=0), found)

    def _of_variable(self, subjects: TrajectoryBatch, times: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """(value, standard deviation) of a variable, [subjects, times]."""
        seen = subjects.observed[:, None, :, k] & (subjects.t[:, None] <= times[:, None])
        place = torch.where(seen, torch.arange(subjects.t.shape[1], device=times.device), -1).amax(dim=2)
        row = place.clamp(min=0)
        last, when = subjects.x[..., k].gather(1, row), subjects.t.gather(1, row)
        since = (times - when).clamp(min=0)
        spread = _interpolated(since, self.horizon[k], self.spread[k]) * (since / self.horizon[k, 0]).clamp(max=1)
        center = torch.where(place >= 0, last, _interpolated(times, self.moment[k], self.mean[k]))
        return center, torch.where(place >= 0, spread, _interpolated(times, self.moment[k], self.deviation[k]))

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        """The courses as they are: changes between measured values hold the residual error already."""
        return courses


def _binned(t: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(mean time, mean value, standard deviation) in bins of time with equally many values, [BINS] each."""
    order = t.argsort()
    edges = torch.linspace(0, len(t), BINS + 1).round().long().tolist()
    bins = [order[a : max(b, a + 1)] if a < len(t) else order[-1:] for a, b in pairwise(edges)]
    found = [(t[each].mean(), x[each].mean(), x[each].std(correction=0)) for each in bins]
    return tuple(torch.stack(each) for each in zip(*found, strict=True))  # pyright: ignore[reportReturnType]


def _interpolated(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Linear between the knots, constant beyond them."""
    right = torch.searchsorted(knots.contiguous(), at.contiguous()).clamp(1, BINS - 1)
    gap = (knots[right] - knots[right - 1]).clamp(min=1e-12)
    share = ((at - knots[right - 1]) / gap).clamp(0, 1)
    return torch.lerp(values[right - 1], values[right], share)
