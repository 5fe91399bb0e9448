"""A user's file into a data set, with what the user made of the proposals of `inspection`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.importing import annotations, contents, import_annotations, prepare, rna_velocity
from cellflow_core.data.importing.cell_names import own_names, read_with_name_parts
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.inspection import (
    FileSummary,
    about_names,
    check_size,
    inspect_file,
    measured,
    sentences,
)
from cellflow_core.data.importing.time_columns import MIN_PER_TIME, TimeCandidate, few_cells, times_of, without_times
from cellflow_core.data.importing.value_type import ValueType, scale_of
from cellflow_core.data.preprocessing import normalisation, qc, selection
from cellflow_core.data.preprocessing.mixed_lineages import find_mixed_lineages
from cellflow_core.data.preprocessing.normalisation import PreprocessingState
from cellflow_core.data.preprocessing.qc import QCMetrics
from cellflow_core.data.readers import InvalidInputError, ReadOptions, Table
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store import save_dataset
from cellflow_core.plural import counted
from cellflow_core.time_units import format_time

__all__ = ["FileSummary", "ImportChoices", "InvalidInputError", "TimeCandidate", "import_file", "inspect_file"]

Array = np.ndarray


def import_file(
    path: str | Path,
    name: str,
    choices: ImportChoices,
    numbers: Mapping[str, float | None],
    on_progress: Callable[[str], None] = lambda stage: None,
) -> str:
    """Make a data set and return its id. `numbers` gives each label of the time column its time; None leaves cells out.
    Raises InvalidInputError with one sentence; nothing is stored then.
    """
    on_progress("reading the file")
    options = ReadOptions(choices.matrix, choices.orientation)
    table = without_times(read_with_name_parts(Path(path), name, options), choices.time_column)
    recipe = {"step": "import", "settings": choices.as_dict() | {"numbers": dict(numbers)}}
    label = choices.label.strip() or Path(name).stem
    if table.snapshots is not None:
        return _store_ready(table, name, label, recipe, on_progress)
    check_size(table, name)
    read = f"read {counted(table.cells, table.row_word)} from {name}"
    made = PreprocessingState(kept=np.ones(table.cells, dtype=bool), steps=[read])
    made.notes += (*table.notes, *about_names(table), *rna_velocity.missing_layer(table))
    on_progress("checking cells and genes" if table.followed is None else "checking samples and variables")
    scale = _decided(scale_of(table), choices, made)
    if scale.value_type == "coordinates" and choices.representation in ("pca", "genes"):
        choices = replace(choices, representation="coordinates")
    metrics = measured(table)
    genes = _filter(metrics, choices, scale, made, name)
    times = _limit_cells(_times(table, name, choices, numbers, made), name, choices, made)
    if choices.batch_column:
        made.batch = _batches(table, name, choices, times, made)
    on_progress("preparing the values")
    prepared = prepare.prepare(table, name, choices, scale, genes, times, made, on_progress)
    data = _snapshots(table, name, choices, times, metrics, scale, prepared, made)
    made.notes += _mixed(data)
    views = import_annotations.embeddings(table, data.second_modality, made)
    held = contents.contents(
        table, choices, names=data.labels, numbers=data.covariates, embeddings=views, channels=data.channels
    )
    on_progress(f"storing the {table.row_word}s")
    return save_dataset(
        data,
        label=label,
        origin="upload",
        source=name,
        steps=sentences(made.steps),
        notes=sentences(made.notes),
        expression=prepared.expression,
        expression_genes=prepared.genes,
        gene_ids=prepared.ids,
        layers=prepared.layers,
        recipe=(recipe,),
        colours=table.colours,
        views=views,
        variance=made.shares,
        contents=contents.plain(held),
        cell_names=own_names(table, made.kept),
    )


def _mixed(data: Snapshots) -> tuple[str, ...]:
    """Sentences on groups that belong to no common process, if there are any."""
    found = find_mixed_lineages(data)
    return tuple(found.sentences) if found else ()


def _snapshots(
    table: Table,
    name: str,
    choices: ImportChoices,
    times: Array | None,
    metrics: QCMetrics,
    scale: ValueType,
    prepared: prepare.Prepared,
    made: PreprocessingState,
) -> Snapshots:
    """The cells that are left, in their state, with every annotation of the file that is kept."""
    subject, dose = annotations.subjects(table)
    followed = import_annotations.of_individuals(table, times, choices, made)
    if times is not None:
        times = times[made.kept]
        _check_times(times, name, choices, followed=subject is not None)
        made.notes += few_cells(times, followed=subject is not None)
    assert made.space is not None
    if made.space.dim < (1 if subject is not None else 2):
        raise InvalidInputError(
            f"{name} has {made.space.dim} coordinate that differs between cells: two or more are needed to draw and "
            "model motion"
        )
    return Snapshots(
        made.state,
        times,
        made.space,
        choices.unit if times is not None else "",
        velocity=rna_velocity.velocity(table, choices, made),
        lineage=import_annotations.rows(annotations.lineage(table), made),
        second_modality=import_annotations.second_modality_values(table, name, choices, made),
        growth=import_annotations.growth(table, name, choices, made),
        subject=import_annotations.rows(subject, made),
        dose=import_annotations.rows(dose, made),
        **followed,
        channels=rna_velocity.splicing(prepared.layers, prepared.genes, made),
        perturbation=import_annotations.perturbation(table, choices, made),
        labels=import_annotations.labels(table, choices, made),
        covariates=import_annotations.numbers(table, metrics, scale, choices, made),
    )


def _decided(scale: ValueType, choices: ImportChoices, made: PreprocessingState) -> ValueType:
    """What the values are taken for: as the user said, else as they look."""
    if scale.note:
        made.notes.append(scale.note)
    if choices.values != "auto":
        return replace(scale, value_type=choices.values, ambiguity="")
    if scale.ambiguity and choices.representation != "coordinates":
        made.notes.append(
            f"{scale.ambiguity}: they were taken for {scale.value_type}; import again and say so if they are not"
        )
    return scale


def _filter(
    measured: QCMetrics, choices: ImportChoices, scale: ValueType, made: PreprocessingState, name: str
) -> Array:
    """Leave cells out of made.kept, and return which genes stay, [features]."""
    found = qc.kept(measured, choices)
    if (found.removed or choices.min_cells) and scale.value_type == "coordinates":
        raise InvalidInputError(
            f"{name} holds coordinates and no genes, so cells cannot be left out by counts: switch filters off"
        )
    made.kept = found.cells.copy()
    made.steps += [f"left out {counted(each.cells, 'cell')} with {each.words}" for each in found.removed]
    made.steps += found.idle
    made.notes += found.idle
    made.notes += [
        f"no cell of {label!r} is left: the filter {words!r} takes its last one"
        for label, words in found.emptied.items()
    ]
    if not found.cells.any():
        worst = max(found.removed, key=lambda each: each.cells)
        raise InvalidInputError(
            f"{name}: no cell passes the filters; {worst.words} takes {counted(worst.cells, 'cell')}: choose a "
            "milder one"
        )
    if choices.min_cells:
        gone = int((~found.genes).sum())
        made.steps.append(
            f"left out {counted(gone, 'gene')} above zero in fewer than {counted(choices.min_cells, 'cell')}"
        )
        if not found.genes.any():
            raise InvalidInputError(
                f"{name}: no gene is above zero in {counted(choices.min_cells, 'cell')}: choose a smaller number"
            )
    return found.genes


def _times(
    table: Table, name: str, choices: ImportChoices, numbers: Mapping[str, float | None], made: PreprocessingState
) -> Array | None:
    """Time of each row of the file, NaN where it is out; None without a column of times."""
    if not choices.time_column:
        made.steps.append("no time of the cells is known")
        return None
    rows = np.flatnonzero(made.kept)
    followed = annotations.subjects(table)[0] is not None
    found, steps = times_of(table.obs.iloc[rows], name, choices.time_column, numbers, choices.windows, every=followed)
    made.steps += steps
    normalisation.keep_cells(made, np.isfinite(found))
    times = np.full(table.cells, np.nan)
    times[rows] = found
    _check_times(times[made.kept], name, choices, followed)
    if choices.unit == "pseudotime":
        made.notes.append(
            "the times are pseudotime: an order of cells that was calculated, and not a time that was measured; speeds "
            "and durations in it mean nothing by themselves"
        )
    return times


def _limit_cells(times: Array | None, name: str, choices: ImportChoices, made: PreprocessingState) -> Array | None:
    """The times of the rows of the file, as they are given; above `most_cells` only a part of the cells stays."""
    left = int(made.kept.sum())
    if left <= choices.most_cells:
        return times
    of, part = (", the same share of every time", " of each time") if times is not None else ("", "")
    held = np.zeros(left) if times is None else times[made.kept]
    normalisation.keep_cells(made, selection.stratified_subsample(held, choices.most_cells))
    made.steps.append(f"took {choices.most_cells:,} of {left:,} cells at random{of}")
    made.notes.append(f"only {choices.most_cells:,} of {left:,} cells are held, a random part{part}")
    if times is not None:
        _check_times(times[made.kept], name, choices, followed=False)
    return times


def _batches(table: Table, name: str, choices: ImportChoices, times: Array | None, made: PreprocessingState) -> Array:
    """Batch of each row of the file. InvalidInputError where batches cannot be corrected."""
    columns = annotations.label_columns(table)
    if choices.batch_column not in columns:
        raise InvalidInputError(
            f"{name} has no column of batches {choices.batch_column!r}: choose one of {', '.join(columns) or 'none'}"
        )
    if choices.representation != "pca":
        raise InvalidInputError(
            f"{name}: batches are corrected in principal components only: choose them as axes, or no batch column"
        )
    batch = columns[choices.batch_column]
    held = batch[made.kept]
    if len(np.unique(held)) < 2:
        raise InvalidInputError(
            f"{name}: the cells used are all of one batch in column {choices.batch_column!r}: choose none"
        )
    when = np.zeros(len(held)) if times is None else times[made.kept]
    if len(np.unique(when)) > 1 and all(len(np.unique(when[held == each])) == 1 for each in np.unique(held)):
        made.notes.append(
            f"each batch of {choices.batch_column!r} was measured at one time only, so taking out differences between "
            "batches took out differences between times with them: read motion in these data with great care"
        )
    return batch


def _store_ready(
    table: Table, name: str, label: str, recipe: Mapping[str, Any], on_progress: Callable[[str], None]
) -> str:
    """A file that this app wrote, or one in a format that leaves nothing to decide, holds whole snapshots."""
    assert table.snapshots is not None
    own = f"Read {table.cells:,} cells as this app wrote them to {name}"
    on_progress("storing the cells")
    genes = table.features if table.x.shape[1] else ()
    return save_dataset(
        table.snapshots,
        label=label,
        origin="upload",
        source=name,
        steps=(own if table.format == "AnnData" else f"Read {table.cells:,} samples of {table.format} from {name}",),
        notes=sentences(table.notes),
        expression=prepare.as_float32(table.x) if genes else None,
        expression_genes=genes,
        gene_ids=table.ids if genes else (),
        layers={each: prepare.as_float32(values) for each, values in table.layers.items()} if genes else {},
        recipe=(recipe,),
        colours=table.colours,
        cell_names=own_names(table),
    )


def _check_times(times: Array, name: str, choices: ImportChoices, followed: bool) -> None:
    """At least one time, each with enough cells; where individuals are followed, one row is enough."""
    distinct, counts = np.unique(times, return_counts=True)
    if not len(distinct):
        raise InvalidInputError(
            f"{name}: the cells used have no time at all in column {choices.time_column!r}: give labels a number, or "
            "choose another column"
        )
    few = [
        f"{format_time(time)} ({count})" for time, count in zip(distinct, counts, strict=True) if count < MIN_PER_TIME
    ]
    if few and not followed:
        raise InvalidInputError(
            f"{name}: fewer than {MIN_PER_TIME} cells at time {', '.join(few[:5])}{' ...' if few[5:] else ''}: leave "
            "these times out, or join them with a neighbour by giving both the same number"
        )
