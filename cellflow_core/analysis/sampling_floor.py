"""What sampling alone costs: the distance of two samples of one population, each of as many cells as were measured.

Measured cells can only be compared with each other, in halves, and fewer cells lie further apart. The distance falls as
a power of their number whose exponent depends on the dimension (Fournier & Guillin 2015, 10.1007/s00440-014-0583-7): h
between halves and q between quarters give h^2 / q between samples of all the cells.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results import Distances
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.train_validation_split import halves
from cellflow_core.math import distances

Array = np.ndarray
SPLITS = 5
"""Random splits that the distances between halves and between quarters are means of."""
FEWEST = 16
"""Cells below which quarters say nothing: the distance between halves is given, an upper bound."""


def sampling_floor(cells: Float[Array, "cells dim"], distance: Callable[[Array, Array], float], seed: int = 0) -> float:
    """The distance (unit of `distance`) of two samples of as many cells of the same population."""
    halves, quarters = [], []
    for split in range(SPLITS):
        order = np.random.default_rng(seed + split).permutation(cells)
        halves.append(distance(*_parts(order, 2)))
        first, second, third, fourth = _parts(order, 4)
        quarters += [distance(first, second), distance(third, fourth)] if len(cells) >= FEWEST else []
    half = float(np.mean(halves))
    return half**2 / float(np.mean(quarters)) if quarters and half > 0 else half


def floor_distances(
    data: Snapshots, time: float, limit: int, unit: Float[Array, " dim"] | None = None, seed: int = 0
) -> Distances:
    """Every distance at one time; density and coverage, which are no distances, are those of halves.

    limit, unit  as of `evaluate.scores`
    """
    factor = 1.0 if unit is None else np.asarray(unit)
    x = data.at(time) * factor
    parts = [halves(data, time, seed + k) for k in range(SPLITS)]
    density, coverage = np.mean(
        [distances.density_coverage(one * factor, other * factor, None, seed=seed) for one, other in parts], axis=0
    )
    return Distances(
        w1=sampling_floor(x, lambda a, b: distances.wasserstein(a, b, 1, None, limit, seed), seed),
        w2=sampling_floor(x, lambda a, b: distances.wasserstein(a, b, 2, None, limit, seed), seed),
        mmd=sampling_floor(x, lambda a, b: distances.mmd(a, b, None, seed), seed),
        sliced=sampling_floor(x, lambda a, b: distances.sliced(a, b, None, seed=seed), seed),
        mass_error=np.nan,
        density=float(density),
        coverage=float(coverage),
    )


def _parts(cells: Array, count: int) -> list[Array]:
    """Equal parts; up to count - 1 cells are left over."""
    size = len(cells) // count
    return [cells[k * size : (k + 1) * size] for k in range(count)]
