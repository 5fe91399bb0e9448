"""One list of all that a file holds: what is kept of it, as what, and why the rest is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cellflow_core.data.importing import annotations
from cellflow_core.data.importing.cell_names import own_names
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.perturbations.design import GUIDES, design
from cellflow_core.data.importing.rna_velocity import SPLICING
from cellflow_core.data.importing.value_type import value_range
from cellflow_core.data.readers import Table
from cellflow_core.plural import counted


@dataclass(frozen=True)
class Content:
    """One part of a file.

    place    where it stands: "obs: day", "layers['velocity']"
    kept     is it in the data set?
    reason   as what it is kept, or why it is not
    """

    place: str
    kept: bool
    reason: str


def contents(
    table: Table,
    choices: ImportChoices,
    *,
    names: Iterable[str] | None = None,
    numbers: Iterable[str] | None = None,
    embeddings: Iterable[str] | None = None,
    channels: Iterable[str] | None = None,
) -> tuple[Content, ...]:
    """Every part of the file. What was kept is given by name after an import; None: as the choices let expect."""
    found = annotations.embeddings(table)
    names = set(annotations.label_columns(table) if names is None else names)
    numbers = set(annotations.number_columns(table) if numbers is None else numbers)
    kept = set(found if embeddings is None else embeddings)
    there = None if channels is None else set(channels)
    return (
        _values(table, choices),
        *_names(table),
        *_columns(table, choices, names, numbers),
        *_layers(table, there),
        *_coordinates(table, choices, kept, there),
        *_panels(table, choices),
        *(Content(each.place, False, each.reason) for each in table.unused),
    )


def plain(found: Iterable[Content]) -> tuple[dict[str, Any], ...]:
    """As JSON keeps it."""
    return tuple(asdict(each) for each in found)


def _values(table: Table, choices: ImportChoices) -> Content:
    place = table.matrices.get(table.matrix, table.matrix) or "values"
    ids = ", with accession ids" if table.ids else ""
    where = " beside the axes" if choices.representation.startswith("obsm:") else ""
    return Content(place, True, f"the values of {counted(len(table.features), 'feature')}{where}{ids}")


def _names(table: Table) -> Iterator[Content]:
    if own_names(table, slice(1)):
        yield Content("names of the cells", True, "what cells are called in exports")


def _columns(table: Table, choices: ImportChoices, names: set[str], numbers: set[str]) -> Iterator[Content]:
    perturbed = design(table, choices).place
    taken = set(table.features)
    for column in dict.fromkeys(map(str, table.obs.columns)):
        if column in taken and column != choices.time_column:
            continue
        values = table.obs[column]
        place, as_what = f"obs: {column}", []
        if column == choices.time_column:
            as_what.append("time")
        if column in names:
            as_what.append("annotation")
        if column in numbers:
            as_what.append(f"number of each {table.row_word}")
        if column == choices.growth_column:
            as_what.append("growth")
        if column == perturbed:
            as_what.append("perturbation design")
        if as_what:
            yield Content(place, True, ", ".join(as_what))
        else:
            yield Content(place, False, _why_no_column(values, f"{table.row_word}s"))


def _why_no_column(values: Any, rows: str) -> str:
    if values.ndim > 1:
        return "two columns have this name"
    distinct = values.dropna().unique()
    if not len(distinct):
        return f"it is empty in all {rows}"
    if len(distinct) == 1:
        return f"it is the same in all {rows}: {str(distinct[0])[:60]}"
    if values.dtype.kind == "M":
        return "it holds dates; numbers or names of times can be used"
    if len(distinct) > annotations.MOST_NAMES and values.dtype.kind not in "fiu":
        return f"{len(distinct):,} different names, and at most {annotations.MOST_NAMES} make an annotation"
    if values.dtype.kind in "iu" and len(distinct) == len(values):
        return f"it numbers the {rows}"
    return f"it does not differ between the {rows} that are used, or is beyond {annotations.MOST_NUMBERS} numbers"


def _layers(table: Table, there: set[str] | None) -> Iterator[Content]:
    for name, values in table.layers.items():
        place = table.places.get(name, f"layer {name}")
        whole = ", whole counts" if _is_whole(values) else ", no whole counts"
        if name in ("velocity", "velocity_unspliced"):
            reason = "as a layer: the velocity of each gene; the step “Use an RNA velocity” takes it into the state"
        elif name in SPLICING:
            used = there is None or name in there
            why = (
                "; as a layer only: no gene is an axis, one of the two is missing, or they are too large for each cell"
            )
            reason = f"{name} values{whole}{'' if used else why}"
        else:
            reason = f"as a layer of {name}{whole}"
        yield Content(place, True, reason)


def _coordinates(table: Table, choices: ImportChoices, kept: set[str], there: set[str] | None) -> Iterator[Content]:
    views = {key: name for name, key in annotations.embedding_keys(table).items()}
    axes = choices.representation.removeprefix("obsm:") if choices.representation.startswith("obsm:") else ""
    for key, values in table.obsm.items():
        place = f"obsm[{key!r}]"
        if key == annotations.CLONES:
            yield Content(place, True, "clone of each cell")
        elif "velocity" in key.lower():
            of = "X_" + key.lower().replace("velocity", "").strip("_")
            own = next((each for each in table.obsm if each.lower() == of.lower()), "")
            if there is not None and "velocity" in there:
                yield Content(place, True, "velocity of each cell")
            else:
                how = f"choose {own!r} as axes (`representation=obsm:{own}`)" if own else "choose its axes"
                yield Content(place, False, f"velocity belongs to the axes it was computed in; to keep it, {how}")
        elif key == axes:
            yield Content(place, True, "axes of the state")
        elif key == choices.modality:
            yield Content(place, True, "second modality")
        elif views.get(key) in kept and _is_finite(values):
            yield Content(place, True, f"embedding {views[key]!r}")
        elif key in views and not _is_finite(values):
            missing = int((~np.isfinite(np.asarray(values, dtype=np.float64)).all(axis=1)).sum())
            yield Content(place, False, f"{missing:,} of {table.cells:,} cells have no place in this embedding")
        else:
            yield Content(
                place,
                False,
                f"{values.shape[1]} coordinates, which can be chosen as axes (`representation=obsm:{key}`)",
            )


def _panels(table: Table, choices: ImportChoices) -> Iterator[Content]:
    perturbed = design(table, choices).place
    for name, panel in table.panels.items():
        size = counted(panel.x.shape[1], "feature")
        if name == choices.modality:
            yield Content(name, True, f"second modality, {size}")
        elif name == perturbed:
            yield Content(name, True, f"guide counts of {size}: perturbation design")
        elif GUIDES.search(name):
            yield Content(name, False, f"guide counts of {size}, whose names are not known")
        else:
            yield Content(name, False, f"{size}; can be kept as the second modality (`modality={name}`)")


def _is_whole(values: Any) -> bool:
    low, _, whole = value_range(values)
    return whole and low >= 0


def _is_finite(values: Any) -> bool:
    return bool(np.isfinite(np.asarray(values, dtype=np.float64)).all())
