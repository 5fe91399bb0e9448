"""`.h5ad` files of anndata 0.7 to today."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers.table import BadInput, Table, short


def read_h5ad(path: Path, name: str, start: bytes, rows: int | None) -> Table:
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
            f"{name} is cut short or damaged and cannot be opened ({short(error)}): copy or upload it again"
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
            f"{name} is damaged, or was written in a way anndata cannot read ({short(error)}): write it again with "
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
    return Table("AnnData", _plain(x, name), features, held.obs, obsm, "log1p" in held.uns, tuple(notes))


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
