"""A diffusion map: axes along which a random walk over neighbouring cells is slow.

Coifman & Lafon 2006, "Diffusion maps", Appl. Comput. Harmon. Anal. 21:5 (doi 10.1016/j.acha.2006.04.006); for single
cells Haghverdi, Buettner & Theis 2015, Bioinformatics 31:2989 (doi 10.1093/bioinformatics/btv325). scanpy computes it.
Each axis is scaled by lambda / (1 - lambda), the sum over walks of every length (Haghverdi et al. 2016, Nature Methods
13:845). The map exists for the measured cells only: the map from genes to it and back is a regression, two small
networks through principal components.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.spaces.fitting import FittedSpace, ProgressCallback, held_out_cells, mlp, seeded, train
from cellflow_core.data.spaces.pca_regression import Scores
from cellflow_core.math.neighbors import neighbor_graph

Array = np.ndarray
WIDTH = 64
STEPS = 2000
LOCAL = (
    "A diffusion map is made for the measured cells only: new cells enter it, and genes are read from it, by a "
    "regression that was fitted to them."
)


def fit(
    table: Any, genes: tuple[str, ...], axes: int, seed: int, on_progress: ProgressCallback, steps: int = STEPS
) -> FittedSpace:
    """Diffusion coordinates of the cells of a numpy or CSR table [cells, genes], largest spread first."""
    import torch
    from torch import nn

    on_progress("computing principal components")
    held_out = held_out_cells(table.shape[0], seed)
    scores = Scores.of(table, genes, held_out)
    on_progress("computing the diffusion map")
    x, pieces = coordinates(scores.s, axes)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    aim, known = torch.from_numpy((x - mean) / scale), torch.from_numpy(scores.s)
    whole = float(known.var(dim=0).sum())
    with seeded(seed):
        encoder = mlp(known.shape[1], WIDTH, WIDTH, x.shape[1])
        decoder = mlp(x.shape[1], WIDTH, WIDTH, known.shape[1])

        def loss(rows: Array, done: float) -> torch.Tensor:
            y, s = aim[rows], known[rows]
            read = decoder(y)
            there = (encoder(s) - y).square().mean() + 0.5 * (encoder(read) - y).square().mean()
            return there + (read - s).square().sum(dim=1).mean() / whole

        module = nn.ModuleList([encoder, decoder])
        train(module, loss, held_out, on_progress, what="fitting the map to genes and back", seed=seed, steps=steps)
    names = tuple(f"DC{k + 1}" for k in range(x.shape[1]))
    space = scores.space_of("diffusion", names, encoder, decoder, np.diag(scale.astype(np.float64)), mean)
    notes = [LOCAL]
    if pieces > 1:
        notes.append(
            f"The cells fall into {pieces} pieces that no path of neighbours joins: some axes only tell pieces apart."
        )
    message = f"{len(names)} diffusion components of {len(genes):,} genes are the axes"
    return FittedSpace(x, space, message, tuple(notes), held_out)


def coordinates(states: Array, axes: int) -> tuple[Array, int]:
    """(diffusion coordinates [cells, axes] of cells in these states, number of pieces the cells fall into).

    The first axis has spread 1. Axes of eigenvalue 1, which tell pieces apart, get the weight of the slowest other.
    """
    import scanpy as sc

    graph = neighbor_graph(states)
    pieces, _ = graph.connected_components()
    cells = graph.annotated(states)
    sc.tl.diffmap(cells, n_comps=min(axes + pieces, len(states) - 2) if pieces > 1 else min(axes + 1, len(states) - 2))
    value = np.asarray(cells.uns["diffmap_evals"], dtype=np.float64)[1:]
    vector = np.asarray(cells.obsm["X_diffmap"], dtype=np.float64)[:, 1:]
    below = value[value < 1 - 1e-6]
    value = np.clip(value, 0.0, float(below.max()) if len(below) else 0.5)
    vector = vector * np.sign(vector[np.abs(vector).argmax(axis=0), np.arange(vector.shape[1])])
    x = vector / np.linalg.norm(vector, axis=0) * (value / (1 - value))
    x = x[:, np.argsort(-x.std(axis=0), kind="stable")][:, :axes]
    return (x / x[:, 0].std()).astype(np.float32), pieces
