"""Data sets on disk: one folder each, whole or not there at all; what is deleted waits in the trash."""

from __future__ import annotations

import dataclasses
import itertools
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import (
    DamagedDatasetError,
    Dataset,
    DatasetInfo,
    clean_label,
    pca_map,
    read_info,
    write_info,
)
from cellflow_core.data.store.expression import Expression
from cellflow_core.data.store.snapshots_file import save_snapshots, text
from cellflow_core.workspace import Workspace, data_root

Array = np.ndarray

DEMO = "demo-"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_STALE = 3600.0  # seconds after which an unfinished folder belongs to a process that died


def datasets() -> tuple[DatasetInfo, ...]:
    """Every readable data set: demos first, then the newest first. `damaged_datasets` names the others."""
    found = [info for info in map(_info_or_problem, _folders()) if isinstance(info, DatasetInfo)]
    demos = sorted((each for each in found if each.origin == "demo"), key=lambda each: each.id)
    rest = sorted((each for each in found if each.origin != "demo"), key=lambda each: each.created, reverse=True)
    return (*demos, *rest)


def ancestors(info: DatasetInfo) -> list[DatasetInfo]:
    """The data sets that this one was made from, as far as they are still there, the nearest first."""
    found: list[DatasetInfo] = []
    known = {each.id: each for each in datasets()}
    while info.parent in known and known[info.parent] not in found:
        info = known[info.parent]
        found.append(info)
    return found


def damaged_datasets() -> tuple[str, ...]:
    """One sentence for each folder that is not a whole data set."""
    return tuple(each for each in map(_info_or_problem, _folders()) if isinstance(each, str))


def open_dataset(id: str, workspace: Workspace | None = None) -> Dataset:
    """The data set of this id. Raises KeyError where there is none, DamagedDataset where it cannot be read."""
    folder = (data_root() if workspace is None else workspace.data) / id
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


def trashed() -> tuple[DatasetInfo, ...]:
    """Deleted data sets that `restore` brings back, the newest deletion first; damaged ones are left out."""
    folders = sorted((data_root() / ".trash").glob("[!.]*/"), key=lambda each: each.stat().st_ctime, reverse=True)
    return tuple(info for info in map(_info_or_problem, folders) if isinstance(info, DatasetInfo))


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
    truth_settings: Mapping[str, Any] | None = None,
    expression: Any = None,
    expression_genes: Iterable[str] = (),
    gene_ids: Iterable[str] = (),
    layers: Mapping[str, Any] | None = None,
    recipe: Iterable[Mapping[str, Any]] = (),
    parent: str = "",
    views: Mapping[str, Array] | None = None,
    variance: Array | None = None,
    contents: Iterable[Mapping[str, Any]] = (),
) -> str:
    """Store cells under a new id (or a given demo id, which is kept where it exists) and return the id.

    expression  measured values [cells, genes] of `expression_genes`, numpy or scipy.sparse, in the units of the space
    gene_ids    accession ids of these genes, none where the file had none
    layers      further measurements of the same genes ("spliced" ...), each [cells, genes]
    views       further 2-D pictures that are ready (a published UMAP), each [cells, 2], by name in lower case
    variance    share of the variance of the genes that each axis carries, [dim]
    contents    what the file held, what of it was kept, and why the rest was not
    Written to a hidden folder and renamed at the end: a crash leaves no partial data set.
    """
    name, data = _checked_id(id) if id is not None else _new_id(), _checked(snapshots)
    target, partial = data_root() / name, data_root() / f".partial-{name}-{secrets.token_hex(4)}"
    _sweep_partial()
    try:
        partial.mkdir(parents=True)
        save_snapshots(partial / "snapshots.npz", data)
        _write_views(partial, data, views or {}, variance)
        genes, ids = tuple(expression_genes), tuple(gene_ids)
        measured = _write_expression(partial, len(data.x), genes, expression, layers or {}, ids)
        info = DatasetInfo(
            id=name,
            label=clean_label(label) if id is not None else _unique_label(clean_label(label)),
            origin=origin,
            source=source,
            genes=len({*data.space.genes, *measured}),
            created=datetime.now(UTC).isoformat(),
            truth=truth,
            truth_settings=dict(truth_settings or {}),
            layers=tuple(layers or {}),
            parent=parent,
            **_tuples(steps=steps, notes=notes, recipe=recipe, contents=contents),
            **_facts(data),
        )
        write_info(partial, info)
        if not (id is not None and target.exists()):
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return name


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def _tuples(**values: Iterable[Any]) -> dict[str, Any]:
    return {name: tuple(each) for name, each in values.items()}


