"""Data sets on disk: one folder each, whole or not there at all; what is deleted waits in the trash."""

from __future__ import annotations

import dataclasses
import itertools
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.atomic_write import replacing
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store import cell_names, group_colours
from cellflow_core.data.store.dataset import (
    DamagedDatasetError,
    Dataset,
    DatasetInfo,
    clean_label,
    pca_map,
    read_info,
    write_info,
)
from cellflow_core.data.store.expression import write_expression
from cellflow_core.data.store.snapshots_file import save_snapshots, text
from cellflow_core.workspace import Workspace, current, quotas

Array = np.ndarray

DEMO = "demo-"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_STALE = 3600.0  # seconds after which an unfinished folder belongs to a process that died


def datasets(workspace: Workspace | None = None) -> tuple[DatasetInfo, ...]:
    """Every readable data set: demos first, then the newest first. `damaged_datasets` names the others."""
    found = [info for info in map(_info_or_problem, _folders(workspace)) if isinstance(info, DatasetInfo)]
    demos = sorted((each for each in found if each.origin == "demo"), key=lambda each: each.id)
    rest = sorted((each for each in found if each.origin != "demo"), key=lambda each: each.created, reverse=True)
    return (*demos, *rest)


def ancestors(info: DatasetInfo, workspace: Workspace | None = None) -> list[DatasetInfo]:
    """The data sets that this one was made from, as far as they are still there, the nearest first."""
    found: list[DatasetInfo] = []
    known = {each.id: each for each in datasets(workspace)}
    while info.parent in known and known[info.parent] not in found:
        info = known[info.parent]
        found.append(info)
    return found


def damaged_datasets(workspace: Workspace | None = None) -> tuple[str, ...]:
    """One sentence for each folder that is not a whole data set."""
    return tuple(each for each in map(_info_or_problem, _folders(workspace)) if isinstance(each, str))


def open_dataset(id: str, workspace: Workspace | None = None) -> Dataset:
    """The data set of this id. Raises KeyError where there is none, DamagedDataset where it cannot be read."""
    workspace = current(workspace)
    folder = workspace.data / id
    if not _ID.fullmatch(id) or not folder.is_dir() or not workspace.allows("read", folder):
        workspace.record("refused", id[:80])
        raise KeyError(f"there is no data set {id!r}: it may have been deleted; the Data page lists those there are")
    return Dataset(folder)


def delete(id: str, workspace: Workspace | None = None) -> None:
    """Move a data set, also a damaged one, to the trash. Raises KeyError where there is none."""
    workspace = current(workspace)
    root = workspace.data
    source = root / id
    if not _ID.fullmatch(id) or not source.is_dir() or not workspace.allows("read", source):
        raise KeyError(f"there is no data set {id!r} to delete")
    workspace.require("own", source)
    target = root / ".trash" / id
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)
    workspace.record("deleted", id)


def restore(id: str, workspace: Workspace | None = None) -> None:
    """Bring a deleted data set back. Raises KeyError where the trash does not hold it."""
    workspace = current(workspace)
    root = workspace.data
    source = root / ".trash" / id
    if not _ID.fullmatch(id) or not source.is_dir() or not workspace.allows("own", source):
        raise KeyError(f"the trash holds no data set {id!r}")
    if (root / id).exists():
        raise ValueError(f"there is a data set {id!r} already: delete it before the old one is brought back")
    source.rename(root / id)
    workspace.record("restored", id)


