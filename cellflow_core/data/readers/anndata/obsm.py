"""obsm of an AnnData file: coordinates and embeddings, clones, and further measurements of the same cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellflow_core.data.readers.anndata.frames import frame
from cellflow_core.data.readers.gene_rows import axis_like
from cellflow_core.data.readers.hdf5 import is_group, matrix, size
from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import Modality, Unused

_CLONES = "X_clone"
_EMBEDDING = re.compile(
    r"umap|t[_-]?sne|pca|pcs|phate|diffmap|force|draw_graph|fa2?$|spring|harmony|scvi|scanvi|scanorama|embed|spatial|"
    r"lsi|mds|isomap|palantir|dm_eigen|components?$",
    re.I,
)
"""Names of coordinates that were computed, also where they are kept as a table with names of columns."""
_TABLES = ("dataframe", "csr_matrix", "csc_matrix")


@dataclass
class Obsm:
    """Coordinates [cells, k], panels [rows, features] and what is not read."""

    coordinates: dict[str, Any] = field(default_factory=dict)
    panels: dict[str, Modality] = field(default_factory=dict)
    unused: list[Unused] = field(default_factory=list)


def coordinates_and_panels(file: Any, cells: int, name: str, rows: int | None) -> Obsm:
    """Every entry of obsm, under what it is. A panel holds the first `rows` only, coordinates are whole."""
    found = Obsm()
    for key, held in file.get("obsm", {}).items():
        place = f"obsm[{key!r}]"
        kind = str(held.attrs.get("encoding-type", ""))
        values: Any = None
        if key == _CLONES or kind in _TABLES:
            check_memory(size(held), name, place)
        if key == _CLONES:
            values = matrix(held, name, key)
        elif kind == "dataframe":
            table = frame(held, name, place)
            numbers = [each for each in table.columns if table[each].dtype.kind in "fiub"]
            if len(numbers) < len(table.columns):
                words = ", ".join(str(each) for each in table.columns if each not in numbers)
                found.unused.append(Unused(place, f"columns {words} are no numbers"))
            columns = tuple(map(str, numbers))
            plain = table[numbers].to_numpy()
            if not columns or len(plain) != cells:
                continue
            if not _is_embedding(key, columns):
                found.panels[key] = Modality(plain[:rows], columns)
                continue
            values = plain.astype(np.float64)
        elif kind in _TABLES:
            panel = matrix(held, name, place, rows)
            if panel.shape[0] == (min(rows, cells) if rows else cells):
                found.panels[key] = Modality(panel)
                continue
        elif _is_numeric(held):
            check_memory(size(held), name, f"coordinates {key!r}")
            values = held[:]
        if values is None:
            found.unused.append(Unused(place, "it is no table of numbers with two or more columns"))
        elif values.shape[0] != cells:
            found.unused.append(Unused(place, f"it has {values.shape[0]:,} rows for {cells:,} cells"))
        else:
            found.coordinates[key] = values
    return found


def _is_embedding(key: str, columns: Sequence[str]) -> bool:
    """Is a table with names of columns an embedding (UMAP_1, UMAP_2) rather than a measurement (CD3, CD4)?"""
    named = _EMBEDDING.search(key) is not None or (key.startswith("X_") and len(columns) <= 3)
    return len(columns) >= 2 and (named or axis_like(columns))


def _is_numeric(held: Any) -> bool:
    return not is_group(held) and held.ndim == 2 and held.shape[1] >= 2 and held.dtype.kind in "fiu"
