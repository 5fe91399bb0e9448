"""One stored data set: what a list shows of it, and its arrays, each read when it is asked for.

A folder holds `info.json`, `snapshots.npz` (arrays only, never pickles), `expression/` and `layers/<name>/` (one `.npy`
an array, so that one gene can be read alone), `views/<name>.npy`, `annotations/<digest>.npz` and `cell_names.txt`.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core import aliases
from cellflow_core.data import requirements
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.expression import Expression
from cellflow_core.data.store.snapshots_file import load_snapshots

Array = np.ndarray
FORMAT = 1
ANNOTATIONS = "annotations"
"""Folder of the annotations that were added after the import."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


class DamagedDatasetError(ValueError):
    """A data set whose files are missing or cut short. The sentence names the file and what to do."""


@dataclass(frozen=True)
class DatasetInfo:
    """What a list of data sets shows.

    space        "pca", "genes", "splicing" ...; dim its axes, genes the number of genes that can be read
    times        distinct times, ascending, in `time_unit`; counts: cells at each
    annotations  names of the categorical labels; covariates: of those in numbers; views: 2-D pictures that are ready
    layers       further measurements of the genes that `layer` reads ("spliced", "unspliced", "counts")
    has          what models can find here, as values of `Need`
    steps        what was done to the data in words, notes: what a reader must know
    recipe       the same as data: {"step": name, "settings": {...}}, the import or the making first
    parent       id of the data set this one was made from, "" for none: where undoing the last step leads
    added        annotation added after the import -> digest of its values: training does not see it, and the
                 fingerprint stays what it was
    contents     each part of the file it was imported from: {"place", "content", "kept", "reason"}
    truth        name of the simulator that made the cells, "" for measured ones; truth_settings: what it was run with
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
    truth_settings: Mapping[str, Any] = field(default_factory=dict)
    covariates: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    recipe: tuple[Mapping[str, Any], ...] = ()
    parent: str = ""
    contents: tuple[Mapping[str, Any], ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Changes with the cells and with every annotation that is added or taken away: the key of what is cached."""
        return "-".join((self.fingerprint, *sorted(set(self.added.values()))))

    def fingerprint_for(self, settings: Mapping[str, Any]) -> str:
        """Hash of what a model with these settings sees: with an added annotation only where they name it."""
        named = {self.added[each] for each in settings.values() if isinstance(each, str) and each in self.added}
        return "-".join((self.fingerprint, *sorted(named)))


