"""One file of cells into one table: `.h5ad`, or a text table with one row a cell. What cannot be read is told."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cellflow_core.data.times import is_time_name

Array = np.ndarray
TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
MISSING = "missing"


class BadInput(ValueError):
    """A file that cannot become a data set: what was found, what was expected, what to do."""


@dataclass(frozen=True)
class Table:
    """Cells as they stand in the file.

    x       [cells, features] numpy or scipy.sparse; where only a look was asked for, the first rows of it
    obs     pandas.DataFrame with one row a cell: everything that is not a feature
    obsm    other coordinates of the cells, each [cells, k]
    logged  does the file say that x is logarithmic?
    """

    format: Literal["h5ad", "table"]
    x: Any
    features: tuple[str, ...]
    obs: Any
    obsm: Mapping[str, Array] = field(default_factory=dict)
    logged: bool = False
    notes: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        return len(self.obs)


def read(path: Path, name: str, rows: int | None = None) -> Table:
    """The table of a file, by its content and the ending of its name. With `rows`, x holds only so many rows.

    Raises BadInput with one sentence.
    """
    lower = name.lower()
    if not path.is_file():
        raise BadInput(f"{name} is not there any more: choose the file again")
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise BadInput(f"{name} is empty (0 bytes): choose the file again, the upload may have been cut off")
    if lower.endswith((".h5ad", ".h5")):
        table = _read_h5ad(path, name, start, rows)
    elif lower.endswith(TABLES):
        table = _read_text(path, name, start)
    else:
        raise BadInput(f"{name} has an ending that is not known: .h5ad, .csv and .tsv files can be read")
    if not table.cells or not table.features:
        raise BadInput(
            f"{name} holds {table.cells} cells and {len(table.features)} features: a table with at least one of each "
            "is needed; check how the file was written"
        )
    return table


def labels_of(column: Any) -> Array:
    """The values of a pandas column as text, [cells]; empty ones are "missing"."""
    absent = column.isna().to_numpy()
    if column.dtype.kind in "fiu":
        text = [f"{each:.12g}" for each in column.to_numpy()]
    else:
        text = [str(each).strip() for each in column.astype(object)]
    return np.where(absent, MISSING, np.asarray(text, dtype=np.str_))


def _read_h5ad(path: Path, name: str, start: bytes, rows: int | None) -> Table:
    if not start.startswith(b"\x89HDF\r\n\x1a\n"):
        shown = start[:20].decode("ascii", "replace").encode("unicode_escape").decode()
        raise BadInput(
            f'{name} is not an .h5ad file inside: it begins with "{shown}" and not as HDF5 does; save it with '
            "adata.write_h5ad(), or name it .csv if it is a table"
        )
    import anndata
    import h5py

    try:
        with h5py.File(path) as file:
            keys = set(file)
    except OSError as error:
        raise BadInput(
            f"{name} is cut short or damaged and cannot be opened ({_short(error)}): copy or upload it again"
        ) from error
    if not {"obs", "var"} <= keys:
        raise BadInput(
            f"{name} is HDF5 but not AnnData: it holds {', '.join(sorted(keys)) or 'nothing'} where obs, var and X are "
            "expected; save it with adata.write_h5ad()"
        )
    if "X" not in keys:
        raise BadInput(f"{name} has no matrix X: put the values there, for example adata.X = adata.layers['counts']")
    # Besides these, anndata raises an error of its own that is a plain Exception.
    from anndata._io.specs.registry import IORegistryError

    try:
        with _old_files_are_fine():
            held = anndata.read_h5ad(path, backed="r" if rows else None)
            try:
                return _of_anndata(held, name, rows)
            finally:
                if held.isbacked:
                    held.file.close()
    except BadInput:
        raise
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        RuntimeError,
        IORegistryError,
    ) as error:
        raise BadInput(
            f"{name} is damaged, or was written in a way anndata cannot read ({_short(error)}): write it again with "
            "adata.write_h5ad() or upload it again"
        ) from error


def _of_anndata(held: Any, name: str, rows: int | None) -> Table:
    notes: list[str] = []
    features = tuple(map(str, held.var_names))
    x = held.X[:rows] if rows else held.X
    raw = held.raw
    if raw is not None and x.size and _least(x) < 0 and raw.X is not None:
        kept = raw.X[:rows] if rows else raw.X[:]
        if kept.shape[0] == x.shape[0] and _least(kept) >= 0:
            notes.append("X holds values below zero (scaled), so the unscaled values of .raw are used")
            x, features = kept, tuple(map(str, raw.var_names))
    obsm = {key: np.asarray(value) for key, value in held.obsm.items() if _is_coordinates(key, value)}
    if "X_clone" in held.obsm:
        obsm["X_clone"] = held.obsm["X_clone"]
    return Table("h5ad", _plain(x, name), features, held.obs, obsm, "log1p" in held.uns, tuple(notes))


def _read_text(path: Path, name: str, start: bytes) -> Table:
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
            f"{name} is not a table of text ({_short(error)}): one line of column names and one line a cell are "
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


def _is_coordinates(key: str, value: Any) -> bool:
    """A plain numeric table of two or more columns that is no velocity."""
    if key == "X_clone" or "velocity" in key.lower():
        return False
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] >= 2 and value.dtype.kind in "fiu"


def _plain(x: Any, name: str) -> Any:
    """As numpy or scipy.sparse of numbers."""
    if not hasattr(x, "tocsr"):
        x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise BadInput(f"X of {name} holds values of type {x.dtype} where numbers are expected: convert them first")
    return x if isinstance(x, np.ndarray) else x.tocsr()


def _least(x: Any) -> float:
    return float(np.nanmin(np.asarray(x))) if not hasattr(x, "tocsr") else float(x.tocsr().min())


@contextmanager
def _old_files_are_fine() -> Iterator[None]:
    """Without the warnings of anndata on files of older versions and on names that appear twice, which we handle."""
    import anndata

    with warnings.catch_warnings():
        for message in (
            "Variable names are not unique",
            "Observation names are not unique",
            "Transforming to str index",
        ):
            warnings.filterwarnings("ignore", message=message)
        for category in (anndata.OldFormatWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120].strip("'\"") or type(error).__name__
