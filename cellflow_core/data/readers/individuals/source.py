"""A table as its owner sees it: how a place in it is named, and how its fields become numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.readers.table import InvalidInputError, printable

MISSING = ("", ".", "NA", "N/A", "NaN", "nan", "null", "NULL")
"""How a field says that it holds nothing."""


@dataclass(frozen=True)
class Source:
    """`name` of the file; `first`: number of the line that holds the first values; `rows`: those that are read, if not
    all are."""

    name: str
    first: int = 2
    rows: np.ndarray | None = None

    def refusal(self, row: int, column: Any, sentence: str) -> InvalidInputError:
        """What is wrong in one field, by the line of the file and the column."""
        line = self.first + int(row if self.rows is None else self.rows[row])
        return InvalidInputError(f"{self.name}, line {line}, column {printable(str(column))}: {sentence}")


def plain(value: Any) -> str:
    """A name or a number as people write it: "12" of 12.0."""
    return f"{value:.12g}" if isinstance(value, float | np.floating) else printable(str(value))


def words(column: Any) -> list[str]:
    """Every field as text, "" where it holds nothing."""
    texts = ["" if value is None or value != value else plain(value).strip() for value in column]
    return ["" if each in MISSING else each for each in texts]


def numbers(frame: Any, column: Any, source: Source) -> Float[np.ndarray, " rows"]:
    """The numbers of a column, NaN where a field holds nothing. Raises InvalidInputError for a word."""
    if frame[column].dtype.kind in "fiub":
        found = frame[column].to_numpy(dtype=np.float64)
    else:
        found = np.array([number(each) for each in words(frame[column])])
        texts = words(frame[column])
        if wrong := [k for k, each in enumerate(texts) if each and np.isnan(found[k])]:
            raise source.refusal(
                wrong[0], column, f"{texts[wrong[0]][:30]!r} is no number: correct it, or leave it empty"
            )
    if np.isinf(found).any():
        raise source.refusal(int(np.flatnonzero(np.isinf(found))[0]), column, "the number is infinite: correct it")
    return found


def number(text: str) -> float:
    """The number that a field holds, NaN where it holds none."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def heading(column: Any) -> tuple[str, str]:
    """(name in lower case, unit) of a heading: ("time", "h") of "TIME (h)", ("dv", "") of "DV"."""
    found = re.fullmatch(r"\s*(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*", str(column))
    return (found[1].lower(), found[2]) if found else (str(column).strip().lower(), "")
