"""Which column of a table says when each cell was measured, and what its labels mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from cellflow_core.data.importing.time_bins import quantile_bins
from cellflow_core.data.importing.unit_columns import in_unit_beside, is_unit_column, units_of
from cellflow_core.data.readers import MISSING, InvalidInputError, Table, labels_of
from cellflow_core.data.times.column_names import is_continuous_name, is_time_name, unit_of_name
from cellflow_core.data.times.label_units import EMBRYONIC, POSTNATAL
from cellflow_core.data.times.time_labels import DOUBTFUL, Proposal, likeness, propose
from cellflow_core.plural import counted
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
MIN_PER_TIME = 5
FEW_CELLS = 20
MAX_TIMES = 60
"""Columns with more different values are continuous, and no time of sampling."""
MOST_OTHERS = 40
"""So many columns that do not look like a time are offered beside those that do."""
IN_NAMES = "of the cell name"
_NO_TIME_IN_NAME = "it numbers cells or samples in their names"


@dataclass(frozen=True)
class TimeCandidate:
    """A column that may be the time: its labels in the proposed order, each with number (None: left open) and cells.

    reasons     label that is left open -> why, as a part of a sentence
    first_date  the date from which days count, where the labels are dates, else ""

    A continuous one has no labels: its cells lie between `low` and `high`, `known` of them have a value, and it is
    cut into windows.
    """

    column: str
    labels: tuple[str, ...]
    numbers: tuple[float | None, ...]
    unit: str
    counts: tuple[int, ...]
    kind: Literal["labels", "continuous"] = "labels"
    low: float = 0.0
    high: float = 0.0
    known: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)
    first_date: str = ""

    @property
    def proposed(self) -> dict[str, float | None]:
        """Label -> its time; None for cells without a label. Labels that are left open are not in it."""
        every = zip(self.labels, self.numbers, strict=True)
        return {label: number for label, number in every if number is not None or label == MISSING}

    @property
    def open(self) -> dict[str, int]:
        """Labels whose time must be given by hand -> their cells."""
        every = zip(self.labels, self.counts, strict=True)
        return {label: count for label, count in every if label not in self.proposed}

    @property
    def is_order(self) -> bool:
        """Is it pseudotime: an order of cells that was calculated, and no time that was measured?"""
        return self.kind == "continuous" and self.unit == "pseudotime"


def _is_time(table: Table, column: str) -> bool:
    few = table.obs[column].nunique() <= MAX_TIMES
    return is_time_name(column) if few else is_continuous_name(column)


def candidates(table: Table) -> tuple[TimeCandidate, ...]:
    """Columns that may be the time, likeliest first."""
    found: list[tuple[float, TimeCandidate]] = []
    for column in dict.fromkeys(map(str, table.obs.columns)):
        values = table.obs[column]
        if values.ndim > 1 or values.dtype.kind == "b" or values.nunique() > MAX_TIMES or is_unit_column(column):
            continue
        if table.format == "table" and values.dtype.kind in "fiu" and not is_time_name(column):
            continue
        candidate = labelled(table, column)
        if not is_time_name(column) and min(candidate.counts) < MIN_PER_TIME:
            continue
        like = likeness(column, [each for each in candidate.labels if each != MISSING])
        if not like:
            continue
        found.append((like, candidate))
    ordered = sorted(found, key=lambda each: -each[0])
    clear = [candidate for like, candidate in ordered if like >= DOUBTFUL]
    every = (*clear, *continuous(table), *(candidate for like, candidate in ordered if like < DOUBTFUL))
    followed = table.followed is not None  # its reader knows which column is the time; age is none
    return tuple(sorted(every, key=lambda each: each.column != "time")) if followed else every


def labelled(table: Table, column: str) -> TimeCandidate:
    """The labels of any column, with the times that can be read from them."""
    counts = Counter(labels_of(table.obs[column]).tolist())
    distinct = [each for each in counts if each != MISSING]
    found = in_unit_beside(table.obs, column, propose(distinct, column))
    if column.endswith(IN_NAMES) and not found.unit:
        found = Proposal(
            tuple(sorted(distinct)), (None,) * len(distinct), "", dict.fromkeys(distinct, _NO_TIME_IN_NAME)
        )
    missing = (MISSING,) if MISSING in counts else ()
    every = (*found.labels, *missing)
    numbers = (*found.numbers, *(None for _ in missing))
    cells = tuple(counts[k] for k in every)
    made = TimeCandidate(column, every, numbers, found.unit, cells, reasons=found.reasons)
    return replace(made, first_date=found.first_date)


def other_columns(table: Table, found: Iterable[TimeCandidate], named: str = "") -> tuple[TimeCandidate, ...]:
    """Columns that do not look like a time and may be one all the same, if a person says so; with the one `named`."""
    taken, features = {each.column for each in found}, set(table.features)
    held: list[TimeCandidate] = []
    for column in dict.fromkeys(map(str, table.obs.columns)):
        values = table.obs[column]
        if column in taken or values.ndim > 1 or not values.nunique():
            continue
        if column != named and (len(held) == MOST_OTHERS or values.nunique() < 2 or column in features):
            continue
        if values.nunique() <= MAX_TIMES:
            held.append(labelled(table, column))
        elif values.dtype.kind in "fiu":
            held.append(_many_numbers(table, column))
    return tuple(held)


def continuous(table: Table) -> tuple[TimeCandidate, ...]:
    """Columns of many numbers that may be a time or a pseudotime: what most cells have first, then global ones."""
    found: list[TimeCandidate] = []
    for column in dict.fromkeys(map(str, table.obs.columns)):
        values = table.obs[column]
        if values.ndim > 1 or values.dtype.kind not in "fiu" or not is_continuous_name(column):
            continue
        if values.nunique() <= MAX_TIMES:
            continue
        found.append(_many_numbers(table, column))
    return tuple(sorted(found, key=lambda each: (-each.known, "global" not in each.column.lower())))


def _many_numbers(table: Table, column: str) -> TimeCandidate:
    number = numbers_in(table.obs[column])
    number = number[np.isfinite(number)]
    limits = (float(number.min()), float(number.max())) if len(number) else (0.0, 0.0)
    units = units_of(table.obs, column)
    unit = unit_of_name(column) or (units[0] if len(units) == 1 else "")
    return TimeCandidate(column, (), (), unit, (), "continuous", *limits, known=len(number))


def numbers_in(column: Any) -> Array:
    """The values of a numeric pandas column, [cells]; NaN where one is missing or infinite."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def without_times(table: Table, chosen: str = "") -> Table:
    """A text table without its time columns among the coordinates."""
    if table.format != "table":
        return table
    named = {each for each in table.features if each == chosen or _is_time(table, each)}
    if not named and not chosen:
        named = {each.column for each in candidates(table)[:1]}
    kept = [k for k, each in enumerate(table.features) if each not in named]
    return replace(table, x=table.x[:, kept], features=tuple(table.features[k] for k in kept))


