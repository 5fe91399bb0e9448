"""How far draws are from what was measured: RMSE, RMSPE, CRPS and coverage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Array = np.ndarray

BAND = (0.05, 0.5, 0.95)
"""Quantiles of the 90 % bands, with the median between."""


class Errors(NamedTuple):
    """Of some measured values: their number, and the errors of the draws of each.

    rmse      of the median, in the unit of the variable
    rmspe     root of the mean squared relative error of the median, of the values above 0; NaN without any
    crps      continuous ranked probability score (Gneiting & Raftery 2007), in the unit of the variable
    coverage  share of the values inside the band of 90 %
    """

    count: int
    rmse: float
    rmspe: float
    crps: float
    coverage: float


def errors(draws: Float[Array, "draws n"], observed: Float[Array, " n"]) -> Errors:
    """Of draws of what would be measured; NaN where nothing was."""
    if not len(observed):
        return Errors(0, *(float("nan"),) * 4)
    low, middle, high = np.quantile(draws, BAND, axis=0)
    positive = observed > 0
    relative = (middle[positive] - observed[positive]) / observed[positive]
    return Errors(
        len(observed),
        float(np.sqrt(np.mean((middle - observed) ** 2))),
        float(np.sqrt(np.mean(relative**2))) if positive.any() else float("nan"),
        float(crps(draws, observed).mean()),
        float(np.mean((low <= observed) & (observed <= high))),
    )


def crps(draws: Float[Array, "draws n"], observed: Float[Array, " n"]) -> Float[Array, " n"]:
    """E|X - y| - E|X - X'| / 2, the second mean over pairs of different draws: without bias for any number of draws."""
    count = len(draws)
    distance = np.abs(draws - observed).mean(axis=0)
    if count < 2:
        return distance
    place = 2 * np.arange(1, count + 1)[:, None] - count - 1  # sum of |x_i - x_j| over pairs, from sorted draws
    between = 2 * (place * np.sort(draws, axis=0)).sum(axis=0) / (count * (count - 1))
    return distance - between / 2
