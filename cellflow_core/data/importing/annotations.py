"""What a file tells of its cells beside their state: names, numbers, clones, growth, velocity, a second modality ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.importing.perturbations.design import GUIDES
from cellflow_core.data.importing.time_columns import numbers_in
from cellflow_core.data.preprocessing.normalisation import dense
from cellflow_core.data.readers import InvalidInputError, Table, labels_of
from cellflow_core.data.readers.individuals.records import individual_numbers
from cellflow_core.plural import counted

Array = np.ndarray
MOST_NUMBERS = 40
MOST_VIEWS = 6
MOST_NAMES = 100
CLONES = "X_clone"
_GROUP = re.compile(
    r"batch|cluster|leiden|louvain|replicate|sample|donor|patient|plate|lane|library|(?<![a-z])(?:rep|run|well|label)(?![a-z])",
    re.I,
)
_GROWTH = re.compile(r"growth|(?:net|birth|prolif\w*|division)[ _-]?(?:rate|score)", re.I)
_PICTURE = re.compile(r"umap|t[_-]?sne|phate|emb|fa2?$|draw_graph|2d|force|spring|spatial", re.I)
_COMPUTED = re.compile(rf"pca|pcs|diffmap|harmony|scvi|scanorama|scanvi|state|{_PICTURE.pattern}", re.I)
_SUBJECT = re.compile(r"subjects?|individuals?|animals?", re.I)
_DOSE = re.compile(r"doses?(?:[_ -].*)?", re.I)


def label_columns(table: Table) -> dict[str, Array]:
    """Columns with 2 to 100 different names, as text [cells]: words, and whole numbers that number groups."""
    found: dict[str, Array] = {}
    for column in _columns(table):
        values = table.obs[column]
        if values.dtype.kind == "M" or (values.dtype.kind in "fiu" and not _numbers_groups(column, values)):
            continue
        if 2 <= values.nunique(dropna=False) <= MOST_NAMES + 1 and values.notna().any():
            found[column] = labels_of(values)
    return found


def number_columns(table: Table) -> dict[str, Array]:
    """Columns of numbers that differ between cells, [cells], NaN where missing; not those that only count the rows."""
    found: dict[str, Array] = {}
    for column in _columns(table):
        values = table.obs[column]
        if values.dtype.kind not in "fiu" or _numbers_groups(column, values) or values.nunique() < 2:
            continue
        if values.dtype.kind in "iu" and values.nunique() == len(values):
            continue
        found[column] = numbers_in(values)
    return found


def growth_columns(table: Table) -> tuple[str, ...]:
    """Columns of numbers that are named like a growth rate or score."""
    return tuple(each for each in number_columns(table) if _GROWTH.search(each))


def growth(table: Table, name: str, column: str) -> Array | None:
    """Net growth of each cell, [cells], None where no column was chosen. InvalidInputError where a cell has none."""
    if not column:
        return None
    if column not in table.obs.columns or table.obs[column].dtype.kind not in "fiu":
        there = ", ".join(growth_columns(table)) or "none"
        raise InvalidInputError(
            f"{name} has no column of numbers {column!r} for growth: columns named like growth are {there}"
        )
    values = numbers_in(table.obs[column])
    if np.isnan(values).any():
        raise InvalidInputError(
            f"{name}: {counted(int(np.isnan(values).sum()), 'cell has', 'cells have')} no growth in column {column!r}, "
            "and each needs one: "
            "import without it, or fill them in the file"
        )
    return values


def lineage(table: Table) -> Array | None:
    """Clone of each cell from obsm["X_clone"] [cells, clones], -1 where a cell has none or several."""
    clones = table.obsm.get(CLONES)
    if clones is None:
        return None
    there = dense(clones) > 0
    return np.where(there.sum(axis=1) == 1, there.argmax(axis=1), -1)


def states(table: Table) -> tuple[str, ...]:
    """Coordinates in the file that can be the axes."""
    return tuple(each for each in table.obsm if each != CLONES and "velocity" not in each.lower())


def embeddings(table: Table) -> dict[str, Array]:
    """Published 2-D embeddings by the name of the view they become, each [cells, 2]."""
    return {name: np.asarray(table.obsm[key], dtype=np.float32) for name, key in embedding_keys(table).items()}


def embedding_keys(table: Table) -> dict[str, str]:
    """Name of the view -> the coordinates of the file that it shows."""
    found: dict[str, str] = {}
    for key in states(table):
        points = table.obsm[key]
        name = re.sub(r"[^a-z0-9_-]+", "_", key.lower().removeprefix("x_")).strip("_-")[:40]
        if points.shape[1] == 2 and _PICTURE.search(key) and name not in ("", "pca") and name not in found:
            found[name] = key
    return dict(list(found.items())[:MOST_VIEWS])


def measurements(table: Table) -> dict[str, Any]:
    """Whatever can be kept as a second modality, [cells, features] by name: panels and coordinates."""
    return {name: panel.x for name, panel in table.panels.items()} | {each: table.obsm[each] for each in states(table)}


def modalities(table: Table) -> dict[str, Any]:
    """Those that are worth offering: no pictures, no guides, and none that is usually computed from the genes."""
    every = measurements(table)
    return {
        name: x
        for name, x in every.items()
        if (name in table.panels or not _COMPUTED.search(name)) and not GUIDES.search(name)
    }


def subjects(table: Table) -> tuple[Array | None, Array | None]:
    """(number of the individual each row was measured in [cells], doses [cells, doses]), None where not given.

    An individual is a column named subject, individual or animal with several rows each; doses are columns named
    dose, or dose and more.
    """
    named = [each for each in _every(table) if _SUBJECT.fullmatch(each)]
    if not named or table.obs[named[0]].nunique() == table.cells:
        return None, None
    codes = individual_numbers(table.obs[named[0]])
    given = [each for each in _every(table) if _DOSE.fullmatch(each) and table.obs[each].dtype.kind in "fiu"]
    doses = [np.nan_to_num(numbers_in(table.obs[each])) for each in given]
    return codes, np.stack(doses, axis=1) if doses else None


def drop_constant_columns(columns: Mapping[str, Array], kept: Bool[Array, " cells"]) -> dict[str, Array]:
    """The cells that were kept, without columns that are the same in all of them."""
    found = {name: values[kept] for name, values in columns.items()}
    return {name: values for name, values in found.items() if len(np.unique(values)) > 1}


def _columns(table: Table) -> list[str]:
    """Columns of obs that are no features of the table."""
    taken = set(table.features)
    return [each for each in _every(table) if each not in taken]


def _every(table: Table) -> list[str]:
    return [each for each in dict.fromkeys(map(str, table.obs.columns)) if table.obs[each].ndim == 1]


def _numbers_groups(column: str, values: Any) -> bool:
    """Do the numbers stand for groups, as in a column "batch" or "leiden"?"""
    if values.nunique() > MOST_NAMES or not _GROUP.search(column):
        return False
    found = values.dropna()
    return values.dtype.kind in "iu" or bool((found == found.round()).all())
