"""Which cells, or which individuals, are kept from training."""

from __future__ import annotations

from typing import overload

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray


@overload
def validation_split(data: Snapshots, fraction: float, seed: int) -> tuple[Snapshots, Snapshots | None]: ...
@overload
def validation_split(data: Trajectories, fraction: float, seed: int) -> tuple[Trajectories, Trajectories | None]: ...
def validation_split(
    data: Snapshots | Trajectories, fraction: float, seed: int
) -> tuple[Snapshots, Snapshots | None] | tuple[Trajectories, Trajectories | None]:
    """(training, validation), drawn with `seed`; validation is None where the fraction is too small for one.

    Cells: the same fraction of every time, or of all where no time is known; every time keeps at least one training
    cell. Where individuals are followed, whole individuals are kept aside, so that none is in both parts; there is no
    validation where a time would then be in one part only, as with irregular times.
    """
    rng = np.random.default_rng(seed)
    if isinstance(data, Trajectories):
        count = int(len(data.subjects) * fraction)
        if count == 0:
            return data, None
        held = rng.choice(data.subjects, count, replace=False)
        return data.take(np.setdiff1d(data.subjects, held)), data.take(held)
    subject = data.subject
    validation = _cells(data, fraction, rng) if subject is None else _individuals(data, subject, fraction, rng)
    if validation is None:
        return data, None
    return data.take(~validation), data.take(validation)


def _cells(data: Snapshots, fraction: float, rng: np.random.Generator) -> Bool[Array, " cells"] | None:
    held = np.zeros(len(data.x), dtype=bool)
    groups = [np.flatnonzero(data.t == time) for time in data.times] or [np.arange(len(data.x))]
    for cells in groups:
        count = int(len(cells) * fraction)
        if count == 0:
            return None
        held[rng.choice(cells, count, replace=False)] = True
    return held


def _individuals(
    data: Snapshots, subject: Array, fraction: float, rng: np.random.Generator
) -> Bool[Array, " cells"] | None:
    subjects = np.unique(subject)
    held = np.isin(subject, rng.choice(subjects, int(len(subjects) * fraction), replace=False))
    everywhere = held.any() and all(
        len(np.setdiff1d(data.times, data.t[part])) == 0 if len(data.t) else part.any() for part in (held, ~held)
    )
    return held if everywhere else None


def halves(data: Snapshots, time: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of the cells of one time, of equal size."""
    cells = np.random.default_rng(seed).permutation(data.at(time))
    middle = len(cells) // 2
    return cells[:middle], cells[middle : 2 * middle]
