"""How good each cell is: total counts, detected genes, mitochondrial share; and what a filter would leave of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.data.readers import gene_names

if TYPE_CHECKING:
    from cellflow_core.data.readers import Table

Array = np.ndarray
_ROWS = 8192
MANY_GENES = 2000
"""A table of more genes than this was most likely not reduced to a chosen set."""


class QCThresholds(Protocol):
    """Limits on cells and genes; 0 is no limit, and 100 for max_mito (%).

    time_column  the column by whose labels the cells that are left are counted
    """

    @property
    def min_counts(self) -> int: ...
    @property
    def max_counts(self) -> int: ...
    @property
    def min_genes(self) -> int: ...
    @property
    def max_genes(self) -> int: ...
    @property
    def max_mito(self) -> float: ...
    @property
    def min_cells(self) -> int: ...
    @property
    def time_column(self) -> str: ...


@dataclass(frozen=True)
class QCMetrics:
    """Numbers of a file as it is, before anything is left out.

    counts      sum of all values of each cell, [cells]
    genes       genes above zero in each cell, [cells]
    mito        share of the sum that lies in mitochondrial genes, 0 to 1, [cells]; NaN where the file has no such gene
    in_cells    cells in which each gene is above zero, [features]
    mito_genes  number of genes of mitochondria, by `gene_names.is_mitochondrial`
    columns     columns of words, such as times and batches: (names, code of each cell, [cells])
    numbers     columns of many numbers that may be a time, each [cells], NaN where missing
    """

    counts: Float[Array, " cells"]
    genes: Int[Array, " cells"]
    mito: Float[Array, " cells"]
    in_cells: Int[Array, " features"]
    mito_genes: int
    columns: Mapping[str, tuple[tuple[str, ...], Array]] = field(default_factory=dict)
    numbers: Mapping[str, Array] = field(default_factory=dict)

    @property
    def measures(self) -> dict[str, Array]:
        """The numbers of each cell by the names under which a data set keeps them."""
        held = {"total counts": self.counts, "genes detected": self.genes.astype(np.float64)}
        return held | ({"mitochondrial share": self.mito} if self.mito_genes else {})


@dataclass(frozen=True)
class Removed:
    """One filter: what it says, and how many cells it left out that those before it had kept."""

    words: str
    cells: int


@dataclass(frozen=True)
class QCFilterResult:
    """What the filters leave.

    cells    mask [cells]; genes: mask [features]
    removed  each filter that is on, in the order in which they are applied
    left     label of the time column -> cells that are left; emptied: label -> the filter that took its last cell
    idle     filters that are on and find none of their genes, so that they can leave out nothing, in words
    """

    cells: Bool[Array, " cells"]
    genes: Bool[Array, " features"]
    removed: tuple[Removed, ...]
    left: Mapping[str, int]
    emptied: Mapping[str, str]
    idle: tuple[str, ...] = ()


def measure(table: Table, columns: Mapping[str, Array], numbers: Mapping[str, Array]) -> QCMetrics:
    """Go once through a table in blocks of rows. `columns` are labels [cells], `numbers` values [cells], by name."""
    x = table.x
    mito = np.array(list(map(gene_names.is_mitochondrial, table.features)), dtype=bool)
    at = np.flatnonzero(mito)
    counts, genes, share = np.zeros(x.shape[0]), np.zeros(x.shape[0], np.int32), np.zeros(x.shape[0])
    in_cells = np.zeros(x.shape[1], dtype=np.int64)
    for start in range(0, x.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        block = x[rows]
        found = block > 0
        counts[rows] = np.asarray(block.sum(axis=1, dtype=np.float64)).ravel()
        genes[rows] = np.asarray(found.sum(axis=1)).ravel()
        in_cells += np.asarray(found.sum(axis=0)).ravel()
        if len(at):
            share[rows] = np.asarray(block[:, at].sum(axis=1, dtype=np.float64)).ravel()
    known = (counts > 0) & bool(len(at))
    share = np.divide(share, counts, out=np.full(len(counts), np.nan), where=known)
    coded = {name: _coded(values) for name, values in columns.items()}
    return QCMetrics(counts, genes, share, in_cells, len(at), coded, dict(numbers))


def kept(quality: QCMetrics, thresholds: QCThresholds) -> QCFilterResult:
    """Apply the filters of `thresholds`, cells first and then genes, which are counted over all cells of the file."""
    names, codes = quality.columns.get(thresholds.time_column, ((), np.zeros(0, dtype=np.int64)))
    mask = np.ones(len(quality.counts), dtype=bool)
    removed: list[Removed] = []
    emptied: dict[str, str] = {}
    left = np.bincount(codes, minlength=len(names))
    for words, bad in filters(quality, thresholds):
        before = left
        removed.append(Removed(words, int((bad & mask).sum())))
        mask &= np.logical_not(bad)
        left = np.bincount(codes[mask], minlength=len(names)) if len(names) else left
        emptied |= {names[k]: words for k in np.flatnonzero((before > 0) & (left == 0))}
    there = dict(zip(names, left.tolist(), strict=True))
    return QCFilterResult(
        mask, quality.in_cells >= thresholds.min_cells, tuple(removed), there, emptied, idle(quality, thresholds)
    )


def idle(quality: QCMetrics, thresholds: QCThresholds) -> tuple[str, ...]:
    """Filters that are on and have nothing to measure, in words."""
    if thresholds.max_mito >= 100 or quality.mito_genes:
        return ()
    return (
        f"none of {len(quality.in_cells):,} genes is known as mitochondrial (MT-ND1, mt-Nd1, mt:ND1, MT.ND1 ... are), "
        f"so the limit of {thresholds.max_mito:g} % mitochondrial counts was applied to no cell",
    )


def filters(quality: QCMetrics, thresholds: QCThresholds) -> list[tuple[str, Bool[Array, " cells"]]]:
    """Each filter that is on: what it says, and the cells that it leaves out."""
    on: list[tuple[str, Bool[Array, " cells"]]] = []
    if thresholds.min_counts:
        on.append((f"fewer than {thresholds.min_counts:,} counts", quality.counts < thresholds.min_counts))
    if thresholds.max_counts:
        on.append((f"more than {thresholds.max_counts:,} counts", quality.counts > thresholds.max_counts))
    if thresholds.min_genes:
        on.append((f"fewer than {thresholds.min_genes:,} genes", quality.genes < thresholds.min_genes))
    if thresholds.max_genes:
        on.append((f"more than {thresholds.max_genes:,} genes", quality.genes > thresholds.max_genes))
    if thresholds.max_mito < 100 and quality.mito_genes:
        share = thresholds.max_mito / 100
        on.append((f"more than {thresholds.max_mito:g} % mitochondrial counts", quality.mito > share))
    return on


def proposed(quality: QCMetrics) -> dict[str, float]:
    """Filters that are usual for counts of many genes, unless they would take many cells; none for few genes."""
    if len(quality.in_cells) <= MANY_GENES:
        return {}
    found: dict[str, float] = {"min_cells": 3}
    if (quality.genes < 200).mean() < 0.1:
        found["min_genes"] = 200
    if quality.mito_genes and (quality.mito > 0.2).mean() < 0.2:
        found["max_mito"] = 20.0
    return found


def save(path: Path, quality: QCMetrics) -> None:
    """Write as arrays only."""
    plain = {
        "mito_genes": quality.mito_genes,
        "columns": {name: names for name, (names, _) in quality.columns.items()},
        "numbers": list(quality.numbers),
    }
    held: dict[str, Any] = {each: getattr(quality, each) for each in ("counts", "genes", "mito", "in_cells")}
    held |= {f"code_{k}": codes for k, (_, codes) in enumerate(quality.columns.values())}
    held |= {f"number_{k}": values for k, values in enumerate(quality.numbers.values())}
    np.savez(path, plain=np.array(json.dumps(plain)), **held)


def load(path: Path) -> QCMetrics:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    plain = json.loads(str(held["plain"]))
    return QCMetrics(
        held["counts"],
        held["genes"],
        held["mito"],
        held["in_cells"],
        plain["mito_genes"],
        {name: (tuple(names), held[f"code_{k}"]) for k, (name, names) in enumerate(plain["columns"].items())},
        {name: held[f"number_{k}"] for k, name in enumerate(plain["numbers"])},
    )


def _coded(values: Array) -> tuple[tuple[str, ...], Int[Array, " cells"]]:
    names, codes = np.unique(values, return_inverse=True)
    return tuple(names.tolist()), codes.astype(np.int32)
