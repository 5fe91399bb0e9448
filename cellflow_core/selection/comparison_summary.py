"""What follows from a comparison: no model is praised for what a straight line does as well.

`reporting/verdict.py` has the sentences; page and command line show the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MIN_SEEDS = 3
"""Seeds from which on a spread is worth its name."""
MIN_RELATIVE_GAIN = 0.005
"""A difference to the midpoint below this share of it is none, however small the spread."""


@dataclass(frozen=True)
class ModelScore:
    """One model: its error (mean over times left out and seeds), the spread over `seeds` seeds (nan for one).

    by_time        error at each time left out
    losing, sets   benchmark data sets on which it is no nearer than the OT midpoint, of those it was measured on
    """

    title: str
    mean: float
    spread: float
    seeds: int
    by_time: Mapping[float, float] = field(default_factory=dict)
    losing: int = 0
    sets: int = 0

    @property
    def doubt(self) -> float:
        """Two standard errors of the mean over seeds; 0 where one seed leaves it unknown."""
        known = self.seeds > 1 and math.isfinite(self.spread)
        return 2 * self.spread / math.sqrt(self.seeds) if known else 0.0

    @property
    def loses_on_most(self) -> bool:
        """Is it no nearer than the OT midpoint on most of the benchmark data sets it was measured on?"""
        return 2 * self.losing > self.sets > 1


@dataclass(frozen=True)
class Verdict:
    """What follows from the errors of several models at the same times.

    best       the nearest; tied: models within the spread over seeds of it; nearest: does it beat the midpoint?
    midpoint, previous, floor  mean errors of the baselines
    losing     models that lose to the midpoint; resting: those no better than the previous snapshot
    resting_at the times at which the best model is no better than the previous snapshot
    few_seeds, one_time  reasons not to rely on the order
    better     models with a score at some of the times only, better there than the best of the table: (title, error,
               error of the best there, times)
    """

    best: ModelScore
    tied: tuple[str, ...]
    nearest: bool
    midpoint: float
    previous: float
    floor: float
    losing: tuple[str, ...]
    resting: tuple[str, ...]
    resting_at: tuple[float, ...]
    few_seeds: bool
    one_time: bool
    better: tuple[tuple[str, float, float, tuple[float, ...]], ...] = ()


def judge(
    scores: Sequence[ModelScore],
    baselines: Mapping[str, Mapping[float, float]],
    partial: Sequence[ModelScore] = (),
) -> Verdict | None:
    """What follows; None where no model has a score.

    baselines  error of each baseline ("midpoint", "previous", "floor") at each of the times left out
    partial    models that were scored at some of these times only: they take no place, but are named where better
    """
    ranked = sorted((each for each in scores if math.isfinite(each.mean)), key=lambda each: each.mean)
    if not ranked:
        return None
    best = ranked[0]
    midpoint, previous, floor = (_mean(baselines[name].values()) for name in ("midpoint", "previous", "floor"))
    threshold = midpoint * (1 + MIN_RELATIVE_GAIN)
    return Verdict(
        best=best,
        tied=tuple(each.title for each in ranked[1:] if each.mean - best.mean <= max(each.doubt, best.doubt)),
        nearest=best.mean < midpoint * (1 - MIN_RELATIVE_GAIN) - best.doubt,
        midpoint=midpoint,
        previous=previous,
        floor=floor,
        losing=tuple(each.title for each in ranked if threshold + each.doubt < each.mean < previous),
        resting=tuple(each.title for each in ranked if each.mean >= previous),
        resting_at=tuple(
            time for time, error in sorted(best.by_time.items()) if error >= baselines["previous"].get(time, math.inf)
        ),
        few_seeds=min(each.seeds for each in ranked) < MIN_SEEDS,
        one_time=len(baselines["midpoint"]) == 1,
        better=tuple(_better(each, best) for each in partial if _is_better(each, best)),
    )


def _is_better(other: ModelScore, best: ModelScore) -> bool:
    shared = [time for time in other.by_time if time in best.by_time]
    if not shared:
        return False
    theirs, ours = (_mean(each.by_time[time] for time in shared) for each in (other, best))
    return theirs < ours * (1 - MIN_RELATIVE_GAIN)


def _better(other: ModelScore, best: ModelScore) -> tuple[str, float, float, tuple[float, ...]]:
    shared = tuple(sorted(time for time in other.by_time if time in best.by_time))
    theirs, ours = (_mean(each.by_time[time] for time in shared) for each in (other, best))
    return other.title, theirs, ours, shared


def _mean(values: object) -> float:
    listed = list(values)  # type: ignore[call-overload]
    return sum(listed) / len(listed) if listed else math.nan
