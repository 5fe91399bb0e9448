"""`.rds` of one object of R, and `.rda` or `.RData` of several: the first of them that holds cells."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names, gene_rows, text
from cellflow_core.data.readers.individuals.source import Source
from cellflow_core.data.readers.r.experiment import of_experiment
from cellflow_core.data.readers.r.held import Held
from cellflow_core.data.readers.r.serialised import STARTS, WORKSPACES, RObject, read_r
from cellflow_core.data.readers.r.seurat import of_seurat
from cellflow_core.data.readers.r.values import FRAMES, Place, RMatrix, frame_of, matrix_of
from cellflow_core.data.readers.table import InvalidInputError, Modality, ReadOptions, Table, Unused, make_unique

_CLASSES = {
    "Seurat": of_seurat,
    "SingleCellExperiment": of_experiment,
    "SpatialExperiment": of_experiment,
    "cell_data_set": of_experiment,
    "RangedSummarizedExperiment": of_experiment,
    "SummarizedExperiment": of_experiment,
}
_NAMED = re.compile(r"\.(?:rds|rda|rdata|robj)$", re.I)
_TEXT = (b"RDA2\n", b"RDA3\n", b"A\n2\n", b"A\n3\n")


def is_r(start: bytes) -> bool:
    """Does an unpacked file begin as one that R wrote?"""
    return start.startswith((*STARTS, *WORKSPACES, *_TEXT))


def named_r(name: str) -> bool:
    return _NAMED.search(name) is not None


def of_r(path: Path, name: str, rows: int | None, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008 - frozen
    """The table of an unpacked file of R. Raises InvalidInputError with the lines of R that help where it cannot be."""
    with path.open("rb") as file:
        start = file.read(5)
    if start.startswith(_TEXT):
        raise InvalidInputError(
            f'{name} was written as text (ascii = TRUE): in R, object <- readRDS("{name}"); saveRDS(object, "{name}")'
        )
    whole = read_r(path, name)
    objects = whole.named() if start in WORKSPACES else {"": whole}
    kept = {key: found for key, each in objects.items() if (found := _table(each, name, rows, options)) is not None}
    if not kept:
        held = ", ".join(_described(each) for each in objects.values()) or "nothing"
        raise InvalidInputError(
            f"{name} holds {held}, and a Seurat (3 to 5), SingleCellExperiment or SummarizedExperiment object, a "
            f"matrix or a data frame is read; {advice(name)}"
        )
    first = next(iter(kept))
    others = [key for key in objects if key != first]
    note = (f"the file holds {len(objects)} objects, and {first} is read, not {', '.join(others)}",) if others else ()
    return dataclasses.replace(kept[first], notes=(*note, *kept[first].notes))


def lines(name: str) -> str:
    """How R writes an .h5ad of a Seurat object called `object`."""
    stem = name.rsplit(".", 1)[0]
    return f'library(zellkonverter); writeH5AD(Seurat::as.SingleCellExperiment(object), "{stem}.h5ad")'


def advice(name: str) -> str:
    """The lines of R that write an .h5ad."""
    one = name.lower().endswith(".rds")
    opened = f'object <- readRDS("{name}")' if one else f'object <- get(load("{name}")[1])'
    return f"in R: {opened}; {lines(name)} (for a SingleCellExperiment: writeH5AD(object, ...)); then choose the .h5ad"


def _described(held: RObject) -> str:
    """What an object is, for people."""
    if held.classes[:1] == ("seurat",):
        return "an object of Seurat 2, for which UpdateSeuratObject(object) makes one of today"
    if held.classes:
        return f"an object of class {held.classes[0]}"
    named = list(held.named())
    if named:
        return f"a list of {', '.join(named[:6])}{' and more' if len(named) > 6 else ''}"
    return "a vector or a function"


def _table(held: RObject, name: str, rows: int | None, options: ReadOptions) -> Table | None:
    """None where no cells are in it."""
    kind = next((each for each in held.classes if each in _CLASSES), "")
    if kind:
        return _chosen(_CLASSES[kind](held, name), name, rows, options)
    if set(FRAMES) & set(held.classes):
        return _of_frame(frame_of(held, name), True, name, rows, options)
    import pandas as pd

    values = matrix_of(held)
    if values is None:
        return None
    x = values.read(name)
    if isinstance(x, np.ndarray):
        frame = pd.DataFrame(x.T)
        frame = frame.set_axis(list(values.genes), axis=0) if values.genes else frame
        frame = frame.set_axis(make_unique(values.cells), axis=1) if values.cells else frame
        return _of_frame(frame, bool(values.cells), name, rows, options)
    return _of_sparse(values, x, rows, options)


def _of_frame(frame: Any, named: bool, name: str, rows: int | None, options: ReadOptions) -> Table:
    """As a table of text with the same names and words would be read."""
    words = {key: frame[key].astype(object) for key in frame.columns if frame[key].dtype.kind not in "fiub"}
    frame = frame.assign(**words)
    if frame.index.dtype == object:  # names of its own
        frame = frame.rename_axis("index").reset_index()
    return text.of_frame(frame, Source(name), named, rows, options.orientation)


def _of_sparse(values: RMatrix, x: Any, rows: int | None, options: ReadOptions) -> Table:
    """Genes stand in the rows, as R has them, unless their names or a person say otherwise."""
    turned = options.orientation == "cells" or gene_rows.cells_in_rows(values.genes, values.cells)
    names = (values.cells, values.genes) if turned else (values.genes, values.cells)
    x = x.T.tocsr() if turned else x
    genes, cells = (
        each or [f"{what} {k + 1}" for k in range(count)]
        for each, what, count in zip(names, ("gene", "cell"), reversed(x.shape), strict=True)
    )
    found = gene_names.features(genes)
    where = "columns" if turned else "rows"
    notes = (f"genes stand in the {where} of the matrix", *found.notes)
    return Table("R matrix", x[:rows], found.names, gene_rows.of_names(cells), notes=notes, ids=found.ids)


def _chosen(held: Held, name: str, rows: int | None, options: ReadOptions) -> Table:
    """One place as the values, the others as layers and panels of the same cells."""
    key = options.matrix or next(iter(held.places))
    if key not in held.places:
        raise InvalidInputError(f"{name} has no matrix {key!r}: choose one of {', '.join(held.places)}")
    used = held.places[key]
    at = {cell: k for k, cell in enumerate(held.obs.index)}
    genes = gene_names.features(used.genes, held.genes if used.genes == next(iter(held.places.values())).genes else {})
    x = used.read(name, rows)
    unused = list(held.unused)
    layers = dict(_layers(held, key, name, rows, unused))
    panels = {}
    for each, place in held.beside.items():
        if place.cells == used.cells:
            panels[each] = Modality(place.read(name, rows), place.genes)
        else:
            unused.append(Unused(each, "it was measured in other cells"))
    whole = x.data if not isinstance(x, np.ndarray) else x
    return Table(
        held.format,
        x,
        genes.names,
        held.obs if tuple(held.obs.index) == used.cells else held.obs.iloc[[at[cell] for cell in used.cells]],
        dict(_coordinates(held, used, name, unused)),
        key in held.logarithmic and bool((whole != np.round(whole)).any()),
        (*held.notes, *genes.notes),
        layers,
        panels,
        ids=genes.ids,
        matrix=key,
        matrices={each: each for each in held.places},
        places={role: next(k for k, r in held.roles.items() if r == role) for role in layers},
        unused=tuple(unused),
    )


def _layers(held: Held, key: str, name: str, rows: int | None, unused: list[Unused]) -> Iterator[tuple[str, Any]]:
    used: Place = held.places[key]
    for each, place in held.places.items():
        role = held.roles.get(each)
        if place is used or any(place is panel for panel in held.beside.values()):
            continue
        if role is None:
            unused.append(Unused(each, f"the values of {key} are used; these can be chosen as the matrix"))
        elif (place.genes, place.cells) != (used.genes, used.cells):
            unused.append(Unused(each, f"its genes or cells are not those of {key}"))
        else:
            yield role, place.read(name, rows)


def _coordinates(held: Held, used: Place, name: str, unused: list[Unused]) -> Iterator[tuple[str, Any]]:
    """Coordinates of the cells that are used, in their order."""
    for key, each in held.obsm.items():
        at = {cell: k for k, cell in enumerate(each.genes)}
        rows = [at.get(cell, -1) for cell in used.cells]
        if min(rows, default=-1) < 0:
            unused.append(Unused(key, "it lacks some of the cells"))
        else:
            yield key, each.read(name).T[rows]
