"""Objects of SingleCellExperiment (Bioconductor) and of the classes it extends and that extend it."""

from __future__ import annotations

from collections.abc import Iterator

from cellflow_core.data.readers.anndata import matrices
from cellflow_core.data.readers.r.held import Held, within
from cellflow_core.data.readers.r.serialised import NULL, RObject
from cellflow_core.data.readers.r.values import Place, RMatrix, frame_of, matrix_of, texts
from cellflow_core.data.readers.table import InvalidInputError, Unused


def of_experiment(held: RObject, name: str) -> Held:
    """An object of SingleCellExperiment or of a class that extends it or is extended by it."""
    lists = (
        held.slot("assays", "data")
        if held.slot("assays", "data") is not NULL
        else held.slot("assays", ".xData", "data")
    )
    genes, about = _genes(held, name)
    columns = held.slot("colData")
    cells = texts(columns.slot("rownames"))
    unused: list[Unused] = []
    named = {}
    for key, each in (lists.slot("listData").named() or lists.named()).items():
        values = within(each, key, unused)
        if values is not None:
            named[key] = values
    if not named:
        kept = next((each.reason for each in unused), "there is none")
        raise InvalidInputError(f"{name} has no assay of values in the file: {kept}")
    first = next(iter(named.values()))
    cells = cells or first.cells or tuple(f"cell {k + 1}" for k in range(first.shape[1]))
    genes = genes or first.genes or tuple(f"gene {k + 1}" for k in range(first.shape[0]))
    for key, each in list(named.items()):
        if each.shape != (len(genes), len(cells)):
            raise InvalidInputError(f"{name} contradicts itself: assay {key} is {each.shape[0]} x {each.shape[1]}")
        named[key] = RMatrix(each.held, each.shape, genes, cells)
    order = sorted(named, key=lambda key: (key != "counts", key not in ("logcounts", "normcounts")))
    inner = held.slot("int_colData", "listData")
    reduced = inner.slot("reducedDims", "listData").named()
    obsm = {f"X_{key.lower()}": each for key, values in reduced.items() if (each := matrix_of(values)) is not None}
    obs = frame_of(columns, name, cells)
    return Held(
        "SingleCellExperiment",
        {key: Place((named[key],)) for key in order},
        obs,
        {key: values for key, values in about.items() if len(values) == len(genes)},
        {key: RMatrix(each.held, each.shape, cells, ()) for key, each in obsm.items() if each.shape[0] == len(cells)},
        dict(_alternative(inner.slot("altExps", "listData"), cells, name)),
        {key: role for key in named if (role := matrices.ROLES.get(key.lower()))},
        tuple(each for each in named if "log" in each),
        unused=unused,
    )


def _genes(held: RObject, name: str) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Names of the features and the columns of text beside them, wherever the class keeps them."""
    ranges = held.slot("rowRanges")
    names = next(
        (
            found
            for found in (
                texts(ranges.slot("partitioning", "NAMES")),
                texts(ranges.slot("ranges", "NAMES")),
                texts(held.slot("NAMES")),
            )
            if found
        ),
        (),
    )
    about = ranges.slot("elementMetadata") if ranges is not NULL else held.slot("elementMetadata")
    table = frame_of(about, name, names)
    columns = {str(each): table[each] for each in table.columns if table[each].dtype.kind not in "fiub"}
    return names, {key: each.astype(object).tolist() for key, each in columns.items()}


def _alternative(held: RObject, cells: tuple[str, ...], name: str) -> Iterator[tuple[str, Place]]:
    """Alternative experiments of the same cells: antibodies, spike-ins."""
    for key, each in held.named().items():
        inner = of_experiment(each.slot("se"), name)
        place = next(iter(inner.places.values()))
        if place.parts[0].shape[1] == len(cells):
            yield key, Place((RMatrix(place.parts[0].held, place.parts[0].shape, place.genes, cells),))
