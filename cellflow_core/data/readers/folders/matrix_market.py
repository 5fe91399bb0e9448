"""Matrices in the MatrixMarket format with names of genes and cells beside them; each may be compressed with gzip."""

from __future__ import annotations

import gzip
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.folders.joined import joined
from cellflow_core.data.readers.gene_names import Features
from cellflow_core.data.readers.limits import RATIO, RATIO_EXEMPT_BYTES, amount, check_memory, memory
from cellflow_core.data.readers.table import InvalidInputError, Table, short
from cellflow_core.data.readers.tenx import by_kind

_BANNER = [b"%%matrixmarket", b"matrix", b"coordinate"]
_FIELDS = (b"integer", b"real", b"double", b"unsigned-integer", b"pattern")
_ENTRY = 4  # bytes that the shortest entry takes as text, "1 1" and the end of the line


@dataclass(frozen=True)
class Folder:
    """Where the files of one folder were put, and how they are written.

    matrices  "matrix", or "spliced" and "unspliced", and "ambiguous" -> file
    symbols   a file of symbols beside one of accession ids (kb-python)
    *_are_csv genes and cells are tables with a line of names (Parse)
    """

    label: str
    genes: Path
    barcodes: Path
    matrices: Mapping[str, Path]
    symbols: Path | None = None
    genes_are_csv: bool = False
    cells_are_csv: bool = False
    format: str = "10x matrix"
    notes: tuple[str, ...] = ()


def of_folders(folders: list[Folder], name: str, rows: int | None) -> Table:
    """One table of all folders: a column "sample" tells them apart, genes that all of them have are kept."""
    return joined([_of_folder(each, name, rows) for each in folders], [each.label for each in folders], name,
                  "folders", rows)  # fmt: skip


def _of_folder(folder: Folder, name: str, rows: int | None) -> Table:
    features, halves = _features(folder, name)
    obs = _cells(folder, name)
    shape = (len(halves) or len(features), len(obs))
    read = {key: _matrix(path, shape, name, rows) for key, path in folder.matrices.items()}
    if halves and "matrix" in read:
        read |= _usa(read["matrix"], features, halves)
    if "matrix" not in read and "spliced" not in read:
        raise InvalidInputError(
            f"{name} holds {' and '.join(read)} values without spliced ones: put spliced and unspliced matrices into "
            "the folder"
        )
    main = "matrix" if "matrix" in read else "spliced"
    kept = {key: by_kind(each, features)[0] for key, each in read.items() if key != "matrix"}
    x, named, panels = by_kind(read[main], features)
    notes = (*folder.notes, *named.notes)
    return Table(folder.format, x, named.names, obs, {}, False, notes, kept, panels, ids=named.ids)


def _features(folder: Folder, name: str) -> tuple[Features, list[str]]:
    """Names of the features; and the lines themselves where alevin-fry wrote each gene three times (USA mode)."""
    import pandas as pd

    if folder.genes_are_csv:
        with plain(folder.genes) as file:
            table = pd.read_csv(file, dtype=str)
        columns = {str(each): table[each].fillna("").tolist() for each in table.columns}
        index = columns.get("gene_name") or next(iter(columns.values()))
        return gene_names.features(
            [own or id for own, id in zip(index, next(iter(columns.values())), strict=True)], columns
        ), []
    lines = [line.split("\t") for line in _lines(folder.genes, name)]
    if folder.symbols is not None:
        symbols = _lines(folder.symbols, name)
        if len(symbols) == len(lines):
            return gene_names.features([line[0] for line in lines], {"symbol": symbols}), []
    whole = [line[0] for line in lines]
    spliced = [each for each in whole if not re.search(r"-[UA]$", each)]
    if len(whole) == 3 * len(spliced) and {f"{each}-U" for each in spliced} <= set(whole):
        return gene_names.features(spliced), whole
    beside = {
        key: [line[k] for line in lines]
        for k, key in ((0, "gene_ids"), (2, "feature_types"))
        if lines and all(len(line) > max(k, 1) for line in lines)
    }
    return gene_names.features([line[1] if len(line) > 1 else line[0] for line in lines], beside), []


def _cells(folder: Folder, name: str) -> Any:
    """obs: names of the cells, with the columns of a table of metadata where there is one."""
    import pandas as pd

    if folder.cells_are_csv:
        with plain(folder.barcodes) as file:
            table = pd.read_csv(file)
        return table.set_index(table.columns[0])
    return pd.DataFrame(index=pd.Index([line.split("\t")[0] for line in _lines(folder.barcodes, name)]))


