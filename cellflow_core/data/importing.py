"""A user's file into a data set: first a look with proposals, then the import with what the user made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data import prepare
from cellflow_core.data.prepare import Prepared
from cellflow_core.data.readers import BadInput, Table, labels_of, read
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store import save_dataset
from cellflow_core.data.time_columns import (
    MIN_PER_TIME,
    TimeCandidate,
    candidates,
    no_time,
    times_of,
    without_times,
)

__all__ = ["BadInput", "ImportChoices", "Inspection", "TimeCandidate", "import_file", "inspect_file"]

Array = np.ndarray
MIN_CELLS = 20
_LOOK = 1000  # rows that a look reads


@dataclass(frozen=True)
class Inspection:
    """What a file holds, before anything is done to it. Likeliest time column first."""

    name: str
    format: str
    cells: int
    features: int
    candidates: tuple[TimeCandidate, ...]
    annotations: tuple[str, ...]
    obsm: tuple[str, ...]
    looks: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImportChoices(Config):
    """What the user decided. `representation` is "pca", "genes", "coordinates" or "obsm:<name>"."""

    label: str = setting("", "Name of the data set; the file name where it is empty")
    time_column: str = setting("", "Column that says when each cell was measured")
    unit: str = setting("", "Unit of the times")
    representation: str = setting("pca", "Axes in which the model works")
    components: int = setting(30, "Axes that are kept, the leading ones first", 2, 200)
    variable_genes: int = setting(2000, "Genes that differ most between cells, from which the axes are made", 20, 5000)
    normalise: bool = setting(True, "Bring every cell to the same total count, since cells are read unequally deep")
    log: bool = setting(True, "Take log(1 + x), so that a doubling counts the same everywhere")
    drop_incomplete: bool = setting(False, "Leave out cells with a missing or infinite value instead of refusing")


def inspect_file(path: str | Path, name: str) -> Inspection:
    """Proposals for the import of a file that its owner calls `name`. Raises BadInput with one sentence."""
    table = without_times(read(Path(path), name, rows=_LOOK))
    _check_size(table, name)
    looks = prepare.looks_of(table)
    found = candidates(table)
    notes = list(table.notes)
    if looks == "counts" and not prepare.whole_numbers(table):
        notes.append("the values are not whole numbers but not logarithmic either: they seem normalised already")
    if len(set(table.features)) < len(table.features):
        notes.append(
            f"{len(table.features) - len(set(table.features))} feature names appear twice and will be numbered"
        )
    if not found:
        notes.append(no_time(table))
    return Inspection(
        name=name,
        format=table.format,
        cells=table.cells,
        features=len(table.features),
        candidates=found,
        annotations=tuple(_annotations(table)),
        obsm=tuple(each for each in table.obsm if each != "X_clone"),
        looks=looks,
        notes=_sentences(notes),
    )


def import_file(
    path: str | Path,
    name: str,
    choices: ImportChoices,
    numbers: Mapping[str, float | None],
    say: Callable[[str], None] = lambda stage: None,
) -> str:
    """Make a data set and return its id. `numbers` gives each label of the time column its time; None leaves cells out.

    Raises BadInput with one sentence; nothing is stored then.
    """
    say("reading the file")
    table = without_times(read(Path(path), name), choices.time_column)
    _check_size(table, name)
    times, step = times_of(table, name, choices.time_column, numbers)
    made = Prepared(kept=np.isfinite(times), steps=[f"read {table.cells:,} cells from {name}", *step])
    made.notes += table.notes
    _check_times(times[made.kept], name, choices)
    say("preparing the values")
    expression = _prepare(table, name, choices, made, say)
    times = times[made.kept]
    _check_times(times, name, choices)
    labels = {column: values[made.kept] for column, values in _annotations(table).items()}
    assert made.space is not None
    if made.space.dim < 2:
        raise BadInput(
            f"{name} has {made.space.dim} coordinate that differs between cells: two or more are needed to draw and "
            "model motion"
        )
    data = Snapshots(
        made.state, times, made.space, choices.unit, lineage=_lineage(table, made.kept), labels=_worth_keeping(labels)
    )
    say("storing the cells")
    return save_dataset(
        data,
        label=choices.label.strip() or Path(name).stem,
        origin="upload",
        source=name,
        steps=_sentences(made.steps),
        notes=_sentences(made.notes),
        expression=expression[0],
        expression_genes=expression[1],
    )


def _prepare(
    table: Table, name: str, choices: ImportChoices, made: Prepared, say: Callable[[str], None]
) -> tuple[Any, tuple[str, ...]]:
    """Fill made.state and made.space; return the measured values and names of all genes (None where there are none)."""
    way = choices.representation
    looks = prepare.looks_of(table)
    key = way.removeprefix("obsm:") if way.startswith("obsm:") else ""
    if key and key not in table.obsm:
        raise BadInput(f"{name} has no coordinates {key!r}: it has {', '.join(table.obsm) or 'none'}")
    if not key and way not in ("pca", "genes", "coordinates"):
        raise BadInput(f"{name}: axes {way!r} is not known: choose pca, genes, coordinates or obsm:<name>")
    rows = np.flatnonzero(made.kept)
    made.x, made.features = table.x[rows], table.features
    if key:
        made.x = np.asarray(table.obsm[key][rows], dtype=np.float64)
        prepare.drop_incomplete(made, name, choices.drop_incomplete)
        axes = tuple(f"{key.removeprefix('X_').upper()}{k + 1}" for k in range(made.x.shape[1]))
        made.state, made.space = prepare.coordinates(made.x, axes, choices.components, made)
        if looks == "coordinates" or prepare.bad_rows(table.x[np.flatnonzero(made.kept)]).any():
            return None, ()
        genes = _genes_beside(made, table)
        prepare.unique_features(genes)
        if looks == "counts":
            prepare.normalise(genes, name, choices.normalise, choices.log)
            made.steps += [f"genes: {each}" for each in genes.steps]
            made.state, made.kept = made.state[genes.kept[made.kept]], genes.kept
        return _stored(genes.x), genes.features
    what = "coordinates" if way == "coordinates" else "genes"
    prepare.drop_incomplete(made, name, choices.drop_incomplete)
    prepare.unique_features(made)
    prepare.drop_constant(made, name, what)
    if way == "coordinates":
        prepare.to_state(made, way, choices.components, choices.variable_genes, say)
        return None, ()
    prepare.normalise(made, name, choices.normalise, choices.log)
    prepare.to_state(made, way, choices.components, choices.variable_genes, say)
    return _stored(made.x), made.features


def _genes_beside(made: Prepared, table: Table) -> Prepared:
    """The genes of the cells that were kept, beside their coordinates."""
    return Prepared(made.kept.copy(), table.x[np.flatnonzero(made.kept)], table.features, notes=made.notes)


def _sentences(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(each[:1].upper() + each[1:] for each in words)


def _stored(x: Any) -> Any:
    return np.asarray(x, dtype=np.float32) if isinstance(x, np.ndarray) else x.astype(np.float32)


def _check_size(table: Table, name: str) -> None:
    if table.cells < MIN_CELLS:
        raise BadInput(
            f"{name} holds {table.cells} cells and at least {MIN_CELLS} are needed: load a file with more cells (rows "
            "are cells, columns are genes or coordinates)"
        )


def _check_times(times: Array, name: str, choices: ImportChoices) -> None:
    """Two or more times, each with enough cells."""
    distinct, counts = np.unique(times, return_counts=True)
    if len(distinct) < 2:
        found = f"one time only ({distinct[0]:g})" if len(distinct) else "no time at all"
        raise BadInput(
            f"{name}: the cells used have {found} in column {choices.time_column!r}, and a model of motion needs two "
            "or more: give labels different numbers, or choose another column"
        )
    few = [f"{time:g} ({count})" for time, count in zip(distinct, counts, strict=True) if count < MIN_PER_TIME]
    shown = ", ".join(few[:5]) + (" ..." if few[5:] else "")
    if few:
        raise BadInput(
            f"{name}: fewer than {MIN_PER_TIME} cells at time {shown}: leave these times out, or join them "
            "with a neighbour by giving both the same number"
        )


def _annotations(table: Table) -> dict[str, Array]:
    """Columns of names with 2 to 100 different ones."""
    held = [str(each) for each in table.obs.columns if table.obs[each].dtype.kind not in "fiuM"]
    return {each: labels_of(table.obs[each]) for each in held if 2 <= table.obs[each].nunique() <= 100}


def _worth_keeping(labels: Mapping[str, Array]) -> dict[str, Array]:
    """Without those that are the same in all cells that were kept."""
    return {name: values for name, values in labels.items() if len(set(values.tolist())) > 1}


def _lineage(table: Table, kept: Array) -> Array | None:
    """Clone of each cell from obsm["X_clone"] [cells, clones], -1 where a cell has none or several."""
    clones = table.obsm.get("X_clone")
    if clones is None:
        return None
    dense = prepare.dense(clones)
    return np.where((dense > 0).sum(axis=1) == 1, dense.argmax(axis=1), -1)[kept]
