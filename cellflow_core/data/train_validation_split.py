"""Which cells, which individuals, or which later measurements of individuals are kept from training."""

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


def forecast_split(
    data: Trajectories, *, after: float | None = None, share: float | None = None
) -> tuple[Trajectories, Trajectories]:
    """(history, future) of each individual: what was measured later is held out, by time or by share of its rows.

    after  the time after which all is future, in the data's own unit
    share  of the rows of each individual, the last ones; the first row always is history
    Doses are planned, and so are all in both parts. An individual without a future is in the first part only, one
    without a history (measured `after` the time only) in the second. Raises ValueError where a part would be empty.
    """
    if (after is None) == (share is None):
        raise ValueError("give the time after which all is future, or the share of each individual's measurements")
    if after is not None:
        future = data.t > after
    else:
        first = np.searchsorted(data.subject, data.subjects)
        member = np.searchsorted(data.subjects, data.subject)
        count = np.bincount(member)
        number = np.arange(len(member)) - first[member]
        future = number >= np.maximum(count - np.floor(count * (share or 0.0)), 1)[member]
    if future.all() or not future.any():
        raise ValueError(
            f"{'all' if future.all() else 'none'} of the {len(future):,} measurements would be held out: choose "
            f"{'another time' if share is None else 'another share'}"
        )
    return data.rows(~future), data.rows(future)


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