def _usa(x: Any, features: Features, columns: list[str]) -> dict[str, Any]:
    """Spliced, unspliced and ambiguous columns of alevin-fry; values are spliced + ambiguous."""
    place = {each: k for k, each in enumerate(columns)}
    names = [each for each in columns if not re.search(r"-[UA]$", each)]
    spliced, unspliced, ambiguous = (x[:, [place[each + end] for each in names]] for end in ("", "-U", "-A"))
    return {"matrix": spliced + ambiguous, "spliced": spliced, "unspliced": unspliced, "ambiguous": ambiguous}


def _matrix(path: Path, shape: tuple[int, int], name: str, rows: int | None) -> Any:
    """The matrix turned to [cells, genes] CSR; what its head declares is checked before it is believed."""
    with plain(path) as file:
        first = file.readline(1000).lower().split()
        if first[:3] != _BANNER or len(first) != 5 or first[3] not in _FIELDS or first[4] != b"general":
            raise InvalidInputError(
                f"{name}: its .mtx file does not begin as a sparse MatrixMarket file does: write it again"
            )
        line = file.readline(100_000)
        while line.startswith(b"%") or not line.strip():
            if not line:
                raise InvalidInputError(
                    f"{name}: its .mtx file ends before the size of the matrix: pack or upload it again"
                )
            line = file.readline(100_000)
        size = [int(each) for each in line.split()]
        if len(size) != 3 or tuple(size[:2]) not in (shape, shape[::-1]):
            raise InvalidInputError(
                f"{name}: the matrix is {' x '.join(map(str, size[:2]))} and there are {shape[0]} genes and {shape[1]} "
                "cells: "
                "the three files do not belong together"
            )
        if size[2] < 0 or size[2] * _ENTRY > _length(path, name):
            raise InvalidInputError(
                f"{name}: the matrix declares {size[2]:,} entries, more than its file can hold: it was cut short"
            )
        check_memory(size[2] * 40, name, f"{size[2]:,} entries")
        found = _entries(file, (size[0], size[1]), size[2], first[3] == b"pattern", name)
    turned = found.tocsr() if shape[0] != shape[1] and tuple(size[:2]) == shape[::-1] else found.T.tocsr()
    return turned[:rows] if rows else turned


def _entries(file: Any, shape: tuple[int, int], count: int, ones: bool, name: str) -> Any:
    """The lines `row column value` that follow the size; scipy's mmread ends the process on a few damaged ones."""
    import pandas as pd
    from scipy.sparse import coo_matrix

    kinds: Any = {"row": np.int32, "column": np.int32} | ({} if ones else {"value": np.float64})
    read = pd.DataFrame({key: np.zeros(0, kind) for key, kind in kinds.items()})
    if count:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                read = pd.read_csv(file, sep=r"\s+", names=list(kinds), dtype=kinds, comment="%", index_col=False)
        except pd.errors.ParserWarning as error:  # no ValueError as the others are
            raise ValueError(short(error)) from error
    row, column = read["row"].to_numpy() - 1, read["column"].to_numpy() - 1
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    if len(read) != count or not inside.all():
        raise InvalidInputError(
            f"{name}: the matrix holds {int(inside.sum()):,} entries where it declares {count:,}: it was cut short or "
            "changed, so pack or upload it again"
        )
    return coo_matrix((np.ones(count) if ones else read["value"].to_numpy(), (row, column)), shape=shape)


def _lines(path: Path, name: str) -> list[str]:
    _length(path, name)
    with plain(path) as file:
        return file.read().decode("utf-8", "replace").splitlines()


def _length(path: Path, name: str) -> int:
    """Bytes unpacked; InvalidInputError where they are too many."""
    total, packed = 0, path.stat().st_size
    with plain(path) as file:
        while piece := file.read(1 << 20):
            total += len(piece)
            if total > memory() or (total > RATIO_EXEMPT_BYTES and total > RATIO * packed):
                raise InvalidInputError(
                    f"{name} holds a file that unpacks from {amount(packed)} to more than {amount(total)}: a trap?"
                )
    return total


def plain(path: Path) -> Any:
    """The file opened for reading, unpacked where it is compressed with gzip."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")
