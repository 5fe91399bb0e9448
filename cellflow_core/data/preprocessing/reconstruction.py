"""How well each gene can be read back from the state of a cell, beside the trivial answer: its mean in every cell."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.atomic_write import replacing
from cellflow_core.data.spaces.fitting import rows_of
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.store import open_dataset
from cellflow_core.data.store.dataset import UNREADABLE, Dataset, damaged

Array = np.ndarray
_FILE = "reconstruction.npz"
_ROWS = 4096


@dataclass(frozen=True)
class Reconstruction:
    """Measured genes against what the states of the same cells decode to, per gene of the space.

    error  root mean square of the difference (expression), [genes]
    usual  the same for the trivial answer, the mean of the gene whatever the state (expression), [genes]
    cells  number of cells compared; seen: the space was made from these very cells, so new ones will fare worse
    """

    genes: tuple[str, ...]
    error: Float[Array, " genes"]
    usual: Float[Array, " genes"]
    cells: int
    seen: bool

    @property
    def share(self) -> Float[Array, " genes"]:
        """Share of the variance of each gene that the state keeps, 1 - (error / usual)^2: 1 is all, 0 no better than
        the mean, below 0 worse; NaN where the gene is the same in every cell compared. [genes]"""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.usual > 0, 1 - np.square(self.error / self.usual), np.nan)

    @property
    def kept(self) -> float:
        """Share of the variance of all genes together that the state keeps; NaN where there is none."""
        whole = float(np.square(self.usual).sum())
        return 1 - float(np.square(self.error).sum()) / whole if whole > 0 else float("nan")

    def save(self, path: Path) -> None:
        """As arrays, whole or not at all."""
        names = np.asarray(self.genes, dtype=np.str_)
        with replacing(path) as part:
            np.savez(part, genes=names, error=self.error, usual=self.usual, cells=self.cells, seen=self.seen)

    @classmethod
    def load(cls, path: Path) -> Reconstruction:
        """What `save` wrote."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            genes = tuple(held["genes"].tolist())
            return cls(genes, held["error"], held["usual"], int(held["cells"]), bool(held["seen"]))


def compare(
    space: StateSpace, x: Float[Array, "cells dim"], table: Any, held_out: Bool[Array, " cells"] | None = None
) -> Reconstruction:
    """Decode states x and hold them against the measured genes of the space, numpy or CSR [cells, genes].

    held_out  cells that the space was not learnt from: only they are compared, and the mean is that of the others.
              None: all cells are compared with the mean of all, and the result says that they were seen.
    """
    rows = np.arange(len(x)) if held_out is None else np.flatnonzero(held_out)
    known = rows if held_out is None else np.flatnonzero(~np.asarray(held_out))
    if not len(rows) or not len(known):
        raise ValueError(f"{len(rows)} cells to compare and {len(known)} to take the mean of: both must be some")
    mean = _mean(table, known)
    missed, whole = np.zeros(len(mean)), np.zeros(len(mean))
    for k in range(0, len(rows), _ROWS):
        part = rows[k : k + _ROWS]
        measured = rows_of(table, part).astype(np.float64)
        missed += np.square(space.decode(x[part]) - measured).sum(axis=0)
        whole += np.square(measured - mean).sum(axis=0)
    error, usual = np.sqrt(missed / len(rows)), np.sqrt(whole / len(rows))
    usual[usual < 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 0  # a constant gene, but for rounding
    return Reconstruction(space.genes, error, usual, len(rows), held_out is None)


def stored(dataset: Dataset) -> Reconstruction | None:
    """What was found before; None where it was not measured yet. Raises DamagedDataset where it cannot be read."""
    path = dataset.folder / _FILE
    if not path.exists():
        return None
    try:
        return Reconstruction.load(path)
    except UNREADABLE as error:
        raise damaged(dataset.folder, _FILE, error) from error


def add_reconstruction(dataset_id: str) -> None:
    """Compare all cells of a data set and store what is found; returns at once where it is there.

    Raises ValueError, with a sentence, where the state holds no genes or measured genes are not stored.
    """
    dataset = open_dataset(dataset_id)
    if (dataset.folder / _FILE).exists():
        return
    data, measured = dataset.snapshots(), dataset.measured
    if not data.space.genes:
        raise ValueError(data.space.no_genes)
    at = {name: k for k, name in enumerate(measured.genes)}
    if not all(each in at for each in data.space.genes):
        raise ValueError(
            f"{dataset.info.label!r} was stored without the measured values of its genes, so nothing can be compared: "
            "import the original file again"
        )
    table = measured.table()[:, [at[each] for each in data.space.genes]]
    save(compare(data.space, data.x, table if isinstance(table, np.ndarray) else table.tocsr()), dataset.folder)


def save(found: Reconstruction, folder: Path) -> None:
    """Store it with a data set."""
    found.save(folder / _FILE)


def hand_down(parent: Path, child: Path) -> None:
    """Give a data set in the same space what was found for its parent; both are folders of data sets."""
    if (parent / _FILE).exists():
        part = child / f".{secrets.token_hex(4)}-{_FILE}"
        shutil.copyfile(parent / _FILE, part)
        part.replace(child / _FILE)


def _mean(table: Any, rows: Array) -> Float[Array, " genes"]:
    total = np.zeros(table.shape[1])
    for k in range(0, len(rows), _ROWS):
        total += np.asarray(table[rows[k : k + _ROWS]].sum(axis=0, dtype=np.float64)).ravel()
    return total / len(rows)
