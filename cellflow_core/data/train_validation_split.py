"""Which cells, which individuals, or which later measurements of individuals are kept from training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, overload

import numpy as np
from jaxtyping import Bool, Int

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.time_units import format_duration, format_time

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


def folds_of(subjects: Int[Array, " n"], count: int, seed: int) -> list[Int[Array, " some"]]:
    """Individuals in `count` parts of about equal size, each ascending, drawn with `seed`.

    Raises ValueError where there are fewer individuals than parts, or fewer than two parts.
    """
    if not 2 <= count <= len(subjects):
        raise ValueError(f"{len(subjects)} individuals cannot be parted into {count} folds")
    return [np.sort(each) for each in np.array_split(np.random.default_rng(seed).permutation(subjects), count)]


class LaterPart(NamedTuple):
    """What is held out of individuals followed over time where all that was measured after a time is.

    values, individuals  values that were measured later, and individuals with one; of  all values
    """

    values: int
    individuals: int
    of: int


def later_times(data: Trajectories) -> tuple[float, float]:
    """(earliest, last): times from `earliest` on, before `last`, after which measurements can be held out.

    At the earliest every individual and every variable has been measured; at the last nothing is left to hold out.
    Raises ValueError where there is no time between.
    """
    last = float(data.t[data.observed.any(axis=1)].max())
    earliest = max(time for time, _ in _first_times(data))
    if earliest >= last:
        raise ValueError(
            "no later measurements can be held out: there is no time until which every individual and every variable "
            "was measured and after which something was"
        )
    return earliest, last


def held_out_later(data: Trajectories, after: float) -> LaterPart:
    """What is held out after a time, in the data's own unit. Raises ValueError, with a sentence that names another
    time, where that is nothing, or where nothing is left of an individual or a variable."""
    _, last = later_times(data)
    unit = data.time_unit
    if not after < last:
        raise ValueError(
            f"nothing was measured after {format_duration(after, unit)}: the last measurement is at "
            f"{format_time(last)}, so hold out what follows an earlier time"
        )
    late = sorted((time, name) for time, name in _first_times(data) if not time <= after)
    if late:
        time, name = late[-1]
        others = f", nor of {len(late) - 1} other{'s' if len(late) > 2 else ''}" if len(late) > 1 else ""
        raise ValueError(
            f"nothing was measured of {name} until {format_duration(after, unit)}{others}, so a model would know "
            f"nothing of it: hold out what follows {format_time(time)} or a later time"
        )
    later = (data.t > after)[:, None] & data.observed
    return LaterPart(int(later.sum()), len(np.unique(data.subject[later.any(axis=1)])), int(data.observed.sum()))


def earlier_part(data: Trajectories, after: float) -> Trajectories:
    """What is left to train on where all that was measured after a time is held out; all doses, which are planned.

    Raises ValueError as `held_out_later` does.
    """
    held_out_later(data, after)
    return forecast_split(data, after=after)[0]


def _first_times(data: Trajectories) -> Iterator[tuple[float, str]]:
    """When each individual and each variable was first measured, and its name."""
    measured = data.observed.any(axis=1)
    subjects, first = np.unique(data.subject[measured], return_index=True)
    for subject, time in zip(subjects.tolist(), data.t[measured][first].tolist(), strict=True):
        yield time, f"individual {subject}"
    for k, name in enumerate(data.variables):
        if data.observed[:, k].any():
            yield float(data.t[data.observed[:, k]].min()), name


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