def _checked(snapshots: Snapshots) -> Snapshots:
    """The cells with labels as plain text. ValueError where they cannot be drawn."""
    if snapshots.dim < 2 and snapshots.subject is None:
        raise ValueError(f"cells have {snapshots.dim} coordinate: two or more are needed to draw and model them")
    return dataclasses.replace(snapshots, labels={k: text(v) for k, v in snapshots.labels.items()})


def _checked_id(id: str) -> str:
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id: lower-case letters, digits, - and _ only")
    return id


def _facts(data: Snapshots) -> dict[str, Any]:
    """What the cells themselves say of a data set, as fields of DatasetInfo."""
    return {
        "cells": len(data.x),
        "dim": data.dim,
        "space": data.space.kind,
        "times": tuple(float(each) for each in data.times),
        "counts": tuple(int((data.t == each).sum()) for each in data.times),
        "time_unit": data.time_unit,
        "annotations": tuple(data.labels),
        "covariates": tuple(data.covariates),
        "fingerprint": data.fingerprint,
        "has": tuple(sorted(data.has)),
        "views": ("pca",),
    }


def _write_expression(
    folder: Path,
    cells: int,
    genes: tuple[str, ...],
    expression: Any,
    layers: Mapping[str, Any],
    ids: tuple[str, ...],
) -> tuple[str, ...]:
    """The measured values and layers of a data set; returns the genes that were measured."""
    table = Expression.from_values(expression, genes, cells, ids if expression is not None else ())
    table.save(folder / "expression")
    for layer, values in layers.items():
        Expression.from_values(values, genes, cells).save(folder / "layers" / layer)
    return table.genes


def _write_views(folder: Path, data: Snapshots, views: Mapping[str, Array], variance: Array | None) -> None:
    """The principal components that every data set is drawn on, the pictures it came with, and what the axes carry."""
    (folder / "views").mkdir()
    center, axes = pca_map(data)
    np.save(folder / "views" / "pca.npy", ((data.x - center) @ axes).astype(np.float32))
    for view, points in views.items():
        _save_view(folder, view, points, len(data.x))
    if variance is not None:
        np.save(folder / "variance.npy", np.asarray(variance, dtype=np.float64))


def add_view(id: str, name: str, points: Float[Array, "cells 2"]) -> None:
    """Store one more 2-D picture of the cells, replacing one of the same name."""
    dataset = open_dataset(id)
    _save_view(dataset.folder, name, points, dataset.info.cells)


def _save_view(folder: Path, name: str, points: Float[Array, "cells 2"], cells: int) -> None:
    if points.shape != (cells, 2) or not np.isfinite(points).all():
        raise ValueError(f"a view of {cells} cells needs finite points [cells, 2], got shape {points.shape}")
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a view: lower-case letters, digits, - and _ only")
    partial = folder / "views" / f".{name}-{secrets.token_hex(4)}.npy"
    np.save(partial, np.ascontiguousarray(points, dtype=np.float32))
    partial.replace(folder / "views" / f"{name}.npy")


def _unique_label(label: str) -> str:
    """The name, with a number where another data set has it already, so that lists tell them apart."""
    taken = {each.label for each in datasets()}
    numbered = (f"{label} ({number})" for number in itertools.count(2))
    return label if label not in taken else next(each for each in numbered if each not in taken)


def _folders() -> list[Path]:
    return sorted(each for each in data_root().iterdir() if each.is_dir() and _ID.fullmatch(each.name))


def _info_or_problem(folder: Path) -> DatasetInfo | str:
    try:
        return read_info(folder)
    except DamagedDatasetError as error:
        return str(error)


def _sweep_partial() -> None:
    """Remove what a killed process left half written."""
    for each in data_root().glob(".partial-*"):
        if each.exists() and time.time() - each.stat().st_mtime > _STALE:
            shutil.rmtree(each, ignore_errors=True)
