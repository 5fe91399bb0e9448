"""`.h5ad` files of anndata before 0.7, whose obs is one array of records: anndata reads them whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.anndata.frames import old_files
from cellflow_core.data.readers.anndata.matrices import LAYERS
from cellflow_core.data.readers.limits import amount, check_memory
from cellflow_core.data.readers.table import InvalidInputError, Table, Unused


def of_old(path: Path, name: str, rows: int | None) -> Table:
    """The table of such a file."""
    import anndata

    unpacked = path.stat().st_size * 20
    check_memory(unpacked, name, f"records of an old layout, {amount(path.stat().st_size)} as stored,")
    with old_files():
        held: Any = anndata.read_h5ad(path)
    obsm = {key: each for key, each in held.obsm.items() if isinstance(each, np.ndarray) and _is_coordinates(each)}
    layers: dict[str, Any] = {}
    places: dict[str, str] = {}
    unused = [Unused(f"obsm[{key!r}]", "it is no table of numbers") for key in held.obsm if key not in obsm]
    for key, each in held.layers.items():
        role = next((role for role, names in LAYERS.items() if key.lower() in names and role not in layers), None)
        if role is None:
            unused.append(Unused(f"layers[{key!r}]", f"no layer of this name is known: {', '.join(LAYERS)} are kept"))
        else:
            layers[role], places[role] = _matrix(each, name, f"layer {key!r}", rows), f"layers[{key!r}]"
    text = {str(key): held.var[key].astype(object).tolist() for key in held.var if held.var[key].dtype.kind == "O"}
    features = gene_names.features(list(map(str, held.var_names)), text)
    return Table(
        "AnnData",
        _matrix(held.X, name, "X", rows),
        features.names,
        held.obs,
        obsm,
        "log1p" in held.uns,
        features.notes,
        layers,
        ids=features.ids,
        matrix="X",
        places=places,
        unused=tuple(unused),
    )


def _is_coordinates(held: Any) -> bool:
    return held.ndim == 2 and held.shape[1] >= 2 and held.dtype.kind in "fiu"


def _matrix(x: Any, name: str, what: str, rows: int | None) -> Any:
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
