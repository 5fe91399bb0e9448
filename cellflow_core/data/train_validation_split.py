"""Which cells are kept from training, and why."""

from __future__ import annotations

import numpy as np

from cellflow_core.data.snapshots import Snapshots


def validation_split(data: Snapshots, share: float, seed: int) -> tuple[Snapshots, Snapshots | None]:
    """(train, validation): the same share of every time, drawn with `seed`.

    Each time keeps at least one training cell. None where the share leaves a time without validation cells.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(data.t), dtype=bool)
    for time in data.times:
        cells = np.flatnonzero(data.t == time)
        count = int(len(cells) * share)
        if count == 0:
            return data, None
        held[rng.choice(cells, count, replace=False)] = True
    return data.take(~held), data.take(held)


def halves(data: Snapshots, time: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of the cells of one time: their distance is the sampling floor of any prediction."""
    cells = np.random.default_rng(seed).permutation(data.at(time))
    middle = len(cells) // 2
    return cells[:middle], cells[middle : 2 * middle]