def trashed(workspace: Workspace | None = None) -> tuple[DatasetInfo, ...]:
    """Deleted data sets that `restore` brings back, the newest deletion first; damaged ones are left out."""
    workspace = current(workspace)
    kept = [each for each in (workspace.data / ".trash").glob("[!.]*/") if workspace.allows("own", each)]
    folders = sorted(kept, key=lambda each: each.stat().st_ctime, reverse=True)
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
    colours: group_colours.Colours = MappingProxyType({}),
    cell_names: Sequence[str] = (),
    workspace: Workspace | None = None,
) -> str:
    """Store cells under a new id (or a given demo id, which is kept where it exists) and return the id.

    expression  measured values [cells, genes] of `expression_genes`, numpy or scipy.sparse, in the units of the space
    layers      further measurements of the same genes, each [cells, genes]; gene_ids: their accession ids, if known
    views       2-D pictures that are ready (a published UMAP), each [cells, 2]; colours: chosen ones of groups
    variance    share of the variance of the genes that each axis carries, [dim]; cell_names: unique, () for none
    contents    what the file held, what of it was kept, and why the rest was not
    Written to a hidden folder and renamed at the end, so that a crash leaves nothing. A demo belongs to nobody.
    """
    quotas.check_file(workspace := current(workspace))
    name, data = _checked_id(id) if id is not None else _new_id(), _checked(snapshots)
    root = _swept(workspace.data)
    target, partial = root / name, root / f".partial-{name}-{secrets.token_hex(4)}"
    try:
        partial.mkdir(parents=True)
        save_snapshots(partial / "snapshots.npz", data)
        _write_beside(partial, data, views or {}, variance, colours, cell_names)
        stored = tuple(expression_genes), expression, layers or {}, tuple(gene_ids)
        info = DatasetInfo(
            id=name,
            label=clean_label(label) if id is not None else _unique_label(clean_label(label), workspace),
            origin=origin,
            source=source,
            genes=len({*data.space.genes, *write_expression(partial, len(data.x), *stored)}),
            created=datetime.now(UTC).isoformat(),
            truth=truth,
            truth_settings=dict(truth_settings or {}),
            parent=parent,
            **_tuples(layers=layers or {}, steps=steps, notes=notes, recipe=recipe, contents=contents),
            **_facts(data),
        )
        write_info(partial, info)
        _put_in_place(partial, target, workspace, is_demo=id is not None)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return name


def _put_in_place(partial: Path, target: Path, workspace: Workspace, is_demo: bool) -> None:
    """A whole data set gets its owner and its name; a demo has no owner, and one that exists is kept."""
    if is_demo and target.exists():
        return
    if not is_demo:
        workspace.claim(partial)
    partial.rename(target)
    workspace.record("made", target.name)


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


def _write_beside(
    folder: Path,
    data: Snapshots,
    views: Mapping[str, Array],
    variance: Array | None,
    colours: group_colours.Colours,
    names: Sequence[str],
) -> None:
    """The principal components that every data set is drawn on, the pictures, colours and names of cells it came with,
    and what the axes carry."""
    (folder / "views").mkdir()
    center, axes = pca_map(data)
    np.save(folder / "views" / "pca.npy", ((data.x - center) @ axes).astype(np.float32))
    for view, points in views.items():
        _save_view(folder, view, points, len(data.x))
    if variance is not None:
        np.save(folder / "variance.npy", np.asarray(variance, dtype=np.float64))
    group_colours.write(folder, data, colours)
    cell_names.write(folder, names, len(data.x))


def add_view(id: str, name: str, points: Float[Array, "cells 2"], workspace: Workspace | None = None) -> None:
    """Store one more 2-D picture of the cells, replacing one of the same name."""
    dataset = open_dataset(id, workspace)
    _save_view(dataset.folder, name, points, dataset.info.cells)


def _save_view(folder: Path, name: str, points: Float[Array, "cells 2"], cells: int) -> None:
    if points.shape != (cells, 2) or not np.isfinite(points).all():
        raise ValueError(f"a view of {cells} cells needs finite points [cells, 2], got shape {points.shape}")
    if not _ID.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a view: lower-case letters, digits, - and _ only")
    with replacing(folder / "views" / f"{name}.npy") as partial:
        np.save(partial, np.ascontiguousarray(points, dtype=np.float32))


def _unique_label(label: str, workspace: Workspace | None) -> str:
    """The name, with a number where another data set has it already, so that lists tell them apart."""
    taken = {each.label for each in datasets(workspace)}
    numbered = (f"{label} ({number})" for number in itertools.count(2))
    return label if label not in taken else next(each for each in numbered if each not in taken)


def _folders(workspace: Workspace | None) -> list[Path]:
    """Those that the owner of the workspace may look at."""
    workspace = current(workspace)
    named = (each for each in workspace.data.iterdir() if each.is_dir() and _ID.fullmatch(each.name))
    return sorted(each for each in named if workspace.allows("read", each))


def _info_or_problem(folder: Path) -> DatasetInfo | str:
    try:
        return read_info(folder)
    except DamagedDatasetError as error:
        return str(error)


def _swept(root: Path) -> Path:
    """The folder without what killed processes left half written."""
    for each in root.glob(".partial-*"):
        if each.exists() and time.time() - each.stat().st_mtime > _STALE:
            shutil.rmtree(each, ignore_errors=True)
    return root
