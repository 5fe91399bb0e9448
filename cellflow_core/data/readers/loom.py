"""`.loom` files (loompy, velocyto): a dense matrix [genes, cells] with attributes of rows and columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.anndata.matrices import ROLES, other_shape
from cellflow_core.data.readers.hdf5 import TEXT_VALUE, size, strings
from cellflow_core.data.readers.limits import COLUMNS, check_memory
from cellflow_core.data.readers.table import InvalidInputError, Table, Unused

Array = np.ndarray
GENES = ("Gene", "GeneName", "gene_names", "var_names", "Symbol", "gene_symbol", "Accession", "GeneID")
CELLS = ("CellID", "cell_id", "obs_names", "Cell", "barcode")
_BLOCK = 64_000_000  # values that are dense in memory at a time


def is_loom(file: Any) -> bool:
    """Does an open HDF5 file have the layout of loom?"""
    import h5py

    return isinstance(file.get("matrix"), h5py.Dataset) and "row_attrs" in file and "col_attrs" in file


def of_loom(file: Any, name: str, rows: int | None) -> Table:
    """The table of an open loom file; attributes of the columns are annotations, those named X, Y ... stay there."""
    import pandas as pd

    held = file["matrix"]
    if held.ndim != 2:
        raise InvalidInputError(
            f"matrix of {name} has {held.ndim} dimensions where genes x cells are expected: write it again"
        )
    genes, cells = held.shape
    check_memory((genes + cells) * TEXT_VALUE, name, f"names of {cells:,} cells and {genes:,} genes")
    found = file["row_attrs"]
    key = next((each for each in GENES if each in found and found[each].ndim == 1), "")
    texts = {each: strings(found[each], name) for each in found if _is_names(found[each], genes)}
    features = gene_names.features(texts.pop(key) if key else [f"gene {k + 1}" for k in range(genes)], texts)
    columns = _columns(file["col_attrs"], cells, name)
    named = next((each for each in CELLS if each in columns), "")
    index = pd.Index(columns.pop(named) if named else [f"cell {k + 1}" for k in range(cells)], dtype=object)
    if len(features) != genes:
        raise InvalidInputError(
            f"{name} contradicts itself: {len(features)} gene names for {genes} rows; write it again"
        )
    layers, unused = _layers(file, held.shape, name, rows)
    notes = () if key else ("the file names no genes, so they are numbered",)
    x = _turned(held, name, "matrix", rows)
    obs = pd.DataFrame(columns, index=index)
    return Table(
        "loom", x, features.names, obs, {}, False, (*notes, *features.notes), layers, ids=features.ids, unused=unused
    )


def _layers(
    file: Any, shape: tuple[int, int], name: str, rows: int | None
) -> tuple[dict[str, Any], tuple[Unused, ...]]:
    """(layers that are kept, by role, those that are not, with the reason); `shape`: that of the matrix."""
    found: dict[str, Any] = {}
    unused = []
    for key, each in file.get("layers", {}).items():
        role, place = ROLES.get(key.lower()), f"layers[{key!r}]"
        if role is None or role in found:
            reason = "no layer of this name is known" if role is None else f"another layer is kept as {role} already"
            unused.append(Unused(place, reason))
        elif each.shape != shape:
            unused.append(Unused(place, other_shape(each.shape[::-1], shape[::-1])))
        else:
            found[role] = _turned(each, name, f"layer {key!r}", rows)
    return found, tuple(unused)


def _is_names(held: Any, genes: int) -> bool:
    return held.shape == (genes,) and held.dtype.kind in "OSU"


def _columns(group: Any, cells: int, name: str) -> dict[str, Any]:
    """Attributes of the cells with one value each."""
    if len(group) > COLUMNS:
        raise InvalidInputError(
            f"{name} has {len(group):,} attributes of cells and at most {COLUMNS:,} are read: remove some"
        )
    check_memory(size(group), name, "attributes of cells")
    found: dict[str, Any] = {}
    for key, held in group.items():
        if held.shape == (cells,):
            found[key] = held[:] if held.dtype.kind in "fiub" else strings(held, name)
    return found


def _turned(held: Any, name: str, what: str, rows: int | None) -> Any:
    """[genes, cells] dense as [cells, genes] CSR, or dense where most values are not zero; read in blocks of genes."""
    from scipy.sparse import csr_matrix, hstack

    if held.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"{what} of {name} holds values of type {held.dtype} where numbers are expected: convert them"
        )
    genes, cells = held.shape
    wanted = min(rows or cells, cells)
    chunk = math.prod(held.chunks) if held.chunks else 0
    check_memory(max(genes * wanted, chunk) * held.dtype.itemsize, name, f"values of {what}")
    step = max(1, _BLOCK // max(wanted, 1))
    blocks = [csr_matrix(held[start : start + step, :wanted].T) for start in range(0, genes, step)]
    if not blocks:
        return np.zeros((wanted, 0))
    found: Any = hstack(blocks, format="csr")
    dense = found.nnz > 0.5 * math.prod(found.shape)
    return found.toarray() if dense else found
