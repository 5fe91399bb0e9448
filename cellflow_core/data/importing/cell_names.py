"""The names of cells, and times and libraries that only they hold: H9.12h_001, Day0_W000, suffix -1 of a barcode."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellflow_core.data.readers import ReadOptions, Table, labels_of, make_unique, names_of, read
from cellflow_core.data.readers.gene_rows import of_names
from cellflow_core.data.times.time_labels import propose
from cellflow_core.plural import counted

MOST_PARTS = 60
_BARCODE_SUFFIX = re.compile(r"(?:.*[_.:-])?[ACGTN]{8,}[-_.](\d{1,3})")
BEGINNING = "beginning of the cell name"
SUFFIX = "suffix of the cell name"
_READ_BY_READER = ("table", "gene table", "arrays", "series")


def read_with_name_parts(path: Path, name: str, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008 - frozen
    """The table of a file that its owner calls `name`, with what the names of its cells tell.

    Raises InvalidInputError.
    """
    return with_name_parts(read(path, name, options=options))


def own_names(table: Table, kept: Any = slice(None)) -> list[str]:
    """What the cells of a file are called there, of the rows that are kept (mask or slice), numbered where two are
    alike; [] where the file only counts its rows."""
    index = table.obs.index
    return [] if index.dtype.kind in "iuf" else make_unique(names_of(index[kept]))


def with_name_parts(table: Table) -> Table:
    """The table with columns for what only the names of its cells tell: times, and the libraries that were joined.

    Parts that another column repeats are left out, so that a file in order gets no further columns.
    """
    index = table.obs.index
    if table.snapshots is not None or table.format in _READ_BY_READER or index.dtype.kind in "iuf":
        return table
    names = [str(each) for each in index]
    obs = table.obs
    for column, values in parts_of_names(names).items():
        if column not in obs.columns and not _repeats(obs, values):
            obs = obs.assign(**{column: values})
    return replace(table, obs=obs)


def parts_of_names(names: Sequence[str]) -> dict[str, list[str]]:
    """Column -> its value for each cell: parts that hold times, what stands before a number, suffixes of barcodes."""
    suffixes = [_BARCODE_SUFFIX.fullmatch(each) for each in names]
    found: dict[str, list[str]] = {}
    if all(suffixes):
        found[SUFFIX] = [each[1] for each in suffixes if each]
    parts = {str(column): [str(each) for each in values] for column, values in of_names(names).items()}
    beginning = [re.sub(r"[_.:-]+(?:[ACGTN]{8,}.*|\d+)$", "", each) for each in names]
    parts[BEGINNING] = beginning
    timed = {column: values for column, values in parts.items() if _has_times(column, values)}
    if len(timed) > 1:
        timed.pop(BEGINNING, None)
    found |= timed
    return {column: values for column, values in found.items() if 2 <= len(set(values)) <= MOST_PARTS}


def library_note(table: Table) -> str:
    """How to give times to libraries that only a suffix of the barcodes tells apart, "" where there is none."""
    if SUFFIX not in table.obs.columns:
        return ""
    counts = Counter(table.obs[SUFFIX])
    shown = ", ".join(f"-{each} ({counted(cells, 'cell')})" for each, cells in sorted(counts.items())[:8])
    return f"the barcodes end in {shown}: if they are times, choose {SUFFIX!r} as the time and give each a number"


def _has_times(column: str, values: Sequence[str]) -> bool:
    distinct = set(values)
    if not 2 <= len(distinct) <= min(MOST_PARTS, max(len(values) // 2, 2)):
        return False
    found = propose(distinct, column)
    if found.first_date:  # in names of cells that of a run or a library
        return False
    return bool(found.unit) and len({each for each in found.numbers if each is not None}) > 1


def _repeats(obs: Any, values: Sequence[str]) -> bool:
    """Does a column of the file tell the same groups of cells, or the same times, apart?"""
    found = propose(set(values), "")
    numbers = dict(zip(found.labels, found.numbers, strict=True))
    return _same_groups(obs, values) or _same_groups(obs, [str(numbers[each]) for each in values])


def _same_groups(obs: Any, values: Sequence[str]) -> bool:
    groups = len(set(values))
    for column in obs.columns:
        if obs[column].ndim == 1 and obs[column].nunique() == groups:
            pairs = set(zip(labels_of(obs[column]).tolist(), values, strict=True))
            if len(pairs) == groups:
                return True
    return False
