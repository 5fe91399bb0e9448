"""10x folders: matrix.mtx [genes, cells], genes.tsv or features.tsv, barcodes.tsv; each may be compressed with gzip."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.limits import RATIO, RATIO_EXEMPT_BYTES, amount, check_memory, memory
from cellflow_core.data.readers.table import InvalidInputError, Modality, Table, short
from cellflow_core.data.readers.tenx import by_kind

_BANNER = [b"%%matrixmarket", b"matrix", b"coordinate"]
_FIELDS = (b"integer", b"real", b"double", b"unsigned-integer", b"pattern")
_ENTRY = 4  # bytes that the shortest entry takes as text, "1 1" and the end of the line


@dataclass(frozen=True)
class Folder:
    """Where the files of one 10x folder were put; velocyto's has spliced and unspliced instead of matrix."""

    label: str
    genes: Path
    barcodes: Path
    matrix: Path | None = None
    spliced: Path | None = None
    unspliced: Path | None = None


def of_folders(folders: list[Folder], name: str, rows: int | None) -> Table:
    """One table of all folders: a column "sample" tells them apart, genes that all of them have are kept."""
    tables = [_of_folder(each, name, rows) for each in folders]
    if len(tables) == 1:
        return tables[0]
    import pandas as pd
    from scipy.sparse import vstack

    shared = [each for each in dict.fromkeys(tables[0].features) if all(each in set(t.features) for t in tables[1:])]
    same = all(each.features == tables[0].features for each in tables)
    at = [slice(None) if same else [each.features.index(gene) for gene in shared] for each in tables]
    obs = [t.obs.assign(sample=folder.label) for t, folder in zip(tables, folders, strict=True)]
    notes = [f"{len(folders)} folders were joined; column 'sample' tells them apart"]
    if not same:
        notes.append(f"{len(shared)} genes are in all of them and were kept")
    join: Any = vstack
    layers = {
        key: join([t.layers[key][:, kept] for t, kept in zip(tables, at, strict=True)], format="csr")[:rows]
        for key in tables[0].layers
        if all(key in each.layers for each in tables)
    }
    every = dict.fromkeys(kind for each in tables for kind in each.panels)
    alike = {k: len({each.panels[k].features if k in each.panels else None for each in tables}) == 1 for k in every}
    panels = {
        kind: Modality(join([t.panels[kind].x for t in tables], format="csr")[:rows], tables[0].panels[kind].features)
        for kind in every
        if alike[kind]
    }
    notes += [f"features of {kind!r} differ between folders and were left out" for kind in every if not alike[kind]]
    x = join([t.x[:, kept] for t, kept in zip(tables, at, strict=True)], format="csr")[:rows]
    names = tables[0].features if same else tuple(shared)
    return Table("10x matrix", x, names, pd.concat(obs), notes=tuple(notes), layers=layers, panels=panels)


def _of_folder(folder: Folder, name: str, rows: int | None) -> Table:
    import pandas as pd

    lines = [line.split("\t") for line in _lines(folder.genes, name)]
    whole = len(lines) if lines else 1
    beside = {
        key: [line[k] for line in lines]
        for k, key in ((0, "gene_ids"), (2, "feature_types"))
        if sum(len(line) > max(k, 1) for line in lines) == whole
    }
    features = gene_names.features([line[1] if len(line) > 1 else line[0] for line in lines], beside)
    cells = [line.split("\t")[0] for line in _lines(folder.barcodes, name)]
    held = {"matrix": folder.matrix, "spliced": folder.spliced, "unspliced": folder.unspliced}
    shape = (len(features), len(cells))
    read = {key: _matrix(path, shape, name, rows) for key, path in held.items() if path is not None}
    main = "matrix" if "matrix" in read else "spliced"
    if main not in read:
        raise InvalidInputError(f"{name} holds unspliced.mtx without spliced.mtx: put both into the folder")
    kept = {key: by_kind(each, features)[0] for key, each in read.items() if key != "matrix"}
    x, features, panels = by_kind(read[main], features)
    obs = pd.DataFrame(index=pd.Index(cells))
    return Table("10x matrix", x, features.names, obs, {}, False, features.notes, kept, panels, ids=features.ids)


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
        told = [int(each) for each in line.split()]
        if len(told) != 3 or tuple(told[:2]) not in (shape, shape[::-1]):
            raise InvalidInputError(
                f"{name}: the matrix is {' x '.join(map(str, told[:2]))} and there are {shape[0]} genes and {shape[1]} "
                "cells: "
                "the three files do not belong together"
            )
        if told[2] < 0 or told[2] * _ENTRY > _length(path, name):
            raise InvalidInputError(
                f"{name}: the matrix declares {told[2]:,} entries, more than its file can hold: it was cut short"
            )
        check_memory(told[2] * 40, name, f"{told[2]:,} entries")
        found = _entries(file, (told[0], told[1]), told[2], first[3] == b"pattern", name)
    turned = found.tocsr() if shape[0] != shape[1] and tuple(told[:2]) == shape[::-1] else found.T.tocsr()
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
    """Bytes unpacked; BadInput where they are too many."""
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
    """The file opened for reading, unpacked on the way where it is compressed with gzip."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")
