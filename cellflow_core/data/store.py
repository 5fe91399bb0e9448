"""Data sets on disk: one folder each, whole or not there at all.

A folder holds `info.json`, `snapshots.npz` (arrays only, never pickles), `expression/` (one `.npy` an array, so that
one gene can be read without the others) and `views/<name>.npy`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.expression import Expression
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.snapshots_file import load_snapshots, save_snapshots, text
from cellflow_core.home import data_root

Array = np.ndarray

DEMO = "demo-"
FORMAT = 1
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_STALE = 3600.0  # seconds after which an unfinished folder belongs to a process that died
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


class DamagedDataset(ValueError):
    """A data set whose files are missing or cut short. The sentence names the file and what to do."""


@dataclass(frozen=True)
class DatasetInfo:
    """What a list of data sets shows.

    space        "pca", "genes" or "coordinates"; dim its axes, genes the number of genes that can be read
    times        distinct times, ascending, in `time_unit`; counts: cells at each
    annotations  names of the categorical labels; views: 2-D pictures that are ready
    steps        what was done to the data, notes: what a reader must know
    truth        name of the simulator that made the cells, "" for measured ones
    """

    id: str
    label: str
    origin: str
    source: str
    cells: int
    dim: int
    space: str
    genes: int
    times: tuple[float, ...]
    counts: tuple[int, ...]
    time_unit: str
    annotations: tuple[str, ...]
    views: tuple[str, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    created: str
    fingerprint: str
    truth: str


class Dataset:
    """One stored data set. Rows of every array are the cells in the order of `snapshots()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = _read_info(folder)

    @cached_property
    def _snapshots(self) -> Snapshots:
        try:
            return load_snapshots(self.folder / "snapshots.npz")
        except _UNREADABLE as error:
            raise _damaged(self.folder, "snapshots.npz", error) from error

    def snapshots(self) -> Snapshots:
        """The cells. Raises DamagedDataset where the file cannot be read."""
        return self._snapshots

    def view(self, name: str) -> Float[Array, "cells 2"]:
        """Each cell in a 2-D picture. Raises KeyError that lists the ready ones."""
        self._check_view(name)
        try:
            return np.load(self.folder / "views" / f"{name}.npy", allow_pickle=False)
        except _UNREADABLE as error:
            raise _damaged(self.folder, f"views/{name}.npy", error) from error

    def view_axes(self, name: str) -> tuple[str, str]:
        """Names of the two axes of a view."""
        self._check_view(name)
        if name != "pca":
            return f"{name.upper()} 1", f"{name.upper()} 2"
        if self.info.space == "pca":
            axes = self.snapshots().space.axes
            return axes[0], axes[1]
        return "PC1", "PC2"

    def view_map(self, name: str) -> tuple[Float[Array, " dim"], Float[Array, "dim 2"]] | None:
        """(center, axes) with view = (state - center) @ axes where the view is linear, None where it is not (UMAP)."""
        self._check_view(name)
        return _pca_map(self.snapshots()) if name == "pca" else None

    @property
    def genes(self) -> tuple[str, ...]:
        """Every gene that `expression` can read: those of the state space first."""
        held = self.snapshots().space.genes
        seen = set(held)
        return (*held, *(each for each in self._expression.genes if each not in seen))

    def expression(self, gene: str) -> Float[Array, " cells"]:
        """Measured expression of one gene, in the units of the space. Raises KeyError, with a sentence."""
        if gene in self._expression.genes:
            try:
                return self._expression.column(gene)
            except _UNREADABLE as error:
                raise _damaged(self.folder, "expression", error) from error
        data = self.snapshots()
        if data.space.kind == "genes" and gene in data.space.genes:
            return data.x[:, data.space.genes.index(gene)]
        raise KeyError(
            f"no measured values of gene {gene!r} are stored with {self.info.label!r}: it holds {self.info.genes} genes"
        )

    @cached_property
    def _expression(self) -> Expression:
        try:
            return Expression.open(self.folder / "expression")
        except _UNREADABLE as error:
            raise _damaged(self.folder, "expression", error) from error

    def rename(self, label: str) -> None:
        """Give it another name for people; id and folder stay."""
        self.info = dataclasses.replace(self.info, label=_clean_label(label))
        _write_info(self.folder, self.info)

    def delete(self) -> None:
        """Move to the trash, from where `restore` brings it back."""
        delete(self.info.id)

    def _check_view(self, name: str) -> None:
        if name not in self.info.views:
            raise KeyError(f"no view {name!r} of {self.info.label!r}; there is {', '.join(self.info.views)}")


def datasets() -> tuple[DatasetInfo, ...]:
    """Every readable data set: demos first, then the newest first. Damaged ones are told by `problems`."""
    found = [info for info in map(_info_or_problem, _folders()) if isinstance(info, DatasetInfo)]
    demos = sorted((each for each in found if each.origin == "demo"), key=lambda each: each.id)
    rest = sorted((each for each in found if each.origin != "demo"), key=lambda each: each.created, reverse=True)
    return (*demos, *rest)


def problems() -> tuple[str, ...]:
    """One sentence for each folder that is not a whole data set."""
    return tuple(each for each in map(_info_or_problem, _folders()) if isinstance(each, str))


def open_dataset(id: str) -> Dataset:
    """The data set of this id. Raises KeyError where there is none, DamagedDataset where it cannot be read."""
    folder = data_root() / id
    if not _ID.fullmatch(id) or not folder.is_dir():
        raise KeyError(f"there is no data set {id!r}: it may have been deleted; the Data page lists those there are")
    return Dataset(folder)


def delete(id: str) -> None:
    """Move a data set, also a damaged one, to the trash. Raises KeyError where there is none."""
    source = data_root() / id
    if not _ID.fullmatch(id) or not source.is_dir():
        raise KeyError(f"there is no data set {id!r} to delete")
    target = data_root() / ".trash" / id
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)


def restore(id: str) -> None:
    """Bring a deleted data set back. Raises KeyError where the trash does not hold it."""
    source = data_root() / ".trash" / id
    if not _ID.fullmatch(id) or not source.is_dir():
        raise KeyError(f"the trash holds no data set {id!r}")
    if (data_root() / id).exists():
        raise ValueError(f"there is a data set {id!r} already: delete it before the old one is brought back")
    source.rename(data_root() / id)


def save_dataset(
    snapshots: Snapshots,
    *,
    id: str | None = None,
    label: str,
    origin: str,
    source: str,
    steps: Iterable[str] = (),
    notes: Iterable[str] = (),
    truth: str = "",
    expression: Any = None,
    expression_genes: Iterable[str] = (),
) -> str:
    """Store cells under a new id (or a given demo id, which is kept where it exists) and return the id.

    expression  measured values [cells, genes] of `expression_genes`, numpy or scipy.sparse, in the units of the space
    Written to a hidden folder and renamed at the end: a crash leaves no partial data set.
    """
    if snapshots.dim < 2:
        raise ValueError(f"cells have {snapshots.dim} coordinate: two or more are needed to draw and model them")
    name = id if id is not None else f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is no id: lower-case letters, digits, - and _ only")
    data = dataclasses.replace(snapshots, labels={k: text(v) for k, v in snapshots.labels.items()})
    target, partial = data_root() / name, data_root() / f".partial-{name}-{secrets.token_hex(4)}"
    _sweep_partial()
    try:
        (partial / "views").mkdir(parents=True)
        save_snapshots(partial / "snapshots.npz", data)
        center, axes = _pca_map(data)
        np.save(partial / "views" / "pca.npy", ((data.x - center) @ axes).astype(np.float32))
        table = Expression.of(expression, tuple(expression_genes), cells=len(data.x))
        table.save(partial / "expression")
        counts = tuple(int((data.t == each).sum()) for each in data.times)
        info = DatasetInfo(
            id=name,
            label=_clean_label(label),
            origin=origin,
            source=source,
            cells=len(data.x),
            dim=data.dim,
            space=data.space.kind,
            genes=len({*data.space.genes, *table.genes}),
            times=tuple(float(each) for each in data.times),
            counts=counts,
            time_unit=data.time_unit,
            annotations=tuple(data.labels),
            views=("pca",),
            steps=tuple(steps),
            notes=tuple(notes),
            created=datetime.now(UTC).isoformat(),
            fingerprint=data.fingerprint,
            truth=truth,
        )
        _write_info(partial, info)
        if not (id is not None and target.exists()):
            partial.rename(target)
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    return name


def add_view(id: str, name: str, points: Float[Array, "cells 2"]) -> None:
    """Store one more 2-D picture of the cells, replacing one of the same name."""
    dataset = open_dataset(id)
    if points.shape != (dataset.info.cells, 2) or not np.isfinite(points).all():
        raise ValueError(
            f"a view of {dataset.info.cells} cells needs finite points [cells, 2], got shape {points.shape}"
        )
    partial = dataset.folder / "views" / f".{name}-{secrets.token_hex(4)}.npy"
    np.save(partial, np.ascontiguousarray(points, dtype=np.float32))
    partial.replace(dataset.folder / "views" / f"{name}.npy")


def _pca_map(data: Snapshots) -> tuple[Float[Array, " dim"], Float[Array, "dim 2"]]:
    """First two axes of a pca space, otherwise the first two principal axes of the state, largest loading positive."""
    if data.space.kind == "pca":
        return np.zeros(data.dim, np.float32), np.eye(data.dim, 2, dtype=np.float32)
    x = data.x.astype(np.float64)
    center = x.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(x - center, rowvar=False))
    axes = vectors[:, ::-1][:, :2]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(2)]
    return center.astype(np.float32), (axes * np.sign(largest)).astype(np.float32)


def _clean_label(label: str) -> str:
    kept = " ".join("".join(each if each.isprintable() else " " for each in label).split())[:120]
    if not kept:
        raise ValueError("the name of a data set is empty: give it one of 1 to 120 letters")
    return kept


def _write_info(folder: Path, info: DatasetInfo) -> None:
    files = {each: (folder / each).stat().st_size for each in ("snapshots.npz", "views/pca.npy")}
    text = json.dumps({"format": FORMAT, "files": files, **dataclasses.asdict(info)}, indent=1)
    partial = folder / f".info-{secrets.token_hex(4)}.json"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "info.json")


def _read_info(folder: Path) -> DatasetInfo:
    try:
        stored = json.loads((folder / "info.json").read_text(encoding="utf-8"))
        names = {each.name for each in dataclasses.fields(DatasetInfo)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k in names}
        ready = {each.stem for each in (folder / "views").glob("[!.]*.npy")}
        values |= {"id": folder.name, "views": ("pca", *sorted(ready - {"pca"}))}
        info = DatasetInfo(**values)
        files: dict[str, int] = stored["files"]
    except _UNREADABLE as error:
        raise _damaged(folder, "info.json", error) from error
    for name, size in files.items():
        path = folder / name
        found = path.stat().st_size if path.exists() else 0
        if found != size:
            raise _damaged(folder, name, f"it has {found} bytes and should have {size}")
    return info


def _damaged(folder: Path, file: str, why: object) -> DamagedDataset:
    return DamagedDataset(
        f"data set {folder.name} cannot be read: {file} is damaged or missing ({why}); delete it and load it again"
    )


def _folders() -> list[Path]:
    return sorted(each for each in data_root().iterdir() if each.is_dir() and _ID.fullmatch(each.name))


def _info_or_problem(folder: Path) -> DatasetInfo | str:
    try:
        return _read_info(folder)
    except DamagedDataset as error:
        return str(error)


def _sweep_partial() -> None:
    """Remove what a killed process left half written."""
    for each in data_root().glob(".partial-*"):
        if each.exists() and time.time() - each.stat().st_mtime > _STALE:
            shutil.rmtree(each, ignore_errors=True)
