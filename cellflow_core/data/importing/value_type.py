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
MOST_WHOLE = 0.3
"""Above this share of whole numbers among the values above zero, values are counts that were shared between genes."""
MOST_ZEROS = 0.05
"""Above this share of zeros, and with nothing below zero, columns are more likely genes than coordinates."""
_PIECE = 2_000_000


@dataclass(frozen=True)
class ValueType:
    """What the values seem to be.

    looks   "counts" (also normalised, but not logarithmic), "log" (ready to use) or "coordinates"
    unsure  why that may be wrong and a person should say, "" where it is clear
    least, most   of the finite values
    whole   are all of them whole numbers?
    note    what the values were recognised by, where it is not plain, "" else
    """

    value_type: Literal["counts", "log", "coordinates"]
    ambiguity: str
    least: float
    most: float
    whole: bool
    note: str = ""


def scale_of(table: Table) -> ValueType:
    """Judge by whole numbers, by the file's own mark that log1p was taken, by the range, and by names that are axes."""
    least, most, whole = value_range(table.x)
    if table.followed is not None:  # what is measured in individuals is no gene
        return ValueType("coordinates", "", least, most, whole)
    if axis_like(table.features) and not (whole and least >= 0 and most > 1):
        looks, unsure = _axes_or_genes(table, least)
        return ValueType(looks, unsure, least, most, whole)
    if least >= 0 and not whole and (kind := _fractions(table.x)):
        unsure = "the file says that the logarithm was taken" if table.logged and kind == "counts" else ""
        note = {
            "counts": "most values are whole numbers and the others fractions, as counts are that were shared between "
            "genes (alevin, STARsolo EM): they are taken for counts",
            "log": "the values are logarithms of whole numbers, that is of counts that were not brought to a total",
        }[kind]
        return ValueType(kind, f"{note}, but {unsure}" if unsure else "", least, most, whole, note)
    looks, unsure = _judged(least, most, whole, table.logged)
    return ValueType(looks, unsure, least, most, whole)


def _axes_or_genes(table: Table, least: float) -> tuple[Any, str]:
    """Features are named like axes (PC1, x2, 17): coordinates, unless the file or the values speak for genes."""
    if table.logged:
        return "log", ""  # the file says that log1p was taken, which is done to expression only
    zeros = _zeros(table.x)
    numbered = all(each.isdigit() for each in table.features)
    if least < 0 or zeros <= MOST_ZEROS or not numbered:
        return "coordinates", ""
    return "log", (
        f"features are numbered ({', '.join(table.features[:3])} ...) as coordinates are, but no value is below zero "
        f"and {zeros:.0%} are zero, as in the expression of genes"
    )


def _fractions(x: Any) -> Literal["", "counts", "log"]:
    """Are values above zero that are not all whole logarithms of counts, or counts with some fractions? "" else."""
    values = _above_zero(x)
    if len(values) < 20:
        return ""
    if values.max() < MOST_LOG and len(np.unique(values)) < len(values) / 4:
        for undone in (np.exp2(values) - 1, np.expm1(values), np.power(10, values) - 1):
            small = undone[undone < 50]  # beyond, rounded logarithms do not tell
            if len(small) > len(values) / 2 and (np.abs(small - np.round(small)) < 0.05).mean() > 0.99:
                return "log"
    return "counts" if (values == np.round(values)).mean() > MOST_WHOLE else ""


def _above_zero(x: Any) -> Array:
    """Values above zero of the first rows that hold enough of them."""
    values = x[: max(_PIECE // max(x.shape[1], 1), 1)]
    values = values.ravel() if isinstance(values, np.ndarray) else values.data
    return values[np.isfinite(values) & (values > 0)].astype(np.float64)


def _zeros(x: Any) -> float:
    """Share of zeros, 0 to 1."""
    held = int(np.count_nonzero(x)) if isinstance(x, np.ndarray) else int(np.count_nonzero(x.data))
    return 1 - held / max(int(np.prod(x.shape)), 1)


def _judged(least: float, most: float, whole: bool, logged: bool) -> tuple[Any, str]:
    if whole and least >= 0 and most > 1:
        marked = "all values are whole numbers, as counts are, but the file says that the logarithm was taken"
        return "counts", marked if logged else ""
    if least < 0:
        return "log", "all values are whole numbers, as counts are, but some are below zero" if whole else ""
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
