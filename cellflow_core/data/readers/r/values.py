"""Matrices, data frames and columns of R as arrays: factors with their names, missing values missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cellflow_core.data.readers.limits import COLUMNS, check_memory
from cellflow_core.data.readers.r.serialised import MISSING_INTEGER, NULL, RObject
from cellflow_core.data.readers.table import InvalidInputError

Array = np.ndarray
FRAMES = ("data.frame", "DFrame", "DataFrame")
_SPARSE = ("dgCMatrix", "dgTMatrix", "dgRMatrix", "lgCMatrix", "ngCMatrix", "dgeMatrix")


@dataclass(frozen=True)
class RMatrix:
    """A matrix of R [genes, cells], dense or of package Matrix, which is read when it is asked for.

    genes, cells  names of its rows and columns, () where it has none
    """

    held: RObject
    shape: tuple[int, int]
    genes: tuple[str, ...]
    cells: tuple[str, ...]

    def read(self, name: str, rows: int | None = None) -> Any:
        """[cells, genes] as CSR, or dense where R keeps it so; with `rows`, the first cells only."""
        from scipy.sparse import coo_matrix, csc_matrix, csr_matrix

        held, (genes, cells) = self.held, self.shape
        kind = held.classes[0] if held.classes else ""
        count = min(rows or cells, cells)
        if kind not in _SPARSE or kind == "dgeMatrix":
            values = held.slot("x").value if kind == "dgeMatrix" else held.value
            check_memory(count * genes * 8, name, "values of a dense matrix")
            return _numbers(values.reshape(cells, genes)[:count])
        entries = held.slot("x").value
        stored = len(held.slot("i" if kind != "dgRMatrix" else "j").value)
        check_memory(stored * 12, name, f"{stored:,} values")
        if kind == "dgTMatrix":
            at = (np.asarray(held.slot("j").value), np.asarray(held.slot("i").value))
            return csr_matrix(coo_matrix((_numbers(entries), at), (cells, genes)))[:count]
        by_gene = kind == "dgRMatrix"
        starts = np.asarray(held.slot("p").value, dtype=np.int64)
        if len(starts) != (genes if by_gene else cells) + 1 or starts[0] or (np.diff(starts) < 0).any():
            raise ValueError(f"{len(starts)} starts of the rows or columns of a matrix of {genes} x {cells}")
        starts = starts if by_gene else starts[: count + 1]
        values = np.ones(starts[-1]) if kind == "ngCMatrix" else _numbers(entries[: starts[-1]])
        at = held.slot("j" if by_gene else "i").value[: starts[-1]].astype(np.int32)
        shape = (cells, genes) if by_gene else (count, genes)
        found = (csc_matrix if by_gene else csr_matrix)((values, at, starts), shape)
        found.check_format()
        return csr_matrix(found)[:count]


def matrix_of(held: RObject) -> RMatrix | None:
    """A matrix that lies in the file; None for anything else, among it a matrix whose values are in another file."""
    s4 = held.classes[:1] and held.classes[0] in _SPARSE
    shape, names = (held.slot("Dim"), held.slot("Dimnames")) if s4 else (held.slot("dim"), held.slot("dimnames"))
    dense = isinstance(held.value, np.ndarray) and held.value.dtype.kind in "fi"
    if not isinstance(shape.value, np.ndarray) or len(shape.value) != 2 or not (s4 or dense):
        return None
    genes, cells = (int(each) for each in shape.value)
    rows, columns = (texts(each) for each in names.value) if isinstance(names.value, list) else ((), ())
    if (rows and len(rows) != genes) or (columns and len(columns) != cells):
        raise ValueError(f"names of {len(rows)} x {len(columns)} for a matrix of {genes} x {cells}")
    return RMatrix(held, (genes, cells), rows, columns)


@dataclass(frozen=True)
class Place:
    """Values [cells, genes] that a person may choose: one matrix, or several of different cells one below the other."""

    parts: tuple[RMatrix, ...]

    @cached_property
    def genes(self) -> tuple[str, ...]:
        first, *others = self.parts
        return tuple(dict.fromkeys(each for part in self.parts for each in part.genes)) if others else first.genes

    @cached_property
    def cells(self) -> tuple[str, ...]:
        return tuple(each for part in self.parts for each in part.cells)

    def read(self, name: str, rows: int | None = None) -> Any:
        """[cells, genes] numpy or CSR; a gene that a part has not measured is zero there."""
        from scipy.sparse import csr_matrix, vstack

        if len(self.parts) == 1:
            return self.parts[0].read(name, rows)
        position = {each: k for k, each in enumerate(self.genes)}
        left, found = rows or len(self.cells), []
        for part in self.parts:
            if left <= 0:
                break
            own: Any = csr_matrix(part.read(name, min(left, part.shape[1])))
            at = np.asarray([position[each] for each in part.genes])
            found.append(csr_matrix((own.data, at[own.indices], own.indptr), (own.shape[0], len(position))))
            left -= own.shape[0]
        return vstack(found, format="csr")


def texts(held: RObject) -> tuple[str, ...]:
    """Text of a vector; () where there is none."""
    values: Any = held.value
    if isinstance(values, np.ndarray):
        return tuple(f"{each:g}" for each in values)
    return tuple("" if each is None else str(each) for each in values) if isinstance(values, list) else ()


def frame_of(held: RObject, name: str, cells: Sequence[str] = ()) -> Any:
    """A data.frame, or a DataFrame of S4Vectors, with its own row names, else those of `cells`."""
    import pandas as pd

    columns = held.slot("listData").named() or held.named()
    if len(columns) > COLUMNS:
        raise InvalidInputError(
            f"{name} has {len(columns):,} columns beside its cells and at most {COLUMNS:,} are read: keep those needed"
        )
    rows = held.slot("rownames") if held.slot("rownames") is not NULL else held.slot("row.names")
    found = {key: each for key, held in columns.items() if (each := column(held)) is not None}
    count = max(map(len, found.values()), default=len(cells))
    index = texts(rows) if isinstance(rows.value, list) else tuple(cells)
    if len(index) != count:
        index = tuple(f"cell {k + 1}" for k in range(count))
    whole = {key: each for key, each in found.items() if len(each) == count}
    return pd.DataFrame(whole, index=pd.Index(index, dtype=object))


def column(held: RObject) -> Any:
    """One value a row as pandas takes it: factors as categories, NA as missing; None for what is no column."""
    import pandas as pd

    if "Rle" in held.classes:
        values, lengths = column(held.slot("values")), held.slot("lengths").value
        return None if values is None else values.repeat(np.asarray(lengths, dtype=np.int64))
    values = held.value
    if isinstance(values, list):
        plain = bool(values) and all(each is None or isinstance(each, str) for each in values)
        return np.asarray(values, dtype=object) if plain else None
    if not isinstance(values, np.ndarray) or "dim" in held.attributes or values.dtype.kind not in "fi":
        return None
    if "levels" in held.attributes:
        codes = np.where(values == MISSING_INTEGER, 0, values).astype(np.int64) - 1
        return pd.Categorical.from_codes(codes, list(dict.fromkeys(texts(held.slot("levels")))))
    return _numbers(values)


def _numbers(values: Array) -> Array:
    """In the order of bytes of this machine; whole numbers stay so where none is missing."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    missing = values == MISSING_INTEGER
    return np.where(missing, np.nan, values).astype(np.float64) if missing.any() else values.astype(np.int32)
