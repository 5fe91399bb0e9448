"""Where transitions between measured cells lead in the long run, and where they come from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from cellflow_core.analysis.terminal_states import named
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.markov_chains.absorption import long_run
from cellflow_core.math.markov_chains.gpcca import STABLE, Macrostates, macrostates

Array = np.ndarray
HELD = 0.9
"""Share of the mass whose cells, with those they go to, are ends."""
MACROSTATES = "macrostates"
"""What terminal states are called that are macrostates of the chain."""
CRISP = 0.8
"""Crispness below which macrostates are so mixed that neither they nor the beginning mean much."""
CELLS = 30
"""Cells of largest membership that stand for a macrostate (Lange et al. 2022)."""


class MacrostateEnds(NamedTuple):
    """state: terminal macrostate of the cells that stand for one, -1 for all others; initial: cells that stand for the
    one that the process begins in, none where all are terminal; notes for the reader."""

    state: Int[Array, " cells"]
    initial: Bool[Array, " cells"]
    notes: tuple[str, ...]


def macrostate_count(states: str) -> int | None:
    """Number of macrostates that "macrostates 4" asks for; 0 by the eigenvalues, "macrostates"; None: other states."""
    word, _, count = states.partition(" ")
    return int(count or 0) if word == MACROSTATES and (not count or count.isdecimal()) else None


def macrostate_ends(transitions: Any, data: Snapshots, count: int = 0) -> MacrostateEnds:
    """Terminal macrostates: those that the chain stays in and does not empty; and the one that it begins in.

    count  how many macrostates; 0: by the eigenvalues
    Raises ValueError where none is terminal, or the chain has no such macrostates.
    """
    found = macrostates(transitions, count)
    number, ends = found.membership.shape[1], np.flatnonzero(found.terminal)
    if not len(ends):
        stays = ", ".join(f"{each:.2f}" for each in np.diag(found.coarse))
        raise ValueError(
            f"none of the {number} macrostates of the transitions is terminal (they stay with {stays}): ask for "
            "another number of them, or choose an annotation and its terminal groups"
        )
    group, own = np.full(len(found.membership), -1), found.membership.argmax(axis=1)
    for k in range(number):
        nearest = np.argsort(-found.membership[:, k], kind="stable")[:CELLS]
        group[nearest[own[nearest] == k]] = k
    rank = {int(end): k for k, end in enumerate(ends[np.argsort(-found.filled[ends], kind="stable")])}
    state = np.array([rank.get(int(k), -1) for k in group])
    return MacrostateEnds(state, group == (-2 if found.initial is None else found.initial), _words(found, data, group))


def _words(found: Macrostates, data: Snapshots, group: Int[Array, " cells"]) -> tuple[str, ...]:
    """How many macrostates there are and why, which are terminal, and which is the beginning."""
    count, chosen = found.membership.shape[1], group >= 0
    names = named(data, chosen, group[chosen], "macrostate") if len(np.unique(group[chosen])) == count else None
    names = names or [f"macrostate {k + 1}" for k in range(count)]
    values = ", ".join(f"{each:.3f}" for each in found.values.real[: count + 3])
    listed = "; ".join(
        f"{name}: stays with {found.coarse[k, k]:.2f}, in the long run {found.stationary[k]:.1%} of the time"
        f"{', terminal' if found.terminal[k] else ''}"
        for k, name in enumerate(names)
    )
    begins = (
        "All are terminal, so none is the beginning: ask for more of them."
        if found.initial is None
        else f"The process begins in {names[found.initial]}, the macrostate that the chain is in least in the long run."
    )
    if found.crispness < CRISP:
        begins += f" A crispness below {CRISP} says that another number of macrostates may fit better: try some."
    return (
        f"The transitions have {count} macrostates (GPCCA, crispness {found.crispness:.2f}; leading eigenvalues "
        f"{values}). {listed}.",
        f"Terminal are those that stay with at least {STABLE} and do not empty: the {CELLS} likeliest cells of each "
        f"absorb. {begins}",
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
