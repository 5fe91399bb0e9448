"""`.h5ad` files of anndata 0.7 to today. Only what is used is read, and in a look only the first rows of that."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellflow_core.data.readers.hdf5 import matrix, size
from cellflow_core.data.readers.limits import COLUMNS, amount, check_memory
from cellflow_core.data.readers.table import InvalidInputError, Modality, Table, printable, short
from cellflow_core.data.readers.tenx import by_kind

if TYPE_CHECKING:
    from cellflow_core.data.readers.anndata_io import Restored

KINDS = "feature_types"
"""Column of var in which scanpy keeps the kinds of features of 10x."""
LAYERS = {"spliced": "spliced", "unspliced": "unspliced", "counts": "counts", "raw_counts": "counts"}
"""Layers that are kept, by their name in lower case."""


def of_h5ad(file: Any, path: Path, name: str, rows: int | None) -> Table:
    """The table of an open AnnData file."""
    if "X" not in file:
        raise InvalidInputError(
            f"{name} has no matrix X: put the values there, for example adata.X = adata.layers['counts']"
        )
    if not (_is_group(file["obs"]) and _is_group(file["var"])):
        return _of_old(path, name, rows)
    obs = frame(file["obs"], name, "obs")
    features, kinds = _named(file["var"], name)
    x = matrix(file["X"], name, "X", rows)
    _check_shape(x, len(obs), len(features), name, rows)
    notes: list[str] = []
    layers = {
        LAYERS[key.lower()]: matrix(held, name, f"layer {key!r}", rows)
        for key, held in file.get("layers", {}).items()
        if key.lower() in LAYERS
    }
    if "raw" in file and x.size and _least(x) < 0:
        raw, raw_names, raw_kinds = _raw(file["raw"], name, rows)
        if raw is not None and raw.shape[0] == x.shape[0] and _least(raw) >= 0:
            notes.append("X holds values below zero (scaled), so the unscaled values of .raw are used")
            layers = layers if raw_names == features else {}
            x, features, kinds = raw, raw_names, raw_kinds
    ready, told = _ready(file, obs, name)
    if ready is not None and not ready.expression:
        x, features = x[:, :0], ()  # X is the state once more
    layers = {key: by_kind(each, list(features), kinds)[0] for key, each in layers.items()}
    x, names, panels = by_kind(x, list(features), kinds)
    return Table(
        "AnnData",
        x,
        tuple(names),
        obs,
        _obsm(file, len(obs), name),
        "log1p" in file.get("uns", {}),
        tuple(notes + told),
        layers,
        panels | _panels(file, len(obs), name, rows),
        ready and ready.data,
    )


def _ready(file: Any, obs: Any, name: str) -> tuple[Restored | None, list[str]]:
    """The whole data set where this app wrote the file, and what must be said of it."""
    from cellflow_core.data.readers import anndata_io

    if anndata_io.KEY not in file.get("uns", {}):
        return None, []
    try:
        found = anndata_io.restore(file, obs, name)
    except anndata_io.CHANGED as error:
        return None, [f"this app wrote the file, but it was changed and is read as any other ({short(error)})"]
    return found, [] if found.same else ["the cells were changed after this app wrote them to the file"]


def frame(group: Any, name: str, what: str) -> Any:
    """obs or var as a pandas.DataFrame."""
    import pandas as pd
    from anndata.io import read_elem

    columns = max(len(group), len(group.attrs.get("column-order", ())))
    if columns > COLUMNS:
        raise InvalidInputError(
            f"{name} has {columns:,} columns in {what} and at most {COLUMNS:,} are read: keep the ones that are "
            "needed, "
            "for example adata.obs = adata.obs[['day', 'cell_type']]"
        )
    check_memory(size(group), name, f"columns of {what}")
    with _old_files_are_fine():
        found = read_elem(group)
    if not isinstance(found, pd.DataFrame):
        raise InvalidInputError(
            f"{name} holds {what} that is no table of columns: write it again with adata.write_h5ad()"
        )
    return found


def _named(group: Any, name: str) -> tuple[tuple[str, ...], np.ndarray]:
    """(names, kinds) of the features; kinds are those of 10x, none where the file does not tell them."""
    table = frame(group, name, "var")
    kinds = np.array([printable(str(each)) for each in table.get(KINDS, ())])
    return tuple(map(str, table.index)), kinds


def _raw(group: Any, name: str, rows: int | None) -> tuple[Any, tuple[str, ...], np.ndarray]:
    """The unscaled values, their features and the kinds of these; None where there are none."""
    nothing = None, (), np.array([])
    if not _is_group(group) or not {"X", "var"} <= set(group):
        return nothing
    names, kinds = _named(group["var"], name)
    x = matrix(group["X"], name, ".raw", rows)
    return (x, names, kinds) if x.shape[1] == len(names) else nothing


def _obsm(file: Any, cells: int, name: str) -> dict[str, Any]:
    """Numeric coordinates, velocities among them, and the clones of X_clone."""
    found: dict[str, Any] = {}
    for key, held in file.get("obsm", {}).items():
        if key == "X_clone":
            check_memory(size(held), name, "clones")
            found[key] = matrix(held, name, "X_clone")
        elif _is_coordinates(held):
            check_memory(size(held), name, f"coordinates {key!r}")
            found[key] = held[:]
    return {key: values for key, values in found.items() if values.shape[0] == cells}


def _panels(file: Any, cells: int, name: str, rows: int | None) -> dict[str, Modality]:
    """Tables with names of columns and sparse ones in obsm, as antibodies and chromatin are kept beside genes."""
    found: dict[str, Modality] = {}
    for key, held in file.get("obsm", {}).items():
        kind = str(held.attrs.get("encoding-type", ""))
        if key == "X_clone" or kind not in ("dataframe", "csr_matrix", "csc_matrix"):
            continue
        what = f"measurement {key!r}"
        check_memory(size(held), name, what)
        if kind == "dataframe":
            table = frame(held, name, what)
            panel = Modality(table.to_numpy()[:rows], tuple(map(str, table.columns)))
        else:
            panel = Modality(matrix(held, name, what, rows))
        if panel.x.shape[0] == (min(rows, cells) if rows else cells) and panel.x.dtype.kind in "fiub":
            found[key] = panel
    return found


def _is_coordinates(held: Any) -> bool:
    """A plain numeric table of two or more columns."""
    return not _is_group(held) and held.ndim == 2 and held.shape[1] >= 2 and held.dtype.kind in "fiu"


def _is_group(held: Any) -> bool:
    import h5py

    return isinstance(held, h5py.Group)


def _check_shape(x: Any, cells: int, features: int, name: str, rows: int | None) -> None:
    expected = (min(rows, cells) if rows else cells, features)
    if x.shape != expected:
        raise InvalidInputError(
            f"{name} contradicts itself: X is {x.shape[0]} x {x.shape[1]} where obs and var name {expected[0]} cells "
            "and "
            f"{features} features; write it again with adata.write_h5ad()"
        )


def _of_old(path: Path, name: str, rows: int | None) -> Table:
    """Files of anndata before 0.7, whose obs is one array of records: anndata reads them whole."""
    import anndata

    unpacked = path.stat().st_size * 20
    check_memory(unpacked, name, f"records of an old layout, {amount(path.stat().st_size)} as stored,")
    with _old_files_are_fine():
        held: Any = anndata.read_h5ad(path)
    obsm = {key: each for key, each in held.obsm.items() if isinstance(each, np.ndarray) and _is_coordinates(each)}
    layers = {
        LAYERS[key.lower()]: _of_memory(each, name, f"layer {key!r}", rows)
        for key, each in held.layers.items()
        if key.lower() in LAYERS
    }
    x, logged = _of_memory(held.X, name, "X", rows), "log1p" in held.uns
    return Table("AnnData", x, tuple(map(str, held.var_names)), held.obs, obsm, logged, layers=layers)


def _of_memory(x: Any, name: str, what: str, rows: int | None) -> Any:
    """A table that anndata read, as numpy or CSR; a sparse one is checked before its indices are used."""
    if hasattr(x, "check_format"):
        x.check_format(full_check=True)
        x = x.tocsr()
    elif not isinstance(x, np.ndarray):
        raise InvalidInputError(
            f"{what} of {name} is neither a dense array nor a sparse one in rows or columns: write it again"
        )
    if x.dtype.kind not in "fiub":
        raise InvalidInputError(
            f"{what} of {name} holds values of type {x.dtype} where numbers are expected: convert them first"
        )
    return x[:rows] if rows else x


def _least(x: Any) -> float:
    return float(np.nanmin(x)) if isinstance(x, np.ndarray) else float(x.min())


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
