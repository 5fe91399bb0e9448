"""The measured time whose cells a state resembles: how far cells have developed, whatever the clock says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
NEIGHBORS = 5
CELLS = 500
"""Cells of each time that states are compared with, as many of every time: a time with more cells is not nearer."""
FEWEST = 20


def equivalent_time(data: Snapshots, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
    """Time (that of the data) of each state: the place nearest to it on the straight lines that join the mean of its
    NEIGHBORS nearest cells of each measured time with that of the next.

    States before the first time, or after the last, have the first or the last. Raises ValueError for under two times.
    """
    if len(data.times) < 2:
        raise ValueError("cells of two or more times are needed to tell which of them a cell resembles")
    rng = np.random.default_rng(0)
    count = min(CELLS, max(FEWEST, min(int((data.t == time).sum()) for time in data.times)))
    anchors = []
    for time in data.times:
        cells = data.at(time)
        few = cells if len(cells) <= count else cells[rng.choice(len(cells), count, replace=False)]
        anchors.append(few[nearest_neighbors(few, NEIGHBORS, x)[1]].mean(axis=1, dtype=np.float64))
    found, best = np.full(len(x), data.times[0]), np.full(len(x), np.inf)
    for k, (one, other) in enumerate(pairwise(anchors)):
        step = other - one
        part = ((x - one) * step).sum(axis=1) / np.maximum(np.square(step).sum(axis=1), 1e-30)
        part = np.clip(part, 0, 1)
        far = np.linalg.norm(x - one - part[:, None] * step, axis=1)
        time = data.times[k] + part * (data.times[k + 1] - data.times[k])
        found, best = np.where(far < best, time, found), np.minimum(far, best)
    return found
