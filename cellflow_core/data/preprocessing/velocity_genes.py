"""Which genes tell of RNA velocity: a table of all of them with the reason, stored with the data set."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cellflow_core.atomic_write import replacing
from cellflow_core.data.store.dataset import UNREADABLE, Dataset, damaged

Array = np.ndarray
KEPT = ""
"""The reason of a gene that is kept."""
_EXTREME = 5.0  # % of the cells, those with most RNA, that decide the slope
_FILE = "velocity_genes.npz"


@dataclass(frozen=True)
class VelocityGenes:
    """Every gene of the layers, and why it is no velocity gene.

    shared  counts in cells with both kinds of RNA, [genes]
    slope   unspliced over spliced RNA at steady state, gamma / beta; r2: share of the variance of the unspliced RNA
            that this line explains, below 0 where the mean does better; both [genes], NaN where not computed
    reason  why it was left out, KEPT for a velocity gene
    """

    genes: tuple[str, ...]
    shared: Float[Array, " genes"]
    slope: Float[Array, " genes"]
    r2: Float[Array, " genes"]
    reason: tuple[str, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the velocity genes, in the order of the layers."""
        return tuple(name for name, why in zip(self.genes, self.reason, strict=True) if why == KEPT)

    def save(self, folder: Path) -> None:
        """With a data set, whole or not at all."""
        genes, reason = np.asarray(self.genes, np.str_), np.asarray(self.reason, np.str_)
        with replacing(folder / _FILE) as part:
            np.savez(part, genes=genes, reason=reason, shared=self.shared, slope=self.slope, r2=self.r2)


def stored_genes(dataset: Dataset) -> VelocityGenes | None:
    """The table of a data set; None where it has none. Raises DamagedDatasetError where it cannot be read."""
    path = dataset.folder / _FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            genes, reason = (tuple(found[each].tolist()) for each in ("genes", "reason"))
            return VelocityGenes(genes, found["shared"], found["slope"], found["r2"], reason)
    except UNREADABLE as error:
        raise damaged(dataset.folder, _FILE, error) from error


def copy_genes(parent: Path, child: Path) -> None:
    """Give a data set in the same space the table of its parent; both are folders of data sets."""
    if (parent / _FILE).exists():
        with replacing(child / _FILE) as partial:
            shutil.copyfile(parent / _FILE, partial)


def steady_state(
    unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"]
) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
    """(slope, R²) of the line through zero and the cells with most RNA of each gene (after La Manno et al. 2018).

    These are the highest 5 % of the cells by u / max u + s / max s, as in scVelo; R² is over all cells.
    """
    slope, r2 = np.zeros(spliced.shape[1]), np.zeros(spliced.shape[1])
    for k in range(len(slope)):
        u, s = unspliced[:, k].astype(np.float64), spliced[:, k].astype(np.float64)
        place = u / (u.max() or 1.0) + s / (s.max() or 1.0)
        most = place >= np.percentile(place, 100 - _EXTREME)
        square = float(np.square(s[most]).sum())
        slope[k] = float((u[most] * s[most]).sum()) / square if square > 0 else 0.0
        whole = float(np.square(u - u.mean()).sum())
        r2[k] = 1 - float(np.square(u - slope[k] * s).sum()) / whole if whole > 0 else 0.0
    return slope, r2
