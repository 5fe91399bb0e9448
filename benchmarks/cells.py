"""The cells that a benchmark is made on: a file of ours, or one of the official files of the published tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data import readers
from cellflow_core.data.download import downloads, public
from cellflow_core.data.importing import uploads
from cellflow_core.data.importing.time_columns import candidates, no_time, times_of, without_times
from cellflow_core.data.importing.value_type import scale_of
from cellflow_core.data.preprocessing import normalisation
from cellflow_core.data.readers import InvalidInputError
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.workspace import current

OFFICIAL = ("eb", "cite", "multi")
DONOR = "13176"
"""The one donor of Cite and Multi that the published tables are made on."""
RAW_FROM = 50
"""Coordinates from which on published tables do not scale them."""

Array = np.ndarray


def snapshots(x: Array, t: Array, dims: int, *, scaled: bool, mass: bool, name: str) -> Snapshots:
    """The first `dims` coordinates, z-scored over all cells or as they are. SystemExit where there are not so many.

    mass  the number of cells at each time counts as the size of the population
    """
    if x.shape[1] < dims:
        raise SystemExit(f"{name} has {x.shape[1]} coordinates, --dims asks for {dims}")
    x = np.asarray(x[:, :dims], dtype=np.float64)
    if scaled:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    counts = np.unique(t, return_counts=True)[1].astype(np.float64)
    space = AffineSpace.coordinates(tuple(f"PC{k + 1}" for k in range(dims)))
    return Snapshots(x, t, space, mass=counts if mass else None)


def read(path: Path, column: str | None) -> tuple[Array, Array]:
    """(coordinates [cells, _], times [cells]) of a file. SystemExit, with a sentence, where they are lacking."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            return stored["pcs"], stored[column or "sample_labels"].astype(np.float64)
    try:
        return _table(path, column)
    except InvalidInputError as error:
        raise SystemExit(str(error)) from error


def fetch(name: str, file: Path | None, url: str, report: Callable[[str], None]) -> Path:
    """An official file: the one that is given, the one fetched earlier, or from its address; its checksum is checked.

    SystemExit with a sentence that says how to go on where it cannot be had.
    """
    entry = public.find(name)
    kept = current().root / "benchmarks" / entry.file
    path = file or (kept if kept.is_file() else None)
    if path is None:
        try:
            arrived = uploads.opened(downloads.fetch(url or entry.url, entry.sha256, report))
        except ValueError as error:
            raise SystemExit(
                f"{error}\nFetch {entry.url} where there is a network, and name the file: --data {name} --file PATH"
            ) from error
        kept.parent.mkdir(parents=True, exist_ok=True)
        path = arrived.path.rename(kept)
        uploads.discard(arrived.id)
    if not path.is_file():
        raise SystemExit(f"there is no file {path}: --file takes {entry.file} from {entry.url}")
    with path.open("rb") as opened:
        counted = hashlib.file_digest(opened, "sha256").hexdigest()
    if entry.sha256 and counted != entry.sha256:
        raise SystemExit(
            f"{path} is not the official file (sha256 {counted[:12]}..., expected {entry.sha256[:12]}...): its numbers "
            f"would not compare with the published ones; for a table of its own, name it as --data {path}"
        )
    return path


def official(name: str, path: Path, days: bool) -> tuple[Array, Array]:
    """Coordinates and times of an official file, chosen as the published tables do.

    EB: all 100 components and the five labels of time. Cite, Multi: `X_pca` of donor 13176, and the place of the day
    among days 2, 3, 4 and 7 (0 to 3), in which public code lets time run evenly; days: the days themselves.
    """
    if name == "eb":
        return read(path, None)
    import h5py
    from anndata.io import read_elem

    with h5py.File(path, "r") as file:
        obs: Any = read_elem(file["obs"])  # type: ignore[arg-type]
        if "day" not in obs or "obsm" not in file or "X_pca" not in file["obsm"]:  # type: ignore[operator]
            raise SystemExit(f"{path.name} has no column day or no components X_pca: it is not the file of the tables")
        x = np.asarray(file["obsm/X_pca"], dtype=np.float64)
    t = np.asarray(obs["day"], dtype=np.float64)
    if "donor" in obs:
        own = np.asarray(obs["donor"].astype(str)) == DONOR
        if not own.any():
            raise SystemExit(f"{path.name} has no cells of donor {DONOR}, which the published tables are made on")
        x, t = x[own], t[own]
    return x, t if days else np.unique(t, return_inverse=True)[1].astype(np.float64)


def _table(path: Path, column: str | None) -> tuple[Array, Array]:
    """Coordinates and times: stored components, else a table of coordinates, else the components of genes."""
    table = readers.read(path, path.name)
    found = {each.column: each for each in candidates(table)}
    column = column or ("time" if "time" in found else next(iter(found), ""))
    numbers = dict(zip(found[column].labels, found[column].numbers, strict=True)) if column in found else {}
    if not column:
        raise InvalidInputError(f"{path.name}: {no_time(table)}")
    t, _ = times_of(table.obs, path.name, column, numbers)
    table = without_times(table, column)
    x = table.obsm.get("X_pca")
    if x is None:
        x = normalisation.dense(table.x)
        if scale_of(table).value_type != "coordinates":
            center = x - x.mean(axis=0)
            x = center @ np.linalg.svd(center, full_matrices=False)[2].T
    kept = np.isfinite(t)
    return np.asarray(x)[kept], t[kept]
