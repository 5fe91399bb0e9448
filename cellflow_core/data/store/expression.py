"""Measured expression on disk, read one gene at a time: columns of a sparse table, rows of a dense one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

Array = np.ndarray


@dataclass(frozen=True)
class Expression:
    """Either `dense` [genes, cells] or the three arrays of a CSC table [cells, genes]; both may be memory maps.

    ids  accession ids of the genes, in their order; () where none are known
    """

    genes: tuple[str, ...]
    cells: int
    dense: Array | None = None
    data: Array | None = None
    indices: Array | None = None
    indptr: Array | None = None
    ids: tuple[str, ...] = ()

    @classmethod
    def from_values(cls, table: Any, genes: tuple[str, ...], cells: int, ids: tuple[str, ...] = ()) -> Expression:
        """From a numpy or scipy.sparse table [cells, genes]; None is a table without genes."""
        if table is None:
            return cls((), cells)
        if table.shape != (cells, len(genes)):
            raise ValueError(
                f"expression of {cells} cells and {len(genes)} genes cannot be a table of shape {table.shape}"
            )
        if len(set(genes)) != len(genes):
            raise ValueError(f"{len(genes) - len(set(genes))} gene names appear twice: make them unique first")
        if len(ids) not in (0, len(genes)):
            raise ValueError(f"{len(ids)} accession ids for {len(genes)} genes: one each is expected, or none")
        if isinstance(table, np.ndarray):
            return cls(genes, cells, dense=np.ascontiguousarray(table.T, dtype=np.float32), ids=ids)
        columns = table.tocsc().astype(np.float32)
        columns.sum_duplicates()
        return cls(genes, cells, None, columns.data, columns.indices, columns.indptr, ids)

    @classmethod
    def open(cls, folder: Path) -> Expression:
        """Map the stored arrays without reading them."""
        held: dict[str, Any] = {
            each: _mapped(folder / f"{each}.npy")
            for each in ("dense", "data", "indices", "indptr")
            if (folder / f"{each}.npy").exists()
        }
        genes = tuple(np.load(folder / "genes.npy", allow_pickle=False).tolist())
        ids = folder / "ids.npy"
        if ids.exists():
            held["ids"] = tuple(np.load(ids, allow_pickle=False).tolist())
        return cls(genes, int(np.load(folder / "cells.npy", allow_pickle=False)), **held)

    def save(self, folder: Path) -> None:
        """One `.npy` an array."""
        folder.mkdir(parents=True)
        np.save(folder / "genes.npy", np.asarray(self.genes, dtype=np.str_))
        np.save(folder / "cells.npy", np.array(self.cells))
        if self.ids:
            np.save(folder / "ids.npy", np.asarray(self.ids, dtype=np.str_))
        for name in ("dense", "data", "indices", "indptr"):
            value = getattr(self, name)
            if value is not None:
                np.save(folder / f"{name}.npy", value)

    def table(self) -> Any:
        """All of it: numpy, or scipy.sparse CSC, [cells, genes] float32; [cells, 0] where there are no genes."""
        if self.dense is not None:
            return np.ascontiguousarray(self.dense.T)
        if self.data is None:
            return np.zeros((self.cells, 0), dtype=np.float32)
        from scipy.sparse import csc_array

        parts = (np.array(self.data), np.array(self.indices), np.array(self.indptr))
        return csc_array(parts, shape=(self.cells, len(self.genes)))

    def column(self, gene: str) -> Float[Array, " cells"]:
        """Values of one gene in every cell. Raises KeyError where it is not held."""
        if gene not in self.genes:
            raise KeyError(f"no expression of gene {gene!r}: {len(self.genes)} genes are stored")
        at = self.genes.index(gene)
        if self.dense is not None:
            return np.array(self.dense[at], dtype=np.float32)
        assert self.data is not None and self.indices is not None and self.indptr is not None
        start, end = int(self.indptr[at]), int(self.indptr[at + 1])
        found = np.zeros(self.cells, dtype=np.float32)
        found[self.indices[start:end]] = self.data[start:end]
        return found


def _mapped(path: Path) -> Array:
    """A memory map, or the array itself where it is empty, which cannot be mapped."""
    empty = path.stat().st_size <= 128
    return np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)


def write_expression(
    folder: Path,
    cells: int,
    genes: tuple[str, ...],
    expression: Any,
    layers: Mapping[str, Any],
    ids: tuple[str, ...],
) -> tuple[str, ...]:
    """The measured values and layers of a data set; returns the genes that were measured."""
    table = Expression.from_values(expression, genes, cells, ids if expression is not None else ())
    table.save(folder / "expression")
    for layer, values in layers.items():
        Expression.from_values(values, genes, cells).save(folder / "layers" / layer)
    return table.genes
