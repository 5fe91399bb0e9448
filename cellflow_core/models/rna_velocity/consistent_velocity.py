"""RNA velocity of which every gene agrees with where the others say that the cell goes. Ours.

At steady state u = gamma s; elsewhere u - gamma s is the velocity. So no gene needs cells at steady state if the motion
of the cells is known from all genes together: with the displacement d that the transitions to neighbors let expect,

    u = gamma s + kappa d_g,    kappa > 0

is a plane, and gamma its least squares over all cells. Transitions follow from the velocities u - gamma s of all genes
(math/velocity_graph.py), and so on, from the steady-state ratio (La Manno et al. 2018, doi:10.1038/s41586-018-0414-6).
The splicing rate is the unit of time. A gene with kappa <= 0 goes against the others and keeps the slope of u over s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models.contract import Phase
from cellflow_core.models.splicing.estimator import SplicingCells
from cellflow_core.models.splicing.ratio import RatioModel, highest, ratio

PERCENT = 5.0
"""Cells with most RNA of a gene that the first ratio is taken from."""
COMPONENTS = 50
"""Most axes in which neighbors are searched."""


@dataclass(frozen=True)
class Settings(Config):
    neighbors: int = setting(30, "number k of nearest cells to which a cell may go", 3, 500, label="Neighbors k")
    rounds: int = setting(4, "number of times that transitions and ratios are found in turn", 1, 100)


class ConsistentVelocity(RatioModel):
    title = "RNA velocity consistent among genes"
    summary = (
        "Finds the ratio of each gene from where all genes together say that cells go, so that no cell has to be at "
        "steady state."
    )
    limitation = (
        "Genes are made to agree with each other: where most of them point in the wrong direction, all do. Unspliced "
        "RNA counts as constant."
    )
    paper = "ours; starts from La Manno et al., Nature 2018, doi:10.1038/s41586-018-0414-6"
    Config = Settings
    config: Settings

    against: Tensor  # number of genes that go against the others

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("against", torch.zeros((), dtype=torch.int64))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("consistency", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> Any:
        cells = self.read(frames)
        gamma = torch.cat([ratio(each, highest(each, PERCENT)) for each in cells.by_genes()]).cpu().numpy()
        scale = torch.cat([each.spliced.std(dim=0, unbiased=False) for each in cells.by_genes()]).cpu().numpy()
        scale, against = np.where(scale > 0, scale, 1.0), np.zeros(len(scale), bool)
        x = _beside(s / size for _, s, size in _parts(cells, scale))
        near = nearest_others(_leading(x), self.config.neighbors)
        for _ in range(self.config.rounds):
            v = _beside((u - slope * s) / size for u, s, slope, size in _parts(cells, gamma, scale))
            graph = velocity_graph(x, v, near)
            found = [_ratio(u, s, graph.displacement(y) * size) for u, s, y, size in _parts(cells, x, scale)]
            gamma, against = (np.concatenate(each) for each in zip(*found, strict=True))
        self.gamma.copy_(torch.as_tensor(gamma))
        self.against.fill_(int(against.sum()))

    def notes(self) -> tuple[str, ...]:
        count = int(self.against)
        return (f"{count} of {self.gene_count} genes go against the others.",) if count else ()


def _parts(cells: SplicingCells, *of_genes: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """(unspliced, spliced, ...) of some genes, then of the next ones: the genes are the last axis of the others."""
    first = 0
    for each in cells.by_genes():
        genes = slice(first, first + each.spliced.shape[1])
        yield each.unspliced.cpu().numpy(), each.spliced.cpu().numpy(), *(known[..., genes] for known in of_genes)
        first = genes.stop


def _beside(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Some genes after the other, in single precision."""
    return np.concatenate([each.astype(np.float32) for each in parts], axis=1)


def _leading(x: np.ndarray) -> np.ndarray:
    """Cells in their leading components, where there are more axes than those."""
    if x.shape[1] <= COMPONENTS:
        return x
    from sklearn.decomposition import PCA

    return PCA(COMPONENTS, random_state=0).fit_transform(x)


def _ratio(u: np.ndarray, s: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(gamma, does the gene go against the others) by least squares of u = gamma s + kappa d, by gene."""
    ss, dd, sd, us, ud = ((a * b).sum(axis=0) for a, b in ((s, s), (d, d), (s, d), (u, s), (u, d)))
    determinant = np.maximum(ss * dd - sd**2, 1e-30)
    kappa = (ud * ss - us * sd) / determinant
    alone = us / np.maximum(ss, 1e-30)
    found = np.where(kappa > 0, (us * dd - ud * sd) / determinant, alone)
    return np.maximum(found, 0.0), kappa <= 0
