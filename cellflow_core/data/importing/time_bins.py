"""A continuous order of cells cut into windows: a few "times" that each hold enough cells."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def quantile_bins(order: Float[Array, " cells"], windows: int, least: int = 5) -> Float[Array, " cells"]:
    """The mean of the window each cell falls in, in few digits; windows hold equal numbers of cells, in order.

    Equal values stay in one window, so there may be fewer windows than asked for where many are equal.
    Raises ValueError where a window would hold fewer than `least` cells, or all values are equal.
    """
    if not np.isfinite(order).all():
        raise ValueError(f"{int((~np.isfinite(order)).sum())} of {len(order)} cells have no place in the order")
    rank = np.searchsorted(np.sort(order), order, side="left")
    _, window, counts = np.unique(rank * windows // len(order), return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ValueError(
            f"{len(order)} cells with {len(np.unique(order))} different values cannot be cut into {windows} windows: "
            "two or more are needed"
        )
    if counts.min() < least:
        raise ValueError(
            f"{windows} windows over {len(order)} cells leave one with {counts.min()} cells: at least {least} are "
            "needed in each, so ask for fewer windows"
        )
    means = np.bincount(window, order) / counts
    digits = max(0, math.ceil(1 - math.log10(np.diff(means).min())))  # right to a twentieth of the narrowest gap
    return means.round(digits)[window]
