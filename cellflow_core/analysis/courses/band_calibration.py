"""How much wider than the draws of a model a band must be, to hold as many values of a new individual as it says.

A band of draws counts what a model knows that it does not know. Copies of the model that were trained without some
individuals tell the rest: they forecast these, and each value has the score

    s = |y - median| / (distance from the median to the end of the band on that side).

The band is then widened, or narrowed, around its median by the quantile q of the scores of the n individuals, each of
whom counts the same: split conformal prediction where values come in groups (Dunn, Wasserman & Ramdas 2022, J. Am.
Stat. Assoc. 118:2491; quantiles: Romano, Patterson & Candes 2019, arXiv:1905.03222), with every individual left out
once (Barber, Candes, Ramdas & Tibshirani 2021, Ann. Stat. 49:486). A value of another individual of the same study,
drawn at random, is then in its band with a probability between q n / (n + 1) and (q n + 1) / (n + 1); q is such that
0.9 is in the middle, so that it is 0.9 +- 1 / (2 (n + 1)), whatever the model. That is a mean: not of each individual,
each time or each study, and not of other doses. Copies have fewer individuals to learn from than the model, so that
bands are rather too wide. One factor for forecasts from what was measured, another for those from doses and covariates
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.courses.errors import BAND
from cellflow_core.analysis.courses.forecast import Forecasts, cuts_of, forecasts
from cellflow_core.analysis.courses.measurements import place_of
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.models.contract import DynamicsModel

Array = np.ndarray

SHARE = BAND[2] - BAND[0]
FEWEST = 9
"""Individuals from which on the probability is 0.85 to 0.95."""


@dataclass(frozen=True)
class BandCalibration:
    """Factors of the bands of one variable, and what they rest on.

    before, after  where nothing was measured of an individual, and where something was
    people         individuals that were left out and forecast
    held_before, held_after  share of their values that was in the bands before, mean over individuals
    """

    before: float
    after: float
    people: int
    held_before: float
    held_after: float

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> BandCalibration:
        return cls(**{each.name: held[each.name] for each in fields(cls)})

    @property
    def words(self) -> str:
        """What was done to the bands of forecasts after a history, and why."""
        how = "widened" if self.after > 1 else "narrowed"
        return (
            f"90 % bands are calibrated: {how} {self.after:.2f}-fold, since copies of the model forecast "
            f"{self.people} individuals that they had not seen, and {self.held_after:.0%} of the values of one lay in "
            "the bands as drawn"
        )

    def widened(self, drawn: Float[Array, "draws ..."], known: bool | Bool[Array, " n"]) -> Float[Array, "draws ..."]:
        """Draws moved away from their median; `known`: whether something was measured. Where no draw is negative, no
        moved one is."""
        middle = np.median(drawn, axis=0)
        moved = middle + np.where(known, self.after, self.before) * (drawn - middle)
        return np.where(drawn.min(axis=0) >= 0, moved.clip(min=0), moved)


def check_folds(people: int, folds: int) -> None:
    """Raises ValueError, with a sentence, where individuals in so many parts cannot calibrate a band."""
    if people < FEWEST or not 2 <= folds <= people:
        raise ValueError(
            f"bands are calibrated by {FEWEST} individuals or more in 2 parts or more: there are {people} in training, "
            f"asked for {folds} parts"
        )


def calibrated(
    copies: Sequence[tuple[DynamicsModel, Trajectories]], variable: str, seed: int = 0
) -> BandCalibration | None:
    """From copies of a model, each with the individuals that it was trained without; None where these are too few.

    Their histories end when a quarter, half and three quarters of their measurements were made. Raises KeyError for a
    variable that is not there.
    """
    k = place_of(variable, copies[0][1])
    seen = [held.observed[:, k] & ~held.censored[:, k] for _, held in copies]
    times = np.concatenate([held.t[rows] for rows, (_, held) in zip(seen, copies, strict=True)])
    cuts = cuts_of(times)
    known = [each for each, rows in zip(copies, seen, strict=True) if rows.any()]
    return of_forecasts([forecasts((model,), held, variable, cuts, seed=seed) for model, held in known])


def of_forecasts(found: Sequence[Forecasts]) -> BandCalibration | None:
    """From forecasts of individuals by copies that were trained without them."""
    if not found:
        return None
    values = [(each.subject, np.isfinite(each.cut), scores(each)) for each in found]
    subject, known, score = (np.concatenate(each) for each in zip(*values, strict=True))
    before, after = (factor(subject[rows], score[rows]) for rows in (~known, known))
    if before is None or after is None:
        return None
    held = [in_mean(subject[rows], score[rows] <= 1) for rows in (~known, known)]
    return BandCalibration(before, after, len(np.unique(subject)), *held)


def scores(found: Forecasts) -> Float[Array, " n"]:
    """Distance of each value from the median of its draws, in widths of the band on that side."""
    low, middle, high = np.quantile(found.draws, BAND, axis=0)
    away = found.observed - middle
    width = np.where(away > 0, high - middle, middle - low)
    least = 1e-6 * max(float(np.abs(found.observed).max()), 1e-30)
    return np.abs(away) / np.maximum(width, least)


def factor(subject: Int[Array, " n"], score: Float[Array, " n"]) -> float | None:
    """The quantile above; None where there are fewer than FEWEST individuals."""
    names, place, count = np.unique(subject, return_inverse=True, return_counts=True)
    if len(names) < FEWEST:
        return None
    order = np.argsort(score)
    share = np.cumsum(1 / (len(names) * count[place[order]]))
    wanted = (SHARE * (len(names) + 1) - 0.5) / len(names)
    return float(score[order][min(np.searchsorted(share, wanted - 1e-9), len(score) - 1)])


def in_mean(subject: Int[Array, " n"], inside: Array) -> float:
    """Share of the values of an individual, mean over individuals."""
    return float(np.mean([inside[subject == each].mean() for each in np.unique(subject)]))
