"""Which genes push undecided cells towards a fate, by the derivatives of the velocity.

With c_k the mean state of the cells of terminal state k and u_k the unit vector to it from the mean of the others,
the velocity towards k is u_k . f(x), and a gene g with loadings w_g and standard deviation s_g changes it by

    s_g (u_k^T J w_g - (u_k . w_g) (w_g^T J w_g) / (w_g . w_g)),

J the Jacobian of f (Qiu et al. 2022, doi:10.1016/j.cell.2021.12.045); the last term is what the gene does to itself.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.regulation.jacobian import jacobians, loadings, some_cells, spreads
from cellflow_core.analysis.results import FateInfluence
from cellflow_core.analysis.transitions.fates import absorption
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.plural import counted

Array = np.ndarray
MOST_GENES = 2000


def fate_influence(model: Model, data: Snapshots, states: str = "", ends: tuple[str, ...] = ()) -> FateInfluence:
    """For each fate and gene, over the cells that are in no terminal state.

    states, ends: as in `transition_fates`
    Raises ValueError, with a sentence, where there are fewer than two fates, no field, or axes that are no genes.
    """
    terminal, state, *_ = absorption(model, data, states, ends)
    count = len(terminal.names)
    if count < 2:
        raise ValueError("there is one terminal state only, so no direction leads from one fate to another")
    genes = data.space.genes
    if len(genes) > MOST_GENES:
        first = np.sort(np.argsort(-data.space.gene_std(data.x), kind="stable")[:MOST_GENES])
        genes = tuple(genes[k] for k in first)
    moving, w, spread = dynamics(model), loadings(data, genes), spreads(data, genes)
    direction = _directions(np.stack([data.x[state == k].mean(axis=0) for k in range(count)]))
    rows = some_cells(state < 0 if (state < 0).any() else np.ones(len(state), bool))
    blocks = [_changes(block.astype(np.float64), direction, w) for block in jacobians(moving, data, rows)]
    change = np.concatenate(blocks) * spread
    if not change.any():
        raise ValueError(
            f"the field of {moving.title} is constant in steps: its derivatives are 0, and say nothing of genes"
        )
    low, high = np.quantile(change, (0.1, 0.9), axis=0)
    whose = "undecided cells" if (state < 0).any() else "cells, all of which are in a terminal state"
    return FateInfluence(
        names=terminal.names,
        genes=genes,
        unit=f"state / {data.time_unit or 'time unit'}",
        influence=change.mean(axis=0),
        low=low,
        high=high,
        notes=(
            f"Influence: change of the velocity towards the fate when the gene rises by one standard deviation, mean "
            f"and 10 % to 90 % of {counted(len(rows), 'cell')} ({whose}). What a gene does to itself is left out.",
        ),
    )


def _directions(centers: Float[Array, "fates dim"]) -> Float[Array, "fates dim"]:
    """Unit vectors from the mean of the other terminal states to each."""
    count = len(centers)
    others = (centers.sum(axis=0) - centers) / (count - 1)
    found = centers.astype(np.float64) - others
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, length, out=np.zeros_like(found), where=length > 0)


def _changes(
    jacobian: Float[Array, "cells dim dim"], u: Float[Array, "fates dim"], w: Float[Array, "dim genes"]
) -> Float[Array, "cells fates genes"]:
    """Of the velocity towards each fate, by a gene that rises by one, without what the gene does to itself."""
    whole = np.einsum("kd,cde->cke", u, jacobian) @ w
    own = np.einsum("dg,cdg->cg", w, jacobian @ w) / np.maximum(np.square(w).sum(axis=0), 1e-30)
    return whole - own[:, None] * (u @ w)
