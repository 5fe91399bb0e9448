"""An autoencoder whose distances are those along the cells, not through the empty space between them.

The idea of the geodesic autoencoder of MIOFlow: Huguet et al. 2022, "Manifold interpolating optimal-transport flows for
trajectory inference", NeurIPS 35 (arXiv:2206.14928, section 4.1). Written from the paper; the distances to be met are
those of spaces/phate_distances.py, and the networks work through principal components.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.spaces.fitting import FittedSpace, ProgressCallback, encoded, held_out_cells, mlp, seeded, train
from cellflow_core.data.spaces.pca_regression import Scores
from cellflow_core.data.spaces.phate_distances import geodesic_distances

Array = np.ndarray
WIDTH = 128
STEPS = 2500
CELLS = 2000
"""Cells between which distances are computed; the networks carry them over to the others."""
RECONSTRUCTION = 0.5
"""Weight of the genes beside the distances; CYCLE: of the states that come back from their genes."""
CYCLE = 0.2


def fit(
    table: Any, genes: tuple[str, ...], axes: int, seed: int, on_progress: ProgressCallback, steps: int = STEPS
) -> FittedSpace:
    """Learn a space from a numpy or CSR table [cells, genes]; axes are sorted by spread."""
    import torch
    from torch import nn

    on_progress("computing principal components")
    held_out = held_out_cells(table.shape[0], seed)
    scores = Scores.of(table, genes, held_out)
    rng = np.random.default_rng(seed)
    few = np.sort(rng.permutation(len(scores.s))[:CELLS])
    on_progress(f"computing distances along {len(few):,} cells")
    aim = geodesic_distances(scores.s[few])
    aim *= np.sqrt(2 * axes / np.square(aim).mean())  # then the axes have a spread of about 1
    far, known = torch.from_numpy(aim.astype(np.float32)), torch.from_numpy(scores.s[few])
    whole = float(known.var(dim=0).sum())
    with seeded(seed):
        encoder, decoder = mlp(known.shape[1], WIDTH, WIDTH, axes), mlp(axes, WIDTH, WIDTH, known.shape[1])

        def loss(rows: Array, done: float) -> torch.Tensor:
            s = known[rows]
            z = encoder(s)
            between = (z[:, None] - z[None]).square().sum(dim=2).clamp(min=1e-8).sqrt()
            wanted = far[rows][:, rows]
            stress = (between - wanted).square().sum() / wanted.square().sum()
            read = decoder(z)
            missed = (read - s).square().sum(dim=1).mean() / whole
            back = (encoder(read) - z.detach()).square().mean()
            return stress + RECONSTRUCTION * missed + CYCLE * back

        module = nn.ModuleList([encoder, decoder])
        train(module, loss, held_out[few], on_progress, what="training the autoencoder", seed=seed, steps=steps)
    names = tuple(f"GEO{k + 1}" for k in range(axes))
    plain = scores.space_of("geodesic", names, encoder, decoder, np.eye(axes), np.zeros(axes))
    z = encoded(plain, table).astype(np.float64)
    _, turn = np.linalg.eigh(np.atleast_2d(np.cov(z, rowvar=False)))
    turn = turn[:, ::-1] * np.sign(turn[np.abs(turn).argmax(axis=0), np.arange(axes)])[::-1]
    space = scores.space_of("geodesic", names, encoder, decoder, turn, -z.mean(axis=0) @ turn)
    x = encoded(space, table)
    stress = _stress(x[few], aim)
    message = f"learnt {axes} axes from {len(genes):,} genes by an autoencoder that keeps distances along the cells"
    notes = (
        f"Distances in this state miss those along the cells by {stress:.0%} (root mean square, {len(few):,} cells).",
    )
    return FittedSpace(x, space, message, notes, held_out)


def _stress(x: Array, aim: Array) -> float:
    from scipy.spatial.distance import cdist

    return float(np.sqrt(np.square(cdist(x, x) - aim).sum() / np.square(aim).sum()))
