"""Genes whose expression goes with the probability of a fate.

After Lange et al., Nat. Methods 19:159, 2022, doi:10.1038/s41592-021-01346-6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.results import FateGenes
from cellflow_core.analysis.transitions.fates import absorption
from cellflow_core.analysis.transitions.kernel import other_estimates
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.markov_chains.absorption import absorption_probabilities

Array = np.ndarray
TOP = 50
"""Genes of an estimator that count as those of a fate."""
NORMAL = 1.959964


def fate_genes(
    model: Model, data: Snapshots, table: Any, genes: tuple[str, ...], states: str = "", ends: tuple[str, ...] = ()
) -> FateGenes:
    """Correlation over the cells of the expression of every gene with the probability of each fate.

    table  expression, numpy or scipy.sparse [cells, genes]; states, ends: as in `transition_fates`
    """
    terminal, state, chance, *_ = absorption(model, data, states, ends)
    count = len(terminal.names)
    if count < 2:
        raise ValueError(
            "there is one terminal state only, so no gene can tell fates apart: choose an annotation or terminal groups"
        )
    others = {name: absorption_probabilities(each, state, count) for name, each in other_estimates(model, data).items()}
    every = np.stack([correlations(table, each) for each in (chance, *others.values())])
    size = int(np.isfinite(chance).all(axis=1).sum())
    z, width = np.arctanh(np.clip(every[0], -1 + 1e-9, 1 - 1e-9)), NORMAL / np.sqrt(max(size - 3, 1))
    rank = np.argsort(np.argsort(-every, axis=2), axis=2)
    return FateGenes(
        names=terminal.names,
        genes=genes,
        estimators=(getattr(model, "title", "model"), *others),
        correlation=every[0],
        low=np.tanh(z - width),
        high=np.tanh(z + width),
        counted=(rank < TOP).sum(axis=0),
        notes=(
            f"Pearson correlation over {size:,} cells; the interval is Fisher's, for independent cells: neighbors are "
            "not, so it is too narrow.",
            "A gene that marks a fate goes with it as one that drives it does: only a perturbation tells them apart.",
        ),
    )


def correlations(table: Any, chance: Float[Array, "cells fates"]) -> Float[Array, "fates genes"]:
    """Of each column of the table with each fate, over the cells that have a probability; 0 for a gene or a fate that
    does not vary."""
    kept = np.isfinite(chance).all(axis=1)
    p = chance[kept] - chance[kept].mean(axis=0)
    values = table[kept] if isinstance(table, np.ndarray) else table.tocsr()[np.flatnonzero(kept)].astype(np.float64)
    mean = np.asarray(values.mean(axis=0)).ravel()
    square = np.asarray((values * values).mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(square - np.square(mean), 0.0))
    together = np.asarray(values.T @ p).T / len(p)  # the probabilities are centered, so the mean of a gene falls out
    scale = p.std(axis=0)[:, None] * spread
    return np.divide(together, scale, out=np.zeros_like(together), where=scale > 1e-12)
