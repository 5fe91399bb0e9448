"""Ends of an order: cells that no cell near them comes after."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
MOST = 4000
"""Cells among which ends are sought, drawn at random where there are more."""
NEAR, FEWEST = 0.05, 30
"""Share of these cells that count as near, at least FEWEST, ..."""
LEAST = 0.02
"""... and share of them that must lead to an end."""
CELLS = 30
"""Cells nearest to an end that stand for it."""


def ends_of_order(space: Float[Array, "cells axes"], order: Float[Array, " cells"]) -> Int[Array, " cells"]:
    """The end 0, 1, ... of each cell that stands for one, -1 for all others; that which most cells lead to comes first.

    From each cell one goes to the latest of the cells near it, until none is later; the cells that this leads to, and
    that are in the later half of the order, are ends.
    space  in which cells are near: the diffusion map that the order is of
    """
    chosen = np.arange(len(order))
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MOST, replace=False))
    place, own = np.where(np.isfinite(order), order, -np.inf)[chosen], space[chosen]
    near = nearest_neighbors(own, min(max(FEWEST, round(NEAR * len(chosen))), len(chosen)), own)[1]
    later = near[np.arange(len(chosen)), place[near].argmax(axis=1)]
    later = np.where(place[later] > place, later, np.arange(len(chosen)))
    while not np.array_equal(later[later], later):
        later = later[later]
    tips, count = np.unique(later, return_counts=True)
    kept = (count >= LEAST * len(chosen)) & (place[tips] > np.median(place))
    tips = tips[kept][np.argsort(-count[kept], kind="stable")]
    found = np.full(len(order), -1)
    for k, tip in reversed(list(enumerate(tips))):
        found[nearest_neighbors(space, min(CELLS, len(order)), own[tip][None])[1][0]] = k
    return np.unique(found, return_inverse=True)[1] - 1 if (found < 0).any() else found
