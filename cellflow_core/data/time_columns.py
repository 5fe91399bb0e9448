"""Which column of a table says when each cell was measured, and what its labels mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cellflow_core.data.readers import MISSING, BadInput, Table, labels_of
from cellflow_core.data.times import is_time_name, likeness, propose

Array = np.ndarray
MIN_PER_TIME = 5
MAX_TIMES = 60
"""Columns with more different values are continuous, and no time of sampling."""


@dataclass(frozen=True)
class TimeCandidate:
    """A column that may be the time: its labels in the proposed order, each with number (None: unclear) and cells."""

    column: str
    labels: tuple[str, ...]
    numbers: tuple[float | None, ...]
    unit: str
    counts: tuple[int, ...]


def few_values(table: Table, column: str) -> bool:
    return table.obs[column].nunique() <= MAX_TIMES


def candidates(table: Table) -> tuple[TimeCandidate, ...]:
    """Columns that may be the time, likeliest first."""
    found: list[tuple[float, TimeCandidate]] = []
    for column in dict.fromkeys(map(str, table.obs.columns)):
        values = table.obs[column]
        if values.ndim > 1 or values.dtype.kind == "b" or values.nunique() > MAX_TIMES:
            continue
        if table.format == "table" and values.dtype.kind in "fiu" and not is_time_name(column):
            continue
        labels = labels_of(values)
        counts = Counter(labels.tolist())
        proposal = propose((each for each in counts if each != MISSING), column)
        if not is_time_name(column) and min(counts.values()) < MIN_PER_TIME:
            continue
        like = likeness(column, proposal.labels)
        if not like:
            continue
        missing = (MISSING,) if MISSING in counts else ()
        every = (*proposal.labels, *missing)
        candidate = TimeCandidate(
            column, every, (*proposal.numbers, *(None for _ in missing)), proposal.unit, tuple(counts[k] for k in every)
        )
        found.append((like, candidate))
    return tuple(candidate for _, candidate in sorted(found, key=lambda each: -each[0]))


def without_times(table: Table, chosen: str = "") -> Table:
    """A text table without its time columns among the coordinates."""
    if table.format != "table":
        return table
    named = {each for each in table.features if each == chosen or (few_values(table, each) and is_time_name(each))}
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
            f"column {once[0]!r} holds one time only ({only}): a model of motion needs cells of two or more times, so "
            "load a file with more"
        )
    many = [
        str(each) for each in table.obs.columns if is_time_name(str(each)) and table.obs[each].nunique() > MAX_TIMES
    ]
    if many:
        return (
            f"column {many[0]!r} has more than {MAX_TIMES} different values, as pseudotime has: put it into a few "
            "windows and save the window of each cell as one more column"
        )
    known = [str(each) for each in table.obs.columns if str(each) not in set(table.features)]
    shown = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
    return (
        f"no column says when each cell was measured (columns: {shown or 'none'}): add one with two or more different "
        'times, numbers or names such as "Day 3"'
    )


def times_of(table: Table, name: str, column: str, numbers: Mapping[str, float | None]) -> tuple[Array, list[str]]:
    """Time of every cell, NaN where it is left out, and the steps in words."""
    if not column or column not in table.obs.columns:
        if not candidates(table):
            raise BadInput(f"{name}: {no_time(table)}")
        held = ", ".join(map(str, list(table.obs.columns)[:12]))
        raise BadInput(f"{name} has no column {column!r} for the time: choose one of {held}")
    labels = labels_of(table.obs[column])
    distinct = sorted(set(labels.tolist()))
    open_ones = [each for each in distinct if each not in numbers and each != MISSING]
    if open_ones:
        raise BadInput(
            f"{name}: {len(open_ones)} labels of {column!r} have no time ({', '.join(open_ones[:5])}): give each a "
            "number, or leave its cells out"
        )
    given = {each: numbers.get(each) for each in distinct}
    as_number = {each: np.nan if value is None else float(value) for each, value in given.items()}
    times = np.array([as_number[each] for each in labels.tolist()], dtype=np.float64)
    if np.isinf(times).any():
        raise BadInput(f"{name}: a label of {column!r} was given an infinite time: give it a number")
    used = sorted(((k, v) for k, v in given.items() if v is not None), key=lambda each: each[1])
    steps = [f"time from column {column!r}: " + ", ".join(f"{k} is {v:g}" for k, v in used)]
    out = int(np.isnan(times).sum())
    if out:
        steps.append(f"left out {out:,} cells without a time")
    return times, steps
