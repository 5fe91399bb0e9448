"""From the values of a file to the state of each cell and to the expression that is stored with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellflow_core.data.importing import annotations, import_annotations
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.value_type import ValueType
from cellflow_core.data.preprocessing import missing_values, normalisation, state
from cellflow_core.data.preprocessing.normalisation import PreprocessingState
from cellflow_core.data.readers import InvalidInputError, Table

Array = np.ndarray


@dataclass(frozen=True)
class Prepared:
    """What is stored of the genes: values [cells, genes], None for nothing; names, accession ids and layers."""

    expression: Any = None
    genes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    layers: Mapping[str, Any] = field(default_factory=dict)


def prepare(
    table: Table,
    name: str,
    choices: ImportChoices,
    scale: ValueType,
    genes: Array,
    times: Array | None,
    made: PreprocessingState,
    on_progress: Callable[[str], None],
) -> Prepared:
    """Fill made.state and made.space; return what is stored of the genes.

    Raises InvalidInputError where the axes are not known.
    """
    import_annotations.check_values(table, name, choices)
    axes = choices.representation
    key = axes.removeprefix("obsm:") if axes.startswith("obsm:") else ""
    if key and key not in annotations.states(table):
        raise InvalidInputError(
            f"{name} has no coordinates {key!r}: it has {', '.join(annotations.states(table)) or 'none'}"
        )
    if not key and axes not in ("pca", "genes", "coordinates"):
        raise InvalidInputError(f"{name}: axes {axes!r} is not known: choose pca, genes, coordinates or obsm:<name>")
    normalised = scale.value_type == "counts"
    if key:
        made.x = np.asarray(table.obsm[key][np.flatnonzero(made.kept)], dtype=np.float64)
        columns = tuple(f"{key.removeprefix('X_').upper()}{k + 1}" for k in range(made.x.shape[1]))
        made.features, made.columns = columns, np.arange(len(columns))
        _drop_missing(made, name, choices, times, "coordinates")
        columns = made.features
        made.state, made.space = state.coordinates(made.x, columns, choices.components, made)
        if scale.value_type == "coordinates" or normalisation.bad_rows(table.x[np.flatnonzero(made.kept)]).any():
            return Prepared()
        beside = _of_file(PreprocessingState(made.kept.copy(), notes=made.notes), table, genes)
        normalisation.unique_features(beside)
        if normalised:
            normalisation.normalise(beside, name, choices.normalise, choices.log)
            made.steps += [f"genes: {each}" for each in beside.steps]
            made.state, made.kept = made.state[beside.kept[made.kept]], beside.kept
        return _prepared(table, beside)
    _of_file(made, table, genes)
    what = "coordinates" if axes == "coordinates" else "genes"
    if table.followed is not None and not (choices.drop_incomplete or choices.drop_incomplete_genes):
        import_annotations.interpolate_individuals(table, made, times)
    _drop_missing(made, name, choices, times, what)
    normalisation.unique_features(made)
    normalisation.drop_constant(made, name, what)
    if normalised and axes != "coordinates":
        normalisation.normalise(made, name, choices.normalise, choices.log)
    state.compute_state(made, axes, choices.components, choices.variable_genes, on_progress)
    if axes == "coordinates":
        return Prepared()
    return _prepared(table, made)


def _drop_missing(made: PreprocessingState, name: str, choices: ImportChoices, times: Array | None, what: str) -> None:
    cells, genes = choices.drop_incomplete, choices.drop_incomplete_genes
    held = np.zeros(int(made.kept.sum())) if times is None else times[made.kept]  # one group of cells
    missing_values.drop(made, name, cells, genes, held, what)


def _of_file(made: PreprocessingState, table: Table, genes: Array) -> PreprocessingState:
    """The values of the cells that are left, and of the genes that pass; without a copy where all do."""
    made.x = table.x if made.kept.all() else table.x[np.flatnonzero(made.kept)]
    made.features, made.columns = table.features, np.arange(len(table.features))
    if not genes.all():
        normalisation.keep_features(made, genes)
    return made


def _prepared(table: Table, made: PreprocessingState) -> Prepared:
    """The values as they are stored, with ids and layers of the same cells and genes."""
    rows = np.flatnonzero(made.kept)
    layers = {name: as_float32(values[rows][:, made.columns]) for name, values in table.layers.items()}
    ids = tuple(table.ids[k] for k in made.columns) if table.ids else ()
    return Prepared(as_float32(made.x), made.features, ids, layers)


def as_float32(x: Any) -> Any:
    """A numpy or scipy.sparse table in single precision."""
    return np.asarray(x, dtype=np.float32) if isinstance(x, np.ndarray) else x.astype(np.float32, copy=False)
