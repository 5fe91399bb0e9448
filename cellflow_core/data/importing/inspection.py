"""A look into a user's file before anything is done to it: what it holds, and what is proposed for its import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cellflow_core.data.importing import annotations
from cellflow_core.data.importing.cell_names import library_note, read_with_name_parts
from cellflow_core.data.importing.contents import Content, contents
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.perturbations.design import DesignSummary, summaries
from cellflow_core.data.importing.time_columns import (
    TimeCandidate,
    candidates,
    no_time,
    numbers_in,
    open_labels,
    other_columns,
    without_times,
)
from cellflow_core.data.importing.value_type import ValueType, scale_of
from cellflow_core.data.preprocessing import missing_values, qc
from cellflow_core.data.preprocessing.qc import QCMetrics
from cellflow_core.data.readers import InvalidInputError, NotCellDataError, ReadOptions, Table, gene_names, labels_of

MIN_CELLS = 20


@dataclass(frozen=True)
class FileSummary:
    """What a file holds, before anything is done to it.

    candidates   columns that may be the time, the likeliest first; other_columns: those that do not look like one
    annotations  columns of names, among them those that may be batches; obsm: coordinates that can be the axes
    looks        what the values seem to be: "counts", "log" or "coordinates"; unsure: why a person should say, or ""
    growth       columns named like a growth rate; pictures: published 2-D embeddings; layers: further measurements
    velocities   RNA velocities in the axes of coordinates
    modalities   what else was measured in the same cells, with the number of its features
    mito_genes   genes named MT-; summary: 5 %, median and 95 % of each quality number over the cells
    proposed     filters that are usual for such a file, as values of ImportChoices
    clones       lineage barcodes that mark one or more cells, 0 where there are none
    ready        written by this app: nothing is left to decide
    followed     the same individuals were measured again and again, each at times of its own
    individuals  what a table of followed individuals holds (variables, doses, units), in one sentence, or ""
    read_with    what was given before reading; matrices: places where values stand, with their names in Python
    question     whether rows or columns of a table are cells, where a person must say, or ""
    contents     what the file holds, what is kept of it and why the rest is not
    perturbations  columns and panels that may name what was done to each cell, the one that is taken first
    missing      missing values, and what leaving out cells or genes costs at each time, or ""
    """

    name: str
    format: str
    cells: int
    features: int
    candidates: tuple[TimeCandidate, ...]
    annotations: tuple[str, ...]
    obsm: tuple[str, ...]
    looks: str
    notes: tuple[str, ...]
    unsure: str
    growth: tuple[str, ...]
    pictures: tuple[str, ...]
    layers: tuple[str, ...]
    velocities: tuple[str, ...]
    modalities: Mapping[str, int]
    mito_genes: int
    clones: int
    summary: Mapping[str, tuple[float, float, float]]
    proposed: Mapping[str, float]
    ready: bool
    followed: bool
    other_columns: tuple[TimeCandidate, ...] = ()
    read_with: ReadOptions = ReadOptions()  # noqa: RUF009 - frozen
    matrices: Mapping[str, str] = field(default_factory=dict)
    question: str = ""
    contents: tuple[Content, ...] = ()
    missing: str = ""
    individuals: str = ""
    perturbations: tuple[DesignSummary, ...] = ()


def inspect_file(
    path: str | Path,
    name: str,
    quality_at: str | Path | None = None,
    time_column: str = "",
    matrix: str = "",
    orientation: str = "",
) -> FileSummary:
    """Proposals for the import of a file that its owner calls `name`. Raises InvalidInputError with one sentence.

    quality_at   where the quality numbers of every cell are stored for `quality.load`; None: nowhere
    time_column  a column that a person takes for the time, which is read even if it does not look like one
    """
    options = ReadOptions(matrix, orientation)
    table = without_times(read_with_name_parts(Path(path), name, options), time_column)
    check_size(table, name)
    scale = scale_of(table)
    found = candidates(table)
    others = other_columns(table, found, time_column)
    numbers = measured(table, (*found, *others))
    if quality_at is not None:
        qc.save(Path(quality_at), numbers)
    notes = [*table.notes, *_about_values(table, scale)]
    notes += open_labels(found)
    notes += filter(None, [library_note(table)])
    if not found:
        notes.append(no_time(table))
    return FileSummary(
        name=name,
        format=table.format,
        cells=table.cells,
        features=len(table.features),
        candidates=found,
        annotations=tuple(annotations.label_columns(table)),
        obsm=annotations.states(table),
        looks=scale.value_type,
        notes=sentences(notes),
        unsure=scale.ambiguity,
        growth=annotations.growth_columns(table),
        pictures=tuple(annotations.embeddings(table)),
        layers=tuple(table.layers),
        velocities=tuple(each for each in table.obsm if "velocity" in each.lower()),
        modalities={key: values.shape[1] for key, values in annotations.modalities(table).items()},
        mito_genes=numbers.mito_genes,
        clones=_clones(table),
        summary={} if scale.value_type == "coordinates" else _summary(numbers),
        proposed=_proposed(table, scale, numbers),
        ready=table.snapshots is not None,
        followed=annotations.subjects(table)[0] is not None,
        other_columns=others,
        read_with=ReadOptions(table.matrix if matrix else "", orientation),
        matrices=table.matrices,
        question=table.question,
        contents=_contents(table, found, scale),
        missing=_missing(table, found),
        individuals="" if table.followed is None else f"{table.followed.found}.",
        perturbations=summaries(table, found[0].column if found else ""),
    )


def _contents(table: Table, found: tuple[TimeCandidate, ...], scale: ValueType) -> tuple[Content, ...]:
    """What the choices that the file proposes would keep."""
    seconds = list(annotations.modalities(table))
    axes = "coordinates" if scale.value_type == "coordinates" else "pca"
    proposed = ImportChoices(
        time_column=found[0].column if found else "",
        representation=axes,
        modality=seconds[0] if len(seconds) == 1 else "",
    )
    return contents(table, proposed)


def _missing(table: Table, found: tuple[TimeCandidate, ...]) -> str:
    if table.followed is not None:  # interpolated within the individual, and marked
        return ""
    times = np.zeros(table.cells)
    if found and found[0].kind == "labels":
        number = dict(zip(found[0].labels, found[0].numbers, strict=True))
        at = [number[each] for each in labels_of(table.obs[found[0].column]).tolist()]
        times = np.array([-1.0 if each is None else each for each in at])
    costs = missing_values.costs(table.x, times)
    return missing_values.words(costs, table.features, times) if costs else ""


def _clones(table: Table) -> int:
    marked = annotations.lineage(table)
    return 0 if marked is None else len(np.unique(marked[marked >= 0]))


def _proposed(table: Table, scale: ValueType, numbers: QCMetrics) -> dict[str, float]:
    """Filters of counts."""
    return qc.proposed(numbers) if scale.value_type == "counts" and scale.whole else {}


def measured(table: Table, found: Iterable[TimeCandidate] = ()) -> QCMetrics:
    """Quality numbers of the cells, with the columns of names and those that may be the time."""
    labels = annotations.label_columns(table)
    labels |= {each.column: labels_of(table.obs[each.column]) for each in found if each.kind == "labels"}
    orders = {each.column: numbers_in(table.obs[each.column]) for each in found if each.kind == "continuous"}
    return qc.measure(table, labels, orders)


def _summary(measured: QCMetrics) -> dict[str, tuple[float, float, float]]:
    parts = {name: np.nanquantile(values, (0.05, 0.5, 0.95)) for name, values in measured.measures.items()}
    return {name: (float(low), float(middle), float(high)) for name, (low, middle, high) in parts.items()}


def _about_values(table: Table, scale: ValueType) -> list[str]:
    notes = [scale.note] if scale.note else []
    if scale.value_type == "counts" and not scale.whole and not scale.note:
        notes.append("the values are not whole numbers but not logarithmic either: they seem normalised already")
    if scale.value_type == "log" and scale.least < 0:
        notes.append(f"values go below zero (down to {scale.least:.3g}), so they seem scaled and are used as they are")
    notes += about_names(table)
    twice = len(table.features) - len(set(table.features))
    if twice:
        notes.append(f"{twice} feature names appear twice and will be numbered")
    return notes


def about_names(table: Table) -> list[str]:
    """What must be known of the names of genes and cells."""
    changed = gene_names.of_spreadsheet(table.features)
    notes = [
        f"{len(changed)} names of genes look as if a spreadsheet had changed them ({', '.join(changed[:5])}): 1-Mar "
        "was MARCH1 (now MARCHF1), 2-Sep SEPT2 (now SEPTIN2); these genes are not found by their names until the "
        "file is corrected"
    ] * bool(changed)
    if twice := int(table.obs.index.duplicated().sum()):
        notes.append(
            f"{twice:,} rows have the name of an earlier cell: each row is taken for a cell of its own, so check that "
            "no sample was joined twice"
        )
    if not gene_names.unnamed(table.features):
        return notes
    return [
        *notes,
        f"genes are named by accession ids such as {table.features[0]} and the file holds no symbols: genes are found "
        "by these ids only, and scores of gene sets (cell cycle, growth) find none of theirs",
    ]


def check_size(table: Table, name: str) -> None:
    """InvalidInputError where there are too few cells, or nothing but times of cells."""
    if table.format == "table" and not table.features:
        raise NotCellDataError(
            f"{name} holds times or notes of {table.cells:,} cells and nothing that was measured in them: choose the "
            "file with the measured values, or put both into one table",
            "times",
        )
    if table.cells < MIN_CELLS:
        raise InvalidInputError(
            f"{name} holds {table.cells} cells and at least {MIN_CELLS} are needed: load a file with more cells (rows "
            "are cells, columns are genes or coordinates)"
        )


def sentences(words: Iterable[str]) -> tuple[str, ...]:
    """Each with a capital letter."""
    return tuple(each[:1].upper() + each[1:] for each in words)
