"""`.npz` files of plain arrays, as the benchmark file of embryoid bodies: pcs, sample_labels, delta_embedding."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cellflow_core.data.readers.limits import COLUMNS, check_memory
from cellflow_core.data.readers.table import InvalidInputError, Table, printable

Array = np.ndarray
STATES = ("pcs", "X_pca", "X", "x", "data", "coords")
"""Names of the array of cells, the likeliest first."""
FEATURES = ("genes", "gene_names", "var_names", "features", "feature_names")
VELOCITIES = ("delta_embedding", "velocity", "velocities", "v")


def is_npz(path: Path, start: bytes) -> bool:
    """A zip whose files are all numpy arrays."""
    if not start.startswith(b"PK") or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(each.endswith(".npy") for each in names)


def of_npz(path: Path, name: str, rows: int | None) -> Table:
    """Cells from the array named as in STATES, or the only table of numbers; arrays with as many rows follow them."""
    import pandas as pd

    shapes = checked(path, name)
    tables = [key for key, (shape, kind) in shapes.items() if len(shape) == 2 and kind in "fiu" and shape[1] > 1]
    main = next((key for key in STATES if key in tables), tables[0] if len(tables) == 1 else "")
    if not main:
        raise InvalidInputError(
            f"{name} holds the arrays {_listed(shapes)} and none is called pcs or X: save the cells x coordinates "
            "under one of these names, for example np.savez(file, pcs=..., sample_labels=...)"
        )
    count, width = shapes[main][0]
    with np.load(path, allow_pickle=False) as stored:
        named = next((k for k in FEATURES if k in shapes and shapes[k][0] == (width,) and shapes[k][1] in "US"), "")
        prefix = "PC" if "pc" in main.lower() else "x"
        features = tuple(map(str, stored[named])) if named else tuple(f"{prefix}{k + 1}" for k in range(width))
        beside = [key for key, (shape, kind) in shapes.items() if shape[:1] == (count,) and key not in (main, named)]
        obs = pd.DataFrame({key: _plain(stored[key]) for key in beside if len(shapes[key][0]) == 1})
        obs = obs if len(obs.columns) else pd.DataFrame(index=range(count))
        obsm = {
            (f"velocity_{main}" if key in VELOCITIES and shapes[key][0] == shapes[main][0] else key): stored[key]
            for key in beside
            if len(shapes[key][0]) == 2 and shapes[key][1] in "fiu" and shapes[key][0][1] > 1
        }
        x = stored[main]
    return Table("arrays", x[:rows] if rows else x, features, obs, obsm)


def checked(path: Path | BinaryIO, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and kind of each array, from the heads of the files in the archive alone."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    total = 0
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > COLUMNS:
            raise InvalidInputError(
                f"{name} holds {len(members):,} arrays and at most {COLUMNS:,} are read: save fewer"
            )
        for member in members:
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                heads: Any = np.lib.format
                read = heads.read_array_header_1_0 if version == (1, 0) else heads.read_array_header_2_0
                shape, _, dtype = read(file, max_header_size=10_000)
            key = member.filename.removesuffix(".npy")
            if dtype.hasobject:
                raise InvalidInputError(
                    f"{name} holds pickled objects in {printable(key)[:40]!r}, which could run programs and are not "
                    "opened: save "
                    "plain arrays of numbers or text"
                )
            needed = math.prod(shape) * dtype.itemsize
            if needed > member.file_size:
                raise InvalidInputError(
                    f"{name}: {printable(key)[:40]!r} is shorter than its shape {shape} says: save or upload it again"
                )
            total += needed
            found[key] = (tuple(int(each) for each in shape), dtype.kind)
    check_memory(total, name, "arrays")
    return found


def _plain(values: Array) -> Any:
    """Text as objects, bytes decoded, so that pandas takes them as words."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace").astype(object)
    return values.astype(object) if values.dtype.kind == "U" else values


def _listed(shapes: dict[str, tuple[tuple[int, ...], str]]) -> str:
    return ", ".join(f"{printable(key)[:30]} {shape}" for key, (shape, _) in list(shapes.items())[:6]) or "none"
