"""RNA velocity of which every gene agrees with where the others say that the cell goes. Ours.

At steady state u = gamma s; elsewhere u - gamma s is the velocity. So no gene needs cells at steady state if the motion
of the cells is known from all genes together: with the displacement d that the transitions to neighbors let expect,

    u = gamma s + kappa d_g,    kappa > 0

is a plane, and gamma its least squares over all cells. Transitions follow from the velocities u - gamma s of all genes
(math/velocity_graph.py), and so on, from the steady-state ratio (La Manno et al. 2018, doi:10.1038/s41586-018-0414-6).
The splicing rate is the unit of time. A gene with kappa <= 0 goes against the others and keeps the slope of u over s.
"""

from __future__ import annotations

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
        first = ratio(cells, highest(cells, PERCENT)).cpu().numpy()
        u, s = (each.cpu().numpy() for each in (cells.unspliced, cells.spliced))
        scale = np.where(s.std(axis=0) > 0, s.std(axis=0), 1.0)
        x = (s / scale).astype(np.float32)
        near = nearest_others(_leading(x), self.config.neighbors)
        gamma, against = first, np.zeros(len(first), bool)
        for _ in range(self.config.rounds):
            graph = velocity_graph(x, ((u - gamma * s) / scale).astype(np.float32), near)
            gamma, against = _ratio(u, s, graph.displacement(x) * scale)
        self.gamma.copy_(torch.as_tensor(gamma))
        self.against.fill_(int(against.sum()))

    def notes(self) -> tuple[str, ...]:
        count = int(self.against)
        return (f"{count} of {self.gene_count} genes go against the others.",) if count else ()


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
