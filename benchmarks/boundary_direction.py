"""Cross-boundary direction: do velocities of cells at the border of two groups lead into the later one?

Qiao & Huang, "Representation learning of RNA velocity reveals robust cell transitions", PNAS 118:e2105859118, 2021,
doi:10.1073/pnas.2105859118; their program asks it of arrows and places on a UMAP.
"""

from __future__ import annotations

import numpy as np

from cellflow_core.data.preprocessing.umap import umap
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import neighbor_graph

COMPONENTS = 30


def on_umap(data: Snapshots) -> np.ndarray:
    """Places [cells, 2] by the leading principal components of the logarithm of the spliced RNA."""
    assert data.spliced is not None
    states = principal(np.log1p(data.spliced.astype(np.float64)), data.space.genes, COMPONENTS).state
    return umap(states, neighbor_graph(states), states[:, :2]).astype(np.float64)


def cross_boundary(
    v: np.ndarray, x: np.ndarray, neighbors: np.ndarray, group: np.ndarray | None, edges: str
) -> float | None:
    """Mean over the edges "A>B" of the mean cosine between velocities of cells of A and steps to neighbors of B."""
    if not edges:
        return None
    if group is None:
        raise SystemExit("--edges needs --groups: the column of obs that they are values of")
    found = []
    for early, late in (each.strip().split(">") for each in edges.split(",")):
        inside = []
        for i in np.flatnonzero(group == early):
            there = neighbors[i][group[neighbors[i]] == late]
            if len(there):
                inside.append(cosine(np.repeat(v[i : i + 1], len(there), axis=0), x[there] - x[i]).mean())
        if not inside:
            raise SystemExit(f"no cell of {early!r} has a neighbor of {late!r}: these groups do not touch")
        found.append(np.mean(inside))
    return float(np.mean(found))


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.where(size > 0, (a * b).sum(axis=1) / np.maximum(size, 1e-30), np.nan)
