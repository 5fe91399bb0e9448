"""What every reader returns: cells as they stand in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
MISSING = "missing"
LETTERS = 200
KNOWN = (
    ".h5ad, .h5mu, .zarr (packed as .zip), 10x .h5, .loom, 10x folders as .zip or .tar.gz, .rds and .rda "
    "of R, .csv, .tsv, .txt and .npz files can be read"
)


class InvalidInputError(ValueError):
    """A file that cannot become a data set: what was found, what was expected, what to do."""


class NotCellDataError(InvalidInputError):
    """A file that is whole but holds something else than cells: `what` is "network", "names" or "times"."""

    def __init__(self, sentence: str, what: str) -> None:
        super().__init__(sentence)
        self.what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return NotCellDataError, (str(self), self.what)


@dataclass(frozen=True)
class Modality:
    """A further measurement of the same cells with features of its own: chromatin, antibodies.

    x         [cells, features] numpy or scipy.sparse CSR, as many rows as the table's
    features  their names, () where the file gives none
    """

    x: Any
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unused:
    """A part of a file that no reader takes: where it stands there, and why it is not taken."""

    place: str
    reason: str


@dataclass(frozen=True)
class Followed:
    """What a table of followed individuals tells beside its rows.

    doses     dose events; an individual is known by `individual_numbers` of the column "subject"
    treatments  name and unit of each kind of dose
    censored  whether a value is only known to be below the one in its place, [cells, features]
    found     what the table holds, in one sentence
    """

    doses: DoseEvents
    treatments: tuple[str, ...]
    censored: Array
    found: str


@dataclass(frozen=True)
class ReadOptions:
    """What a person says of a file before it is read.

    matrix       where the values are, as `Table.matrices` names it: "X", "raw", "layers:counts"; "" decides by content
    orientation  of a table or matrix whose names do not say it: "cells" or "genes" stand in rows; "" decides by content
    """

    matrix: str = ""
    orientation: str = ""


@dataclass(frozen=True)
class Table:
    """Cells as they stand in the file.

    format  "AnnData", "Seurat", "10x HDF5", "loom", "10x matrix", "table", "arrays" ...
    ids     accession ids of the features, () where the file has none beside their names
    x       [cells, features] numpy or scipy.sparse CSR; where only a look was asked for, the first rows of it
    obs     pandas.DataFrame with one row a cell: everything that is not a feature
    obsm    other coordinates of the cells, each [cells, k]; velocities have "velocity" in their name
    logged  does the file say that x is logarithmic?
    layers  further measurements of the same features ("spliced", "unspliced", "counts"), as many rows as x
    panels  further measurements with features of their own, by name
    matrix, matrices  where x stands in the file, and all places where values stand, each with what they look like
    places  name of a layer here -> where it stands in the file, where these are different
    unused  what no reader takes
    question  what a person should say with `orientation`, "" where the content says it
    followed  doses and censored values of a table of individuals, None for any other
    colours  annotation -> group -> "#rrggbb", where the file has them
    snapshots  the whole data set, where this app wrote the file: nothing is left to decide
    """

    format: str
    x: Any
    features: tuple[str, ...]
    obs: Any
    obsm: Mapping[str, Any] = field(default_factory=dict)
    logged: bool = False
    notes: tuple[str, ...] = ()
    layers: Mapping[str, Any] = field(default_factory=dict)
    panels: Mapping[str, Modality] = field(default_factory=dict)
    snapshots: Snapshots | None = None
    ids: tuple[str, ...] = ()
    matrix: str = ""
    matrices: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[Unused, ...] = ()
    question: str = ""
    followed: Followed | None = None
    colours: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        return len(self.obs)

    @property
    def row_word(self) -> str:
        """What a row is: a cell, or a sample of an individual."""
        return "cell" if self.followed is None else "sample"


def labels_of(column: Any) -> Array:
    """The values of a pandas column as text, [cells]; empty ones are "missing"."""
    import pandas as pd

    codes, distinct = pd.factorize(column)
    numbers = getattr(distinct, "dtype", np.dtype(object)).kind in "fiu"
    text = [f"{each:.12g}" if numbers else printable(str(each)) for each in distinct]
    return np.asarray([*text, MISSING], dtype=np.str_)[codes]


def printable(text: str) -> str:
    """Text of a file without control characters, line breaks and blanks around it, at most 200 letters."""
    plain = text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
    return plain.strip()[:LETTERS].strip()


def names_of(texts: Iterable[Any]) -> tuple[str, ...]:
    """Names of features or columns that can be shown; empty ones are "unnamed"."""
    return tuple(printable(str(each)) or "unnamed" for each in texts)


def make_unique(names: Iterable[str]) -> list[str]:
    """The names, numbered where two are alike."""
    taken: set[str] = set()
    found: list[str] = []
    for at, each in enumerate(names):
        name = each if each not in taken else f"{each}-{at}"
        while name in taken:
            name += "-"
        taken.add(name)
        found.append(name)
    return found


def short(error: BaseException) -> str:
    """What an error says, in at most 120 letters of one line."""
    return " ".join(str(error).split())[:120].strip("'\"") or type(error).__name__
