"""Where transitions between measured cells lead in the long run, and where they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool

from cellflow_core.math.markov_chains.absorption import long_run

Array = np.ndarray
HELD = 0.9
"""Share of the mass whose cells, with those they go to, are ends."""


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
