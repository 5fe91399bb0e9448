"""Missing and infinite values: what leaving out cells, genes or both costs at each time, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.preprocessing.normalisation import LARGEST, PreprocessingState, keep_cells, keep_features
from cellflow_core.data.readers import InvalidInputError
from cellflow_core.plural import counted
from cellflow_core.time_units import format_times

Array = np.ndarray
CHOICES = {
    "cells": "leave out the cells (`drop_incomplete`)",
    "genes": "leave out the genes (`drop_incomplete_genes`)",
    "both": "leave out the genes that a time lacks, then the cells that are still incomplete (`drop_incomplete_genes` "
    "and `drop_incomplete`)",
}
"""What can be done -> in words, with the settings of ImportChoices."""


@dataclass(frozen=True)
class Cost:
    """What one choice leaves: masks of cells and genes, and the times that lose their last cell."""

    cells: Bool[Array, " cells"]
    genes: Bool[Array, " genes"]
    emptied: tuple[float, ...]

    @property
    def possible(self) -> bool:
        """Are genes left, and cells at every time?"""
        return bool(self.genes.any()) and bool(self.cells.any()) and not self.emptied


def costs(x: Any, times: Array) -> dict[str, Cost]:
    """Cost of each of CHOICES, {} where every value is finite. x [cells, genes] numpy or CSR; times [cells]."""
    bad = _bad(x)
    if not bad.nnz:
        return {}
    cells, genes = np.diff(bad.indptr) > 0, np.bincount(bad.indices, minlength=bad.shape[1]) > 0
    lacking = np.zeros(bad.shape[1], dtype=bool)
    for time in np.unique(times):
        rows = np.flatnonzero(times == time)
        share = np.bincount(bad[rows].indices, minlength=bad.shape[1]) / len(rows)
        lacking |= share >= 0.5
    still = np.asarray(bad[:, np.flatnonzero(~lacking)].sum(axis=1)).ravel() > 0
    every_cell, every_gene = np.ones(len(cells), bool), np.ones(len(genes), bool)
    options = {"cells": (~cells, every_gene), "genes": (every_cell, ~genes), "both": (~still, ~lacking)}
    return {name: Cost(left, kept, _emptied(left, times)) for name, (left, kept) in options.items()}


def drop(made: PreprocessingState, name: str, cells: bool, genes: bool, times: Array, what: str = "genes") -> None:
    """Leave out what was chosen and say what it cost.

    times  of the cells that are left, [cells]
    Raises InvalidInputError, with the costs, where nothing was chosen or nothing is left.
    """
    found = costs(made.x, times)
    if not found:
        return
    chosen = "both" if cells and genes else "cells" if cells else "genes" if genes else ""
    cost = found.get(chosen)
    if cost is None or not cost.cells.any() or not cost.genes.any():
        lead = f"{name}: {words(found, made.features, times, what)}"
        raise InvalidInputError(lead if cost is None else f"{name}: nothing is left; {lead.partition(': ')[2]}")
    out_genes, out_cells = ~cost.genes, ~cost.cells
    if out_genes.any():
        named = _named([made.features[k] for k in np.flatnonzero(out_genes)])
        made.steps.append(
            f"left out {counted(int(out_genes.sum()), what.removesuffix('s'))} with missing or infinite values: {named}"
        )
        keep_features(made, cost.genes)
    if out_cells.any():
        made.steps.append(f"left out {counted(int(out_cells.sum()), 'cell')} with missing or infinite values")
        keep_cells(made, cost.cells)
    if cost.emptied:
        made.notes.append(f"no cell is left at time {_times(cost.emptied)}: all of them had missing values")


def words(found: dict[str, Cost], features: tuple[str, ...], times: Array, what: str = "genes") -> str:
    """What is missing, what each choice costs, and which one empties no time."""
    by_cell, by_gene = found["cells"], found["genes"]
    at = np.flatnonzero(~by_gene.genes)
    parts = [
        f"{int((~by_cell.cells).sum()):,} of {len(times):,} cells hold a value that is missing (NaN) or infinite, in "
        f"{len(at):,} of {len(by_gene.genes):,} {what} ({_named([features[k] for k in at])}), and a model needs finite "
        "numbers"
    ]
    possible = [key for key in ("genes", "cells", "both") if found[key].possible]
    if any(_same(found["both"], found[key]) for key in possible if key != "both"):
        possible = [key for key in possible if key != "both"]
    possible.sort(key=lambda key: -float(found[key].cells.mean() * found[key].genes.mean()))
    for key in possible:
        cost = found[key]
        lost = counted(int((~cost.genes).sum()), what.removesuffix("s"))
        parts.append(f"{CHOICES[key]}: {counted(int((~cost.cells).sum()), 'cell')} and {lost} go")
    emptied = [f"leaving out cells would empty time {_times(by_cell.emptied)}"] if by_cell.emptied else []
    rest = [] if possible else ["fill the values in the file, or leave out what lacks them there"]
    return "; ".join([*parts, *emptied, *rest])


def _same(one: Cost, other: Cost) -> bool:
    return np.array_equal(one.cells, other.cells) and np.array_equal(one.genes, other.genes)


def _emptied(left: Bool[Array, " cells"], times: Array) -> tuple[float, ...]:
    return tuple(float(each) for each in np.setdiff1d(times, times[left]))


def _bad(x: Any) -> Any:
    """CSR [cells, genes] of the values that are missing, infinite or so large that their square is no number."""
    from scipy.sparse import csr_matrix

    if isinstance(x, np.ndarray):
        return csr_matrix(~((x < LARGEST) & (x > -LARGEST)))
    at = np.flatnonzero(~((x.data < LARGEST) & (x.data > -LARGEST)))
    rows = np.searchsorted(x.indptr, at, side="right") - 1
    return csr_matrix((np.ones(len(at), dtype=bool), (rows, x.indices[at])), shape=x.shape)


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _times(times: Sequence[float]) -> str:
    return ", ".join(format_times(times))