class Dataset:
    """One stored data set. Rows of every array are the cells in the order of `snapshots()`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = read_info(folder)

    @cached_property
    def _snapshots(self) -> Snapshots:
        data = self.stored
        labels, covariates = dict(data.labels), dict(data.covariates)
        for digest in dict.fromkeys(self.info.added.values()):
            name = f"{ANNOTATIONS}/{digest}.npz"
            try:
                with np.load(self.folder / name, allow_pickle=False) as held:
                    labels |= {each: held[f"label_{k}"] for k, each in enumerate(held["labels"].tolist())}
                    covariates |= {each: held[f"covariate_{k}"] for k, each in enumerate(held["covariates"].tolist())}
            except UNREADABLE as error:
                raise damaged(self.folder, name, error) from error
        return dataclasses.replace(data, labels=labels, covariates=covariates) if self.info.added else data

    @cached_property
    def stored(self) -> Snapshots:
        """The cells as they were imported, without the annotations added since: what the fingerprint is of."""
        try:
            return load_snapshots(self.folder / "snapshots.npz")
        except UNREADABLE as error:
            raise damaged(self.folder, "snapshots.npz", error) from error

    def snapshots(self) -> Snapshots:
        """The cells with all annotations. Raises DamagedDataset where a file cannot be read."""
        return self._snapshots

    def embedding(self, name: str) -> Float[Array, "cells 2"]:
        """Each cell in a 2-D picture. Raises KeyError that lists the ready ones."""
        self._check_view(name)
        try:
            return np.load(self.folder / "views" / f"{name}.npy", allow_pickle=False)
        except UNREADABLE as error:
            raise damaged(self.folder, f"views/{name}.npy", error) from error

    def variance(self) -> Float[Array, " dim"] | None:
        """Share of the variance of the genes that each axis carries; None where that was not measured."""
        path = self.folder / "variance.npy"
        if not path.exists():
            return None
        try:
            return np.load(path, allow_pickle=False)
        except UNREADABLE as error:
            raise damaged(self.folder, "variance.npy", error) from error

    def view_axes(self, name: str) -> tuple[str, str]:
        """Names of the two axes of a view."""
        self._check_view(name)
        if name != "pca":
            shown = view_name(name)
            return f"{shown} 1", f"{shown} 2"
        if self.info.dim == 1:
            return self.snapshots().space.axes[0], ""
        if self.info.space == "pca":
            axes = self.snapshots().space.axes
            return axes[0], axes[1]
        return "PC1", "PC2"

    def view_map(self, name: str) -> tuple[Float[Array, " dim"], Float[Array, "dim 2"]] | None:
        """(center, axes) with view = (state - center) @ axes where the view is linear, None where it is not (UMAP)."""
        self._check_view(name)
        return pca_map(self.snapshots()) if name == "pca" else None

    @property
    def genes(self) -> tuple[str, ...]:
        """Every gene that `expression` can read: those of the state space first."""
        held = self.snapshots().space.genes
        seen = set(held)
        return (*held, *(each for each in self._expression.genes if each not in seen))

    @property
    def gene_ids(self) -> dict[str, str]:
        """Accession id of each gene whose id is known."""
        return dict(zip(self._expression.genes, self._expression.ids, strict=False))

    def expression(self, gene: str) -> Float[Array, " cells"]:
        """Measured expression of one gene in the units of the space (RNA velocity: moments). Raises KeyError."""
        if self.info.space == "splicing" and gene in self.snapshots().space.genes:
            return self.snapshots().space.expression(self.snapshots().x, gene)
        if gene in self._expression.genes:
            try:
                return self._expression.column(gene)
            except UNREADABLE as error:
                raise damaged(self.folder, "expression", error) from error
        data = self.snapshots()
        if data.space.kind == "genes" and gene in data.space.genes:
            return data.x[:, data.space.genes.index(gene)]
        raise KeyError(
            f"no measured values of gene {gene!r} are stored with {self.info.label!r}: it holds {self.info.genes} genes"
        )

    @property
    def measured(self) -> Expression:
        """Measured values of all genes, in the units of the space; only what is used of it is read.

        The axes themselves where they are genes and nothing else is stored.
        """
        data = self.snapshots()
        if not self._expression.genes and data.space.kind == "genes":
            return Expression.from_values(data.x, data.space.genes, len(data.x))
        return self._expression

    def layer(self, name: str) -> Expression:
        """A further measurement of the genes ("spliced" ...). Raises KeyError that lists those there are."""
        if name not in self.info.layers:
            raise KeyError(f"{self.info.label!r} has no layer {name!r}; it has {', '.join(self.info.layers) or 'none'}")
        try:
            return Expression.open(self.folder / "layers" / name)
        except UNREADABLE as error:
            raise damaged(self.folder, f"layers/{name}", error) from error

    @cached_property
    def _expression(self) -> Expression:
        try:
            return Expression.open(self.folder / "expression")
        except UNREADABLE as error:
            raise damaged(self.folder, "expression", error) from error

    def rename(self, label: str) -> None:
        """Give it another name for people; id and folder stay."""
        self.info = dataclasses.replace(self.info, label=clean_label(label))
        write_info(self.folder, self.info)

    def _check_view(self, name: str) -> None:
        if name not in self.info.views:
            raise KeyError(f"no view {name!r} of {self.info.label!r}; there is {', '.join(self.info.views)}")


def pca_map(data: Snapshots) -> tuple[Float[Array, " dim"], Float[Array, "dim 2"]]:
    """First two axes of a pca space, otherwise the first two principal axes of the state, largest loading positive."""
    if data.space.kind == "pca":
        return np.zeros(data.dim, np.float32), np.eye(data.dim, 2, dtype=np.float32)
    if data.dim == 1:  # drawn along a line
        return np.zeros(1, np.float32), np.eye(1, 2, dtype=np.float32)
    x = data.x.astype(np.float64)
    center = x.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(x - center, rowvar=False))
    axes = vectors[:, ::-1][:, :2]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(2)]
    return center.astype(np.float32), (axes * np.sign(largest)).astype(np.float32)


def view_name(name: str) -> str:
    """A view as people read it: "UMAP", "SECOND MODALITY"."""
    return name.upper().replace("-", " ")


def clean_label(label: str) -> str:
    kept = " ".join("".join(each if each.isprintable() else " " for each in label).split())[:120]
    if not kept:
        raise ValueError("the name of a data set is empty: give it one of 1 to 120 letters")
    return kept


def write_info(folder: Path, info: DatasetInfo) -> None:
    files = {each: (folder / each).stat().st_size for each in ("snapshots.npz", "views/pca.npy")}
    text = json.dumps({"format": FORMAT, "files": files, **dataclasses.asdict(info)}, indent=1)
    partial = folder / f".info-{secrets.token_hex(4)}.json"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / "info.json")


def read_info(folder: Path) -> DatasetInfo:
    try:
        stored = json.loads((folder / "info.json").read_text(encoding="utf-8"))
        names = {each.name for each in dataclasses.fields(DatasetInfo)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k in names}
        ready = {each.stem for each in (folder / "views").glob("[!.]*.npy")}
        values |= {"id": folder.name, "views": ("pca", *sorted(ready - {"pca"}))}
        times = requirements.of_times(len(values["times"]))  # older data sets have stored less of this
        moments = {requirements.DataRequirement.MOMENTS} if values.get("space") == "splicing" else ()
        values["has"] = tuple(sorted({*times, *moments, *map(aliases.requirement, values.get("has", ()))}))
        values["truth_settings"] = aliases.simulator(values.get("truth", ""), values.get("truth_settings", {}))
        values["recipe"] = tuple(map(_current, values.get("recipe", ())))
        info = DatasetInfo(**values)
        files: dict[str, int] = stored["files"]
    except UNREADABLE as error:
        raise damaged(folder, "info.json", error) from error
    for name, size in files.items():
        path = folder / name
        found = path.stat().st_size if path.exists() else 0
        if found != size:
            raise damaged(folder, name, f"it has {found} bytes and should have {size}")
    return info


def _current(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """One stored step under today's names."""
    name, settings = step.get("step"), step.get("settings")
    if not isinstance(name, str) or not settings:
        return step
    if name == "simulate":
        return {**step, "settings": aliases.simulator(str(settings.get("simulator", "")), settings)}
    return {**step, "settings": aliases.step(name, settings)}


def damaged(folder: Path, file: str, why: object) -> DamagedDatasetError:
    return DamagedDatasetError(
        f"data set {folder.name} cannot be read: {file} is damaged or missing ({why}); delete it and load it again"
    )
