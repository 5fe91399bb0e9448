"""Tables of text: what separates the fields, which line names the columns, and where the cells stand in it."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from cellflow_core.data.readers import gene_rows, longitudinal_table, network, series
from cellflow_core.data.readers.folders.matrix_market import plain
from cellflow_core.data.readers.limits import FIELDS, RATIO, RATIO_EXEMPT_BYTES, TEXT, amount, check_memory, memory
from cellflow_core.data.readers.table import (
    KNOWN,
    InvalidInputError,
    NotCellDataError,
    Table,
    make_unique,
    names_of,
    short,
)
from cellflow_core.data.times.column_names import is_time_name

_HEAD = 1 << 18  # bytes that are looked at to find the layout; more where one line is longer


@dataclass(frozen=True)
class Layout:
    """How a table is written: `names` are empty where no line names the columns, values come after `skip` lines."""

    separator: str
    names: tuple[str, ...]
    skip: int
    encoding: str
    decimal: str = "."


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


def of_text(path: Path, name: str, rows: int | None) -> Table:
    """The table of a file of text, which may be compressed with gzip. x holds the first rows only, if asked."""
    with _opened(path, name) as file:
        head, most = file.read(_HEAD), memory() // 100
        while len(head) < most and head.count(b"\n") < 4 and (more := file.read(min(len(head), most - len(head)))):
            head += more  # twice as much each time, so that a line without end is not gone through again and again
    layout = find_layout(head, name)
    frame = _frame(path, name, layout)
    if layout.names:
        _check_numbers(frame, name)
    network.refuse(frame, name)
    for found in (
        series.of_frame(frame, layout.names, name),
        longitudinal_table.of_frame(frame),
        gene_rows.of_frame(frame),
    ):
        if found is not None:
            return _first(found, rows)
    if len(frame) and not any(kind.kind in "fiu" for kind in frame.dtypes):
        raise NotCellDataError(
            f"{name} holds {len(frame):,} lines of {frame.shape[1]} columns of words and no numbers, as a list of "
            "names does: choose the file with the measured values instead",
            "names",
        )
    return _first(_of_cells(frame), rows)


def find_layout(head: bytes, name: str) -> Layout:
    """The layout of a table by its first lines. Raises BadInput where there is no text."""
    text, encoding = _decoded(head, name)
    lines = text.splitlines()
    at = 0
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith(("#", "%"))):
        at += 1
    if at == len(lines):
        raise InvalidInputError(
            f"{name} holds no line with values: one line of column names and one line a cell are expected"
        )
    data = [each for each in lines[at:] if each.strip()][:2]
    separator = _separator(data)
    if any(_is_wide(each, separator) for each in data):
        raise InvalidInputError(
            f"{name} has more than the {FIELDS:,} columns that are read at most: save large tables as .h5ad, or turn "
            "rows and columns"
        )
    first, second = _fields(data[0], separator), _fields(data[-1], separator)
    decimal = "," if separator == ";" and re.search(r"\d,\d", data[-1]) else "."
    numeric = all(_is_number(each, decimal) for each in first)
    comment = _fields(lines[at - 1].lstrip("#% \t"), separator) if at else []
    if numeric and len(comment) == len(first) and not any(_is_number(each, decimal) for each in comment):
        return Layout(separator, _named(comment), at, encoding, decimal)
    if numeric or (_is_number(first[0], decimal) and _blank_after_two(first)):
        return Layout(separator, (), at, encoding, decimal)
    if len(second) == len(first) + 1:
        first = ["", *first]
    return Layout(separator, _named(first), at + 1, encoding, decimal)


def _frame(path: Path, name: str, layout: Layout) -> Any:
    import pandas as pd

    with _opened(path, name) as file, warnings.catch_warnings():
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
    words = [each for each in frame.columns if frame[each].dtype == object]
    if words and words[0] == frame.columns[0] and frame[words[0]].is_unique:
        told = gene_rows.of_names(frame[words[0]].astype(str).tolist())
        told = told[[each for each in told.columns if each not in frame.columns]]
        frame = pd.concat([frame.drop(columns=words[0]).set_axis(told.index), told], axis=1)
    return Table("table", frame[numbers].to_numpy(dtype=np.float64), tuple(numbers), frame, notes=tuple(notes))


def _first(table: Table, rows: int | None) -> Table:
    from dataclasses import replace

    return replace(table, x=table.x[:rows]) if rows else table


def _opened(path: Path, name: str) -> IO[bytes]:
    return io.BufferedReader(SizeLimitedReader(plain(path), name, path.stat().st_size))


def _decoded(head: bytes, name: str) -> tuple[str, str]:
    """The text and its encoding: UTF-8, UTF-16 with a mark, else that of Windows."""
    encodings = ("utf-16",) if head.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        strange = sum(not (each.isprintable() or each.isspace()) for each in text[:4000])
        if strange <= len(text[:4000]) // 100 and "\0" not in text:
            return text, encoding
    begins = head[:20].decode("ascii", "replace").encode("unicode_escape").decode()
    raise InvalidInputError(
        f'{name} is not a table of text, nor a format that is known: it begins with "{begins}"; {KNOWN}'
    )


def _separator(lines: list[str]) -> str:
    counts = {each: min(line.count(each) for line in lines) for each in "\t;,"}
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] else r"\s+"


def _is_wide(line: str, separator: str) -> bool:
    """Has it more fields than are read? They are counted before any of them is made."""
    if separator == r"\s+":
        return len(line.split(maxsplit=FIELDS)) > FIELDS
    return line.count(separator) >= FIELDS


def _fields(line: str, separator: str) -> list[str]:
    if separator == r"\s+":
        return [each.strip('"') for each in line.split()]
    return [each.strip() for each in next(csv.reader([line], delimiter=separator))]


def _named(fields: list[str]) -> tuple[str, ...]:
    return tuple(make_unique(names_of(["index" if k == 0 and not each else each for k, each in enumerate(fields)])))


def _is_number(text: str, decimal: str) -> bool:
    try:
        float(text.replace(decimal, "."))
    except ValueError:
        return text in ("NA", "NaN")
    return True


def _blank_after_two(fields: list[str]) -> bool:
    return len(fields) > 2 and not any(fields[2:])


def _check_numbers(frame: Any, name: str) -> None:
    """Refuse a column of numbers in which a few values are none."""
    import pandas as pd

    for column in frame.columns:
        if frame[column].dtype != object or is_time_name(column):
            continue
        read: Any = pd.to_numeric(frame[column], errors="coerce")
        broken = frame[column][read.isna() & frame[column].notna()]
        if len(broken) and read.notna().mean() > 0.9:
            raise InvalidInputError(
                f"{name}: column {column!r} holds {len(broken)} values that are no numbers among numbers, for example "
                f"{str(broken.iloc[0])[:30]!r}: correct them, or leave the fields empty"
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
