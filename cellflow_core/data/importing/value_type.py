"""Counts, logarithms or coordinates? What the values of a table seem to be, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellflow_core.data.readers import Table
from cellflow_core.data.readers.gene_rows import axis_like

Array = np.ndarray
MOST_LOG = 15.0
"""The natural logarithm of a count is below this: exp(15) is three million."""
LEAST_COUNTS = 50.0
"""Values above this are no logarithms in any base that is used."""
SUBJECTS = "subject table"
"""Format of tables of individuals: what was measured in them is no gene."""
_PIECE = 2_000_000


@dataclass(frozen=True)
class ValueType:
    """What the values seem to be.

    looks   "counts" (also normalised, but not logarithmic), "log" (ready to use) or "coordinates"
    unsure  why that may be wrong and a person should say, "" where it is clear
    least, most   of the finite values
    whole   are all of them whole numbers?
    """

    value_type: Literal["counts", "log", "coordinates"]
    ambiguity: str
    least: float
    most: float
    whole: bool


def scale_of(table: Table) -> ValueType:
    """Judge by whole numbers, by the file's own mark that log1p was taken, by the range, and by names that are axes."""
    least, most, whole = value_range(table.x)
    if table.format == SUBJECTS:
        return ValueType("coordinates", "", least, most, whole)
    looks, unsure = _judged(least, most, whole, table.logged, axis_like(table.features))
    return ValueType(looks, unsure, least, most, whole)


def _judged(least: float, most: float, whole: bool, logged: bool, axes: bool) -> tuple[Any, str]:
    if whole and least >= 0 and most > 1:
        marked = "all values are whole numbers, as counts are, but the file says that the logarithm was taken"
        return "counts", marked if logged else ""
    if axes:
        return "coordinates", ""
    if least < 0:
        return "log", ""
    if whole:
        return "log", "all values are 0 or 1: calls of on and off, or very shallow counts"
    if logged:
        high = f"the file says that the logarithm was taken, but values go up to {most:,.4g}"
        return "log", high if most > LEAST_COUNTS else ""
    if most > LEAST_COUNTS:
        return "counts", ""
    if most > MOST_LOG:
        return "log", (
            f"values are not whole numbers and go up to {most:.3g}: more than logarithms of counts usually do, less "
            "than counts usually do"
        )
    return "log", ""


def value_range(x: Any) -> tuple[float, float, bool]:
    """(least, most, all whole) of the finite values; of a sparse table the zeros count too."""
    sparse = not isinstance(x, np.ndarray)
    least, most, whole = (0.0, 0.0, True) if sparse and x.nnz < np.prod(x.shape) else (np.inf, -np.inf, True)
    for values in _pieces(x.data if sparse else x):
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            least, most = min(least, float(values.min())), max(most, float(values.max()))
            whole = whole and bool((values == np.round(values)).all())
    return (least, most, whole) if np.isfinite(least) else (0.0, 0.0, True)


def _pieces(values: Array) -> Iterator[Array]:
    step = max(_PIECE // max(values[:1].size, 1), 1)
    for start in range(0, len(values), step):
        yield values[start : start + step].ravel()