def no_time(table: Table) -> str:
    """Why no column is taken for the time."""
    once = [str(each) for each in table.obs.columns if is_time_name(str(each)) and table.obs[each].nunique() == 1]
    if once:
        only = labels_of(table.obs[once[0]])[0]
        return (
            f"column {once[0]!r} holds one time only ({only}): a model of motion needs two or more, so cells can come "
            "in as one snapshot and be ordered by pseudotime, or you load a file with more times"
        )
    known = [str(each) for each in table.obs.columns if str(each) not in set(table.features)]
    shown = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
    return (
        f"no column says when each cell was measured (columns: {shown or 'none'}): add one with two or more different "
        'times, numbers or names such as "Day 3", or let the cells in as one snapshot and order them by pseudotime'
    )


def open_labels(found: Iterable[TimeCandidate]) -> list[str]:
    """A sentence for each column of times in which labels are left open: how many cells of which label, and why."""
    sentences: list[str] = []
    for each in found:
        if each.open and len(each.open) < len(each.labels):
            why = "; ".join(dict.fromkeys(each.reasons[label] for label in each.open if label in each.reasons))
            cells = _cells_of(each.open, each.open)
            sentences.append(f"labels of {each.column!r} without a clear time: {cells}; {why}: give each a number")
    return sentences


def postnatal_days(candidate: TimeCandidate) -> dict[str, float]:
    """Labels left open because they count from birth and others from conception -> their postnatal day."""
    if candidate.unit != EMBRYONIC:
        return {}
    found = propose(candidate.open, "age")
    days = zip(found.labels, found.numbers, strict=True)
    return {label: day for label, day in days if day is not None} if found.unit == POSTNATAL else {}


