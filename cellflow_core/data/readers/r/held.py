"""Cells of an object of R before one of its matrices is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cellflow_core.data.readers.r.serialised import NULL, RObject
from cellflow_core.data.readers.r.values import Place, RMatrix, matrix_of
from cellflow_core.data.readers.table import Unused


@dataclass
class Held:
    """Cells with all that an object says of them.

    places  the matrices there are, the one to be taken first; "RNA counts" in Seurat, "counts" in Bioconductor
    obs     annotations of all cells
    genes   columns of text about the genes, each by name as long as the genes of the first place
    obsm    coordinates [cells, k], their cells in place of the genes
    beside  further measurements: name -> place
    roles   what a place is when it is not the chosen one: "spliced", "counts"
    logarithmic  places whose values are logarithms
    """

    format: str
    places: dict[str, Place]
    obs: Any
    genes: dict[str, list[str]] = field(default_factory=dict)
    obsm: dict[str, RMatrix] = field(default_factory=dict)
    beside: dict[str, Place] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    logarithmic: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


def within(held: RObject, place: str, unused: list[Unused]) -> RMatrix | None:
    """A matrix that has values in the file; what it is instead is noted in `unused`."""
    values = matrix_of(held)
    if values is None and held is not NULL and held.value is None and held.classes:
        unused.append(Unused(place, f"its values are kept as {held.classes[0]}, which is not read"))
    return values if values is not None and values.shape[0] * values.shape[1] else None
