"""Tables of text: what separates the fields, which line names the columns, and where the cells stand in it."""

from __future__ import annotations

import gzip
import io
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from cellflow_core.data.readers import gene_names, gene_rows, individuals, network, series, table_columns
from cellflow_core.data.readers.folders.matrix_market import plain
from cellflow_core.data.readers.individuals.source import Source
from cellflow_core.data.readers.limits import RATIO, RATIO_EXEMPT_BYTES, TEXT, amount, check_memory, memory
from cellflow_core.data.readers.table import (
    InvalidInputError,
    NotCellDataError,
    Table,
    names_of,
    short,
)
from cellflow_core.data.readers.text_layout import Layout, find_layout
from cellflow_core.data.times.column_names import is_time_name

_HEAD = 1 << 18  # bytes that are looked at to find the layout; more where one line is longer


class SizeLimitedReader(io.RawIOBase):
    """A stream of bytes that refuses to unpack to more than a table may be."""

    def __init__(self, source: IO[bytes], name: str, packed: int) -> None:
        self.source, self.name, self.packed, self.total = source, name, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.source.read(len(buffer))
        self.total += len(piece)
        check_memory(self.total * TEXT, self.name, f"more than {amount(self.total)} of text,")
        if self.total > RATIO_EXEMPT_BYTES and self.total > RATIO * self.packed:
            raise InvalidInputError(
                f"{self.name} unpacks from {amount(self.packed)} to more than {amount(self.total)}, {RATIO} times "
                "its size: "
                "it looks like a trap; unpack it yourself if it is none"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.source.close()
        super().close()


def of_text(path: Path, name: str, rows: int | None, orientation: str = "") -> Table:
    """The table of a file of text, which may be compressed with gzip. x holds the first rows only, if asked.

    orientation  "cells" or "genes" stand in the rows of a table whose names do not say it; "" asks where both may be
    """
    with opened(path, name) as file:
        head, most = file.read(_HEAD), memory() // 100
        while len(head) < most and head.count(b"\n") < 4 and (more := file.read(min(len(head), most - len(head)))):
            head += more  # twice as much each time, so that a line without end is not gone through again and again
    layout = find_layout(head, name)
    source = Source(name, layout.skip + 1)
    return of_frame(_frame(path, name, layout), source, bool(layout.names), rows, orientation)


def of_frame(frame: Any, source: Source, named: bool, rows: int | None = None, orientation: str = "") -> Table:
    """The table of a pandas.DataFrame; `named`: do its columns have names of their own, and not numbers?"""
    name = source.name
    if named:
        if (followed := individuals.of_frame(frame, source)) is not None:
            return _first(followed, rows)
        _check_numbers(frame, name)
    network.refuse(frame, name)
    names = tuple(map(str, frame.columns)) if named else ()
    for found in (series.of_frame(frame, names, name), gene_rows.of_frame(frame)):
        if found is not None:
            return _first(found, rows)
    if len(frame) and not any(kind.kind in "fiu" for kind in frame.dtypes):
        raise NotCellDataError(
            f"{name} holds {len(frame):,} lines of {frame.shape[1]} columns of words and no numbers, as a list of "
            "names does: choose the file with the measured values instead",
            "names",
        )
    return _first(_oriented(frame, orientation), rows)


def frame_of(path: Path, name: str) -> Any:
    """A table of text as a pandas.DataFrame, nothing made of its columns."""
    with opened(path, name) as file:
        return _frame(path, name, find_layout(file.read(_HEAD), name))


def _frame(path: Path, name: str, layout: Layout) -> Any:
    import pandas as pd

    with opened(path, name) as file, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(
                file,
                sep=layout.separator,
                names=list(layout.names) or None,
                header=None,
                skiprows=layout.skip,
                index_col=False,
                encoding=layout.encoding,
                decimal=layout.decimal,
                low_memory=False,
            )
        except (
            UnicodeDecodeError,
            EOFError,
            gzip.BadGzipFile,
            pd.errors.ParserError,
            pd.errors.ParserWarning,
            pd.errors.EmptyDataError,
            OverflowError,
            ValueError,
        ) as error:
            raise InvalidInputError(
                f"{name} is not a table of text ({short(error)}): one line of column names and one line a cell are "
                "expected, separated by commas or tabs"
            ) from error


def _oriented(frame: Any, orientation: str) -> Table:
    """A table without names may hold cells in rows or in columns: as given, else in rows and with a question."""
    bare = all(isinstance(each, int) for each in frame.columns)
    if orientation == "genes":
        named = not bare and frame.iloc[:, 0].dtype == object
        body = frame.iloc[:, 1:] if named else frame
        names = frame.iloc[:, 0].astype(str).tolist() if named else [f"gene {k + 1}" for k in range(len(body))]
        cells = [f"cell {k + 1}" for k in range(body.shape[1])] if bare else list(map(str, body.columns))
        turned = np.ascontiguousarray(body.to_numpy(dtype=np.float64).T)
        return Table("gene table", turned, tuple(names), gene_rows.of_names(cells), notes=("genes stand in the rows",))
    if bare and orientation == "cells" and not _may_be_axes(frame):
        frame = frame.set_axis([f"gene {k + 1}" for k in range(frame.shape[1])], axis=1)
    table = _of_cells(frame)
    if orientation or not bare or _may_be_axes(frame):
        return table
    asked = (
        f"no line and no column names cells or genes, so {frame.shape[0]:,} rows may be cells and {frame.shape[1]:,} "
        "columns genes, or cells the columns and genes the rows"
    )
    return replace(table, question=asked)


def _may_be_axes(frame: Any) -> bool:
    """Few columns, or values below zero: coordinates of cells, which stand in rows."""
    values = frame.to_numpy()
    return frame.shape[1] < 20 or values.dtype.kind not in "fiu" or bool(np.nanmin(values) < 0)


def _of_cells(frame: Any) -> Table:
    """One row a cell: columns of numbers are features, and every column can be the time."""
    import pandas as pd

    if all(isinstance(each, int) for each in frame.columns):
        frame = frame.set_axis([f"x{k + 1}" for k in range(len(frame.columns))], axis=1)
    numbers = [each for each in frame.columns if frame[each].dtype.kind in "fiu"]
    notes: list[str] = []
    if numbers and numbers[0] == frame.columns[0] and _counts_rows(frame[numbers[0]], numbers[0]):
        notes.append(f"the first column, {numbers[0]!r}, only counts the rows and was left out")
        frame, numbers = frame.drop(columns=numbers[0]), numbers[1:]
    elif (
        numbers
        and numbers[0] == frame.columns[0]
        and (runs := _counts_steps(frame[numbers[0]], numbers[0])) is not None
    ):
        notes.append(f"the first column, {numbers[0]!r}, counts the time steps of {runs.max() + 1} runs")
        frame = frame.rename(columns={numbers[0]: f"time step ({numbers[0]})"}).assign(
            run=[f"run {k + 1}" for k in runs]
        )
        numbers = numbers[1:]
    named, about = table_columns.not_features(frame)
    if named:
        shown = ", ".join(repr(str(each)) for each in named)
        notes.append(f"column {shown} numbers or names the cells and is no gene")
        frame = frame.set_axis(frame[named[0]].map(lambda each: f"{each:.0f}"), axis=0).drop(columns=named)
    if about:
        notes.append(f"columns {', '.join(map(repr, about))} say something of a cell and are no genes")
    numbers = [each for each in numbers if each not in named and str(each) not in about]
    words = [each for each in frame.columns if frame[each].dtype == object]
    if words and not named and words[0] == frame.columns[0] and frame[words[0]].is_unique:
        recorded = gene_rows.of_names(frame[words[0]].astype(str).tolist())
        recorded = recorded[[each for each in recorded.columns if each not in frame.columns]]
        frame = pd.concat([frame.drop(columns=words[0]).set_axis(recorded.index), recorded], axis=1)
    x = frame[numbers].to_numpy(dtype=np.float64)
    found = gene_names.features(numbers)
    if found.names != names_of(numbers):  # a time column is looked up by its name in the file
        frame = frame.rename(columns=dict(zip(numbers, found.names, strict=True)))
    return Table("table", x, found.names, frame, notes=(*notes, *found.notes), ids=found.ids)


def _first(table: Table, rows: int | None) -> Table:
    return replace(table, x=table.x[:rows]) if rows else table


def opened(path: Path, name: str) -> IO[bytes]:
    """The bytes of a file, unpacked where it is compressed; refuses more than the memory allows."""
    return io.BufferedReader(SizeLimitedReader(plain(path), name, path.stat().st_size))


def _check_numbers(frame: Any, name: str) -> None:
    """Refuse a column of numbers in which a few values are none."""
    import pandas as pd

    decimals: list[str] = []
    for column in frame.columns:
        if frame[column].dtype != object or is_time_name(column):
            continue
        read: Any = pd.to_numeric(frame[column], errors="coerce")
        broken = frame[column][read.isna() & frame[column].notna()]
        kinds = {_commas(str(each)) for each in broken.unique()}
        if kinds == {"thousands"}:
            _refuse_commas(broken, column, name)
        decimals += [column] if kinds and "" not in kinds else []
        if len(broken) and read.notna().mean() > 0.9:
            raise InvalidInputError(
                f"{name}: column {column!r} holds {len(broken)} values that are no numbers among numbers, for example "
                f"{str(broken.iloc[0])[:30]!r}: correct them, or leave the fields empty"
            )
    if len(decimals) > 1:
        _refuse_commas(frame[decimals[0]], decimals[0], name)


def _commas(text: str) -> str:
    """What the comma in a number may separate: "thousands" (1,204) or "decimals" (0,53); "" for what is no number."""
    if re.fullmatch(r"\s*-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?\s*", text):
        return "thousands"
    return "decimals" if re.fullmatch(r"\s*-?\d+,\d+\s*", text) else ""


def _refuse_commas(values: Any, column: str, name: str) -> None:
    example = next(str(each) for each in values.dropna() if "," in str(each))
    raise InvalidInputError(
        f"{name}: column {column!r} holds numbers with a comma inside, for example {example[:30]!r}, which may "
        "separate thousands or decimals: write them without separators of thousands and with a point before decimals"
    )


def _counts_steps(column: Any, name: str) -> Any:
    """The run of each row, [rows], where the column counts 0, 1, 2 ... and begins again; None where it doesn't."""
    values = column.to_numpy()
    begins = values == values[0]
    steps = np.diff(values)
    if is_time_name(name) or begins.sum() < 2 or len(values) < 5 * begins.sum() or values[0] not in (0, 1):
        return None
    return np.cumsum(begins) - 1 if ((steps == 1) | begins[1:]).all() else None


def _counts_rows(column: Any, name: str) -> bool:
    values = column.to_numpy()
    steps = len(values) > 1 and bool((np.diff(values) == 1).all()) and values[0] in (0, 1)
    return steps and (name.startswith("Unnamed") or name.lower() in {"", "index", "cell", "cell_id", "row", "id"})
