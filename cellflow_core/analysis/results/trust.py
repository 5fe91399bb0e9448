"""How far a prediction can be trusted: how much of the motion between measured times it explains, time by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.results.courses import TimeCourse

Array = np.ndarray
LEAST = 0.05
"""Explained motion at which a prediction is no better than the cells of the time before."""
WELL = 0.6
"""Explained motion, at the worst held-out time, from which a prediction is trusted."""
SMALL = 0.1
"""Motion beyond the sampling floor, as a part of that floor, below which there is nothing to explain."""


@dataclass(frozen=True)
class Check:
    """A prediction at the measured times that it can be judged at.

    explained  [times]: (previous - w1) / (previous - floor), all three of equal numbers of cells: 0 for the cells of
               the time before, 1 for another sample of the measured cells; NaN where neither the cells nor the
               prediction moved
    """

    times: Float[Array, " times"]
    w1: Float[Array, " times"]
    previous: Float[Array, " times"]
    explained: Float[Array, " times"]
    in_training: Bool[Array, " times"]

    @property
    def failed(self) -> Bool[Array, " times"]:
        """Where the prediction is no better than no motion."""
        return self.explained <= LEAST

    @property
    def worst(self) -> int | None:
        """Place of the least explained time: of those held out, where there are any."""
        judged = np.isfinite(self.explained)
        held = judged & ~self.in_training
        judged = held if held.any() else judged
        return int(np.argmin(np.where(judged, self.explained, np.inf))) if judged.any() else None


def check(
    times: Float[Array, " times"],
    w1: Float[Array, " times"],
    previous: Float[Array, " times"],
    floor: Float[Array, " times"],
    in_training: Bool[Array, " times"],
) -> Check:
    """Judge distances (state) at some times; those that are NaN are left out."""
    there = np.isfinite(w1)
    times, w1, previous, floor, in_training = (each[there] for each in (times, w1, previous, floor, in_training))
    noise = np.where(np.isfinite(floor), floor, 0.0)
    possible = previous - noise
    small = possible <= SMALL * noise
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(small, np.nan, (previous - w1) / possible)
    worse = small & (w1 > previous * (1 + SMALL))
    return Check(times, w1, previous, np.where(worse, 1 - w1 / np.maximum(previous, 1e-30), explained), in_training)


def check_course(result: TimeCourse) -> Check:
    """The prediction of a course at all later measured times."""
    return check(result.measured_times, result.w1, result.w1_previous, result.w1_floor, result.in_training)
