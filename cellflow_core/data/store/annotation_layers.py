"""Annotations added to a stored data set after its import: files beside the cells, which stay as they are.

Training does not see them, so that the fingerprint of the data set and the runs on it stay. `info.added` names them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cellflow_core import atomic_write
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import ANNOTATIONS, Dataset, DatasetInfo, write_info
from cellflow_core.data.store.snapshots_file import text
from cellflow_core.workspace import current

Array = np.ndarray


def new_annotations(before: Snapshots, after: Snapshots) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """(labels, covariates) that `after` has more than `before`; None where anything else is another."""
    arrays = ((each.x, each.t, _mass(each)) for each in (before, after))
    same_cells = all(np.array_equal(one, other) for one, other in zip(*arrays, strict=True))
    beside = ("space", "network", "doses", "treatments")
    same_beside = all(getattr(before, each) is getattr(after, each) for each in beside)
    if not same_cells or not same_beside or before.time_unit != after.time_unit:
        return None
    named = ("labels", "covariates")
    held, now = ({k: v for k, v in each.channels.items() if k not in named} for each in (before, after))
    if held.keys() != now.keys() or any(held[name] is not now[name] for name in held):
        return None
    for name in named:
        old, new = getattr(before, name), getattr(after, name)
        if any(key not in new or not np.array_equal(new[key], old[key], equal_nan=name == "covariates") for key in old):
            return None
    labels, covariates = (
        {key: value for key, value in getattr(after, name).items() if key not in getattr(before, name)}
        for name in named
    )
    return (labels, covariates) if labels or covariates else None


def add_annotations(
    dataset: Dataset,
    labels: Mapping[str, Array],
    covariates: Mapping[str, Array],
    step: Mapping[str, Any],
    sentence: str,
    notes: tuple[str, ...] = (),
) -> DatasetInfo:
    """Add annotations [cells] in words and in numbers to a stored data set, as its last step; returns what it is now.

    Raises ValueError where a name is taken or a length is another than the number of cells, NotAllowedError where the
    data set is another person's.
    """
    current().require("own", dataset.folder)
    info = dataset.info
    for name, values in {**labels, **covariates}.items():
        if name in (*info.annotations, *info.covariates):
            raise ValueError(f"the cells have an annotation {name!r} already: give the new one another name")
        if len(values) != info.cells:
            raise ValueError(f"annotation {name!r} has {len(values):,} values for {info.cells:,} cells: one a cell")
    arrays: dict[str, Array] = {"labels": text(labels), "covariates": text(covariates)}
    arrays |= {f"label_{k}": text(values) for k, values in enumerate(labels.values())}
    arrays |= {f"covariate_{k}": np.asarray(values, np.float64) for k, values in enumerate(covariates.values())}
    digest = hashlib.sha256(b"\0".join(each.tobytes() for each in arrays.values())).hexdigest()[:16]
    folder = dataset.folder / ANNOTATIONS
    folder.mkdir(exist_ok=True)
    with atomic_write.replacing(folder / f"{digest}.npz") as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    found = dataclasses.replace(
        info,
        annotations=(*info.annotations, *labels),
        covariates=(*info.covariates, *covariates),
        steps=(*info.steps, sentence),
        notes=tuple(dict.fromkeys((*info.notes, *notes))),
        recipe=(*info.recipe, {**step, "added": digest}),
        added={**info.added, **dict.fromkeys((*labels, *covariates), digest)},
    )
    write_info(dataset.folder, found)
    return found


def last_added(info: DatasetInfo) -> str:
    """Digest of the annotations that the last step added; "" where the last step was another one."""
    return str(info.recipe[-1].get("added", "")) if info.recipe else ""


def remove_last(dataset: Dataset) -> DatasetInfo:
    """Undo a last step that added annotations. Raises ValueError where it was another one."""
    current().require("own", dataset.folder)
    info, digest = dataset.info, last_added(dataset.info)
    if not digest:
        raise ValueError(f"the last step of {info.label!r} added no annotation: undo leads to the data set before it")
    gone = {name for name, each in info.added.items() if each == digest}
    found = dataclasses.replace(
        info,
        annotations=tuple(each for each in info.annotations if each not in gone),
        covariates=tuple(each for each in info.covariates if each not in gone),
        steps=info.steps[:-1],
        recipe=info.recipe[:-1],
        added={name: each for name, each in info.added.items() if each != digest},
    )
    write_info(dataset.folder, found)
    (dataset.folder / ANNOTATIONS / f"{digest}.npz").unlink(missing_ok=True)
    return found


def for_child(recipe: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    """The steps as a data set made from this one tells them: there, the annotations belong to the cells."""
    return tuple({key: value for key, value in each.items() if key != "added"} for each in recipe)


def _mass(data: Snapshots) -> Array:
    return np.zeros(0) if data.mass is None else data.mass
