"""HDF5 files opened with care: nothing outside the file is reached, nothing larger than the memory is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers import hdf5_check
from cellflow_core.data.readers.limits import OBJECTS, check_memory
from cellflow_core.data.readers.table import InvalidInputError, short

Array = np.ndarray
HEAD = 520
"""Bytes of a file that tell whether it is HDF5: MuData writes 512 of its own before the mark."""
_MARK = b"\x89HDF\r\n\x1a\n"
TEXT_VALUE = 80  # bytes a text of unknown length takes in memory


def is_hdf5(start: bytes) -> bool:
    """Is a file that begins with these HEAD bytes HDF5?"""
    return start.startswith(_MARK) or start[512:520] == _MARK


@contextmanager
def opened(path: Path, name: str) -> Iterator[Any]:
    """The h5py.File, after a look at every link in it. Raises InvalidInputError."""
    import h5py

    hdf5_check.check(path, name, size, lambda file: _check_links(file, name))
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        raise InvalidInputError(
            f"{name} is cut short or damaged and cannot be opened ({short(error)}): copy or upload it again"
        ) from error
    with file:
        _check_links(file, name)
        yield file


def _check_links(file: Any, name: str) -> None:
    """Refuse links to other files, data kept in other files and more objects than any file of cells has."""
    from h5py import h5d, h5l, h5o  # type: ignore[attr-defined]

    links: list[tuple[bytes, int]] = []

    def look(link: bytes, info: Any) -> bool | None:
        links.append((link, info.type))
        return True if len(links) > OBJECTS else None  # whatever is not None ends the visit; nothing may be raised here

    file.id.links.visit(look, info=True)
    if len(links) > OBJECTS:
        raise InvalidInputError(
            f"{name} holds more than {OBJECTS:,} arrays and groups and a file of cells has some hundred: remove the "
            "annotations that are not needed"
        )
    for link, kind in links:
        if kind == h5l.TYPE_HARD:
            held = h5o.open(file.id, link)
            if isinstance(held, h5d.DatasetID):
                made = held.get_create_plist()
                if made.get_external_count() > 0 or made.get_layout() == h5d.VIRTUAL:
                    raise InvalidInputError(_reaches_out(name, link))
        elif kind != h5l.TYPE_SOFT:
            raise InvalidInputError(_reaches_out(name, link))


def _reaches_out(name: str, link: bytes) -> str:
    shown = link.decode("utf-8", "replace")[:60].encode("unicode_escape").decode()
    return (
        f"{name} keeps {shown} in another file, which is not read for safety: write all of it into one file, for "
        "example "
        "with adata.write_h5ad()"
    )


def is_group(held: Any) -> bool:
    """Is it a group, and no array?"""
    import h5py

    return isinstance(held, h5py.Group)


def size(held: Any) -> int:
    """Bytes that an array, or all arrays of a group, declare."""
    import h5py

    if isinstance(held, h5py.Group):
        return sum(size(each) for each in held.values())
    one = held.dtype.itemsize if held.dtype.kind != "O" else TEXT_VALUE
    chunk = math.prod(held.chunks) if held.chunks else 0
    return max(math.prod(held.shape or (1,)), chunk) * one


def strings(held: Any, name: str) -> list[str]:
    """An array of text of one dimension."""
    check_memory(size(held), name, "names")
    if held.ndim != 1:
        raise InvalidInputError(
            f"{name} holds names with {held.ndim} dimensions where one is expected: write the file again"
        )
    values = held[:]
    return [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values.tolist()]


def matrix(held: Any, name: str, what: str, rows: int | None = None) -> Any:
    """A dense array or a group with a sparse one, as numpy or CSR [cells, features]; only the first rows if asked.

    Raises InvalidInputError where it is no matrix of numbers, declares more than fits, or contradicts itself.
    """
    import h5py

    if isinstance(held, h5py.Dataset):
        if held.ndim != 2:
            raise InvalidInputError(f"{what} of {name} has {held.ndim} dimensions where cells x features are expected")
        _check_numbers(held, name, what)
        wanted = min(rows or held.shape[0], held.shape[0])
        chunk = math.prod(held.chunks) if held.chunks else 0
        check_memory(max(wanted * held.shape[1], chunk) * held.dtype.itemsize, name, f"values of {what}")
        return _wide(held[:wanted])
    stored = dict(held.attrs)
    kind = str(stored.get("encoding-type", stored.get("h5sparse_format", "")))
    shape = stored.get("shape", stored.get("h5sparse_shape"))
    if not kind.startswith(("csr", "csc")) or shape is None or not {"data", "indices", "indptr"} <= set(held):
        raise InvalidInputError(
            f"{what} of {name} is neither a dense array nor a sparse one in rows or columns ({kind or 'no kind'}): "
            "write "
            "it again with adata.write_h5ad()"
        )
    by_rows = kind.startswith("csr")
    return sparse(held, (int(shape[0]), int(shape[1])), name, what, rows, by_rows)


def sparse(held: Any, shape: tuple[int, int], name: str, what: str, rows: int | None, by_rows: bool = True) -> Any:
    """CSR [cells, features] from a group of data, indices and indptr, each checked before anything relies on it."""
    from scipy.sparse import csc_matrix, csr_matrix

    _check_numbers(held["data"], name, what)
    wanted = shape[0] if rows is None else min(rows, shape[0])
    along = (wanted if by_rows else shape[1]) + 1
    if held["indptr"].ndim != 1 or held["indptr"].shape[0] != (shape[0] if by_rows else shape[1]) + 1:
        raise InvalidInputError(
            f"{what} of {name} contradicts itself: its indptr does not fit its shape {shape}; write it again"
        )
    check_memory(along * 8, name, f"row starts of {what}")
    indptr = held["indptr"][:along].astype(np.int64)
    if indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] > held["data"].shape[0]:
        raise InvalidInputError(f"{what} of {name} contradicts itself: its indptr is not ascending; write it again")
    end = int(indptr[-1])
    one = held["data"].dtype.itemsize + held["indices"].dtype.itemsize
    if by_rows or rows is None:
        check_memory(end * one * (1 if by_rows else 2), name, f"values of {what}")
        parts = (_wide(held["data"][:end]), held["indices"][:end], indptr)
        found = csr_matrix(parts, shape=(wanted, shape[1])) if by_rows else csc_matrix(parts, shape=shape)
        found.check_format(full_check=True)
        return found.tocsr()
    return _first_rows(held, indptr, (wanted, shape[1]))


def _wide(values: Array) -> Array:
    """Values of 16 bits as those of 32: their sums overflow at 65,504."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _first_rows(held: Any, indptr: Array, shape: tuple[int, int], block: int = 4_000_000) -> Any:
    """The first rows of a matrix stored by columns, which is read in blocks."""
    from scipy.sparse import coo_matrix

    data, row, column = [], [], []
    for start in range(0, int(indptr[-1]), block):
        end = min(start + block, int(indptr[-1]))
        indices = held["indices"][start:end]
        kept = np.flatnonzero(indices < shape[0])
        data.append(_wide(held["data"][start:end])[kept])
        row.append(indices[kept])
        column.append(np.searchsorted(indptr, kept + start, side="right") - 1)
    if not data:
        return coo_matrix(shape, dtype=held["data"].dtype).tocsr()
    found = coo_matrix((np.concatenate(data), (np.concatenate(row), np.concatenate(column))), shape=shape)
    return found.tocsr()


def _check_numbers(held: Any, name: str, what: str) -> None:
    if held.dtype.kind not in "fiub" or held.dtype.subdtype is not None:
        raise InvalidInputError(
            f"{what} of {name} holds values of type {held.dtype} where numbers are expected: convert them first"
        )