def few_cells(times: Array, followed: bool = False) -> list[str]:
    """A sentence for times with so few cells that they say little of how cells differ at that time."""
    at, counts = np.unique(times, return_counts=True)
    few = [
        f"time {format_time(time)} has only {counted(int(count), 'cell')}"
        for time, count in zip(at, counts, strict=True)
        if count < FEW_CELLS
    ]
    return (
        [f"{', '.join(few)}: too few to say how cells of this time differ"]
        if few and len(at) > 1 and not followed
        else []
    )


def times_of(
    obs: Any, name: str, column: str, numbers: Mapping[str, float | None], windows: int = 0, every: bool = False
) -> tuple[Array, list[str]]:
    """Time of every row of a pandas.DataFrame, NaN where it is left out, and the steps in words.

    every: a column of many numbers is taken as it is, each number a time.
    """
    if column not in obs.columns:
        held = ", ".join(map(str, list(obs.columns)[:12])) or "none at all"
        raise InvalidInputError(f"{name} has no column {column!r} for the time: choose one of {held}")
    if windows:
        return _windows_of(obs, name, column, windows)
    values = obs[column]
    if every and values.dtype.kind in "fiu" and not numbers:
        times = numbers_in(values)
        return times, [f"time from column {column!r}, {values.nunique():,} different ones", *_without(times)]
    if values.dtype.kind in "fiu" and values.nunique() > MAX_TIMES and not numbers:
        raise InvalidInputError(
            f"{name}: column {column!r} has {values.nunique():,} different values: say into how many windows it is cut"
        )
    labels = labels_of(values)
    distinct = sorted(set(labels.tolist()))
    counts = Counter(labels.tolist())
    open_ones = [each for each in distinct if each not in numbers and each != MISSING]
    if open_ones:
        raise InvalidInputError(
            f"{name}: {len(open_ones)} {'label has' if len(open_ones) == 1 else 'labels have'} no time in column "
            f"{column!r}: {_cells_of(open_ones, counts)}; give each a number, or leave its cells out"
        )
    given = {each: numbers.get(each) for each in distinct}
    as_number = {each: np.nan if value is None else float(value) for each, value in given.items()}
    times = np.array([as_number[each] for each in labels.tolist()], dtype=np.float64)
    if np.isinf(times).any():
        raise InvalidInputError(f"{name}: a label of {column!r} was given an infinite time: give it a number")
    used = sorted(((k, v) for k, v in given.items() if v is not None), key=lambda each: each[1])
    steps = [f"time from column {column!r}: " + ", ".join(f"{k} is {v:g}" for k, v in used)]
    return times, steps + _without(times, _cells_of([each for each in distinct if given[each] is None], counts))


def _windows_of(obs: Any, name: str, column: str, windows: int) -> tuple[Array, list[str]]:
    """The mean of the window of each cell, NaN for cells without a value."""
    if obs[column].dtype.kind not in "fiu":
        raise InvalidInputError(
            f"{name}: column {column!r} holds words, and only numbers can be cut into windows: set windows=0"
        )
    values = numbers_in(obs[column])
    known = np.isfinite(values)
    times = np.full(len(values), np.nan)
    try:
        times[known] = quantile_bins(values[known], windows, MIN_PER_TIME)
    except ValueError as error:
        raise InvalidInputError(f"{name}, column {column!r}: {error}") from error
    means, counts = np.unique(times[known], return_counts=True)
    recorded = (
        f"{int(counts.min()):,} to {int(counts.max()):,}" if counts.min() < counts.max() else f"{int(counts[0]):,}"
    )
    steps = [
        f"time from column {column!r}, cut into {len(means)} windows of {recorded} cells, each named by its mean: "
        + ", ".join(format_times(means))
    ]
    return times, steps + _without(times)


def _without(times: Array, labels: str = "") -> list[str]:
    out = int(np.isnan(times).sum())
    return [f"left out {counted(out, 'cell')} without a time" + (f": {labels}" if labels else "")] if out else []


def _cells_of(labels: Iterable[str], counts: Mapping[str, int]) -> str:
    """ "Ctrl (18 cells), unst (40 cells)"."""
    every = [f"{each} ({counted(counts[each], 'cell')})" for each in labels]
    return ", ".join(every[:8]) + (f" and {len(every) - 8} more labels" if len(every) > 8 else "")
