"""Tables of text: one row a cell."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers.table import BadInput, Table, short
from cellflow_core.data.times import is_time_name


def read_text(path: Path, name: str, start: bytes) -> Table:
    import pandas as pd

    if start.startswith(b"\x89HDF"):
        raise BadInput(f"{name} is an HDF5 file inside: name it .h5ad if it was written by adata.write_h5ad()")
    zipped = start.startswith(b"\x1f\x8b")
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if zipped else path.open(encoding="utf-8-sig") as file:
            header = file.readline()
            first = file.readline()
        separator = max(
            "\t,; ", key=lambda each: (min(header.count(each), first.count(each)), "\t,; ".index(each) == 0)
        )
        frame = pd.read_csv(
            path, sep=separator, compression="gzip" if zipped else None, encoding="utf-8-sig", low_memory=False
        )
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadInput(
            f"{name} is not a table of text ({short(error)}): one line of column names and one line a cell are "
            "expected, separated by commas or tabs"
        ) from error
    frame.columns = _unlike(frame.columns)
    _check_numbers(frame, name)
    numbers = [each for each in frame.columns if frame[each].dtype.kind in "fiu"]
    notes: list[str] = []
    if numbers and numbers[0] == frame.columns[0] and _counts_rows(frame[numbers[0]], numbers[0]):
        notes.append(f"the first column, {numbers[0]!r}, only counts the rows and was left out")
        frame, numbers = frame.drop(columns=numbers[0]), numbers[1:]
    return Table("table", frame[numbers].to_numpy(dtype=np.float64), tuple(numbers), frame, {}, False, tuple(notes))


def _check_numbers(frame: Any, name: str) -> None:
    """Refuse a column of numbers in which a few values are none."""
    import pandas as pd

    for column in frame.columns:
        if frame[column].dtype != object or is_time_name(column):
            continue
        read: Any = pd.to_numeric(frame[column], errors="coerce")
        broken = frame[column][read.isna() & frame[column].notna()]
        if len(broken) and read.notna().mean() > 0.9:
            raise BadInput(
                f"{name}: column {column!r} holds {len(broken)} values that are no numbers among numbers, for example "
                f"{str(broken.iloc[0])[:30]!r}: correct them, or leave the fields empty"
            )


def _unlike(columns: Any) -> list[str]:
    """Column names without blanks around them, numbered where that makes two alike."""
    names: list[str] = []
    for each in map(str.strip, map(str, columns)):
        names.append(each if each not in names else f"{each}-{len(names)}")
    return names


def _counts_rows(column: Any, name: str) -> bool:
    values = column.to_numpy()
    steps = len(values) > 1 and bool((np.diff(values) == 1).all()) and values[0] in (0, 1)
    return steps and (name.startswith("Unnamed") or name.lower() in {"", "index", "cell", "cell_id", "row", "id"})
