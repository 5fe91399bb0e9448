"""Where transitions between measured cells lead in the long run, and where they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from cellflow_core.math.markov_chains.absorption import long_run
from cellflow_core.math.markov_chains.gpcca import STABLE, macrostates

Array = np.ndarray
HELD = 0.9
"""Share of the mass whose cells, with those they go to, are ends."""
MACROSTATES = "macrostates"
"""What terminal states are called that are macrostates of the chain."""
CELLS = 30
"""Cells of largest membership that stand for a macrostate (Lange et al. 2022)."""


def macrostate_ends(transitions: Any) -> tuple[Int[Array, " cells"], tuple[str, ...]]:
    """(terminal macrostate of the cells that stand for one, -1 for all others; notes for the reader).

    Terminal are macrostates that the chain stays in and does not empty. Raises ValueError where there is
    none, or the chain has no macrostates.
    """
    found = macrostates(transitions)
    count, ends = found.membership.shape[1], np.flatnonzero(found.terminal)
    stays = ", ".join(f"{each:.2f}" for each in np.diag(found.coarse))
    if not len(ends):
        raise ValueError(
            f"none of the {count} macrostates of the transitions is terminal (they stay with {stays}): choose an "
            "annotation and its terminal groups"
        )
    state, own = np.full(len(found.membership), -1), found.membership.argmax(axis=1)
    for k, end in enumerate(ends[np.argsort(-found.filled[ends], kind="stable")]):
        nearest = np.argsort(-found.membership[:, end], kind="stable")[:CELLS]
        state[nearest[own[nearest] == end]] = k
    gap = found.values[count - 1].real
    return state, (
        f"The transitions have {count} macrostates (GPCCA; the gap is after eigenvalue {gap:.3f}, crispness "
        f"{found.crispness:.2f}), in which they stay with the probabilities {stays}. The {len(ends)} that stay with at "
        f"least {STABLE}, and do not empty, are terminal: the {CELLS} likeliest cells of each absorb.",
    )


def settled_cells(transitions: Any) -> Bool[Array, " cells"]:
    """Cells that a chain begun in all cells alike has settled in, and the cells that these go to."""
    mass = long_run(transitions)
    order = np.argsort(-mass, kind="stable")
    held = order[: np.searchsorted(np.cumsum(mass[order]), HELD) + 1]
    found = np.zeros(len(mass), bool)
    found[held] = True
    found[transitions[held].indices] = True
    return found


def root_cells(transitions: Any) -> Bool[Array, " cells"]:
    """Cells that the chain comes from: where reversed transitions, rows scaled to one, settle (Bergen et al. 2020)."""
    from scipy.sparse import csr_array, diags_array

    back = csr_array(transitions.T)
    total = np.asarray(back.sum(axis=1)).ravel()
    stays = csr_array(diags_array((total <= 0).astype(float)))
    scaled = csr_array(diags_array(1 / np.where(total > 0, total, 1.0)) @ back + stays)
    return settled_cells(scaled)
