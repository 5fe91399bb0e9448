"""Markov chains over cells: where they are absorbed, and where they settle. Sparse throughout, solved by iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

Array = np.ndarray
TOLERANCE = 1e-6
"""Relative residual of the linear system, as in CellRank (Lange et al. 2022)."""
SETTLED = 1e-4
"""Mass that may still move between two doublings of the time, so that a distribution counts as settled."""
REACHED = 0.5
"""Probability to be absorbed at all from which on a cell counts as one that reaches an absorbing cell."""
PATIENCE = 1e9
"""Steps after which a cell is no longer followed, on average: it keeps the system from being singular."""
FACTORS = ((1e-2, 2.0), (1e-4, 20.0))
"""(drop tolerance, fill) of the incomplete factors that help the solver: the next ones once it does not converge."""
LONGEST = 2**13
"""Most steps for which a distribution is followed."""


def absorption_probabilities(
    transitions: Any, state: Int[Array, " cells"], count: int
) -> Float[Array, "cells absorbing"]:
    """Probability of each cell to reach absorbing state k first: B of (I - Q) B = R (Kemeny & Snell 1960, 3.5).

    transitions  scipy.sparse CSR [cells, cells], rows sum to one
    state        absorbing state of each cell, 0 to count - 1; -1 for a cell that moves on

    Rows sum to one: given that the cell is absorbed. They are NaN for cells that are less likely than REACHED to be
    absorbed within PATIENCE steps.
    Raises ValueError where no cell absorbs, and RuntimeError where the solver does not converge.
    """
    absorbing = state >= 0
    found = np.full((len(state), count), np.nan)
    found[absorbing] = np.eye(count)[state[absorbing]]
    moving = _moving(transitions, absorbing)
    if not len(moving):
        return found
    leaving = transitions[moving]
    solved = _solver(_left(leaving, moving))
    for k in range(count):
        right = np.asarray(leaving[:, np.flatnonzero(state == k)].sum(axis=1)).ravel()
        if not right.any():
            found[moving, k] = 0.0
            continue
        solution = solved(right)
        if solution is None:
            raise RuntimeError(f"absorption probabilities of state {k} did not converge")
        found[moving, k] = np.clip(solution, 0, 1)
    # Mass can leave the reached cells for others, which lead nowhere: given that it is absorbed, rows sum to one.
    whole = found[moving].sum(axis=1, keepdims=True)
    found[moving] = np.where(whole >= REACHED, found[moving] / np.maximum(whole, REACHED), np.nan)
    return found


def mean_first_passage(
    transitions: Any, absorbing: Bool[Array, " cells"], reached: Bool[Array, " cells"]
) -> Float[Array, " cells"] | None:
    """Mean number of steps of each cell to the first absorbing one: tau of (I - Q) tau = 1 (Kemeny & Snell 1960, 3.3).

    reached  cells that count as ones that are absorbed; NaN for all others. Where some of the mass never is, steps
             count until it is where nothing absorbs.
    None where the solver does not converge. Raises ValueError where no cell absorbs.
    """
    found = np.where(absorbing, 0.0, np.nan)
    moving = _moving(transitions, absorbing)
    if len(moving):
        steps = _solver(_left(transitions[moving], moving))(np.ones(len(moving)))
        if steps is None:
            return None
        found[moving] = steps
    return np.where(reached, found, np.nan)


def _moving(transitions: Any, absorbing: Bool[Array, " cells"]) -> Int[Array, " moving"]:
    """Cells that do not absorb, and from which one that does can be reached. Raises ValueError where none absorbs."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order

    if not absorbing.any():
        raise ValueError("no cell belongs to a terminal state, so no cell can reach one: choose other terminal states")
    cells = len(absorbing)
    source = csr_array(absorbing.astype(float)[None])
    back = _with_source(csr_array(transitions.T), source)
    found = np.zeros(cells + 1, bool)
    found[breadth_first_order(back, cells, return_predecessors=False)] = True
    return np.flatnonzero(found[:cells] & ~absorbing)


def _left(leaving: Any, moving: Int[Array, " moving"]) -> Any:
    """I - Q of the moving cells, whose transitions are `leaving`, as scipy.sparse CSC."""
    from scipy.sparse import eye_array

    return (eye_array(len(moving)) - (1 - 1 / PATIENCE) * leaving[:, moving]).tocsc()


def _solver(system: Any) -> Callable[[Array], Array | None]:
    """The solution of a system in CSC with a right side, by GMRES; None where it does not converge."""
    from scipy.sparse.linalg import LinearOperator, gmres, spilu

    factors: list[Any] = []

    def solved(right: Array) -> Array | None:
        for k in range(max(len(factors) - 1, 0), len(FACTORS)):
            if k == len(factors):
                drop, fill = FACTORS[k]
                # pivots stay on the diagonal, the largest of its row: others may leave a factor without an inverse
                inverse = spilu(system, drop_tol=drop, fill_factor=fill, diag_pivot_thresh=0.0)
                factors.append(LinearOperator(system.shape, inverse.solve))
            solution, failed = gmres(system, right, M=factors[k], rtol=TOLERANCE / 100, restart=50, maxiter=100)
            if not failed:
                return solution
        return None

    return solved


def long_run(transitions: Any) -> Float[Array, " cells"]:
    """Share of the time that a chain spends in each cell in the long run, begun in all cells alike; sums to one.

    Half of the mass stays in every step, which leaves the answer and takes away oscillations.
    """
    from scipy.sparse import eye_array

    step = ((transitions + eye_array(transitions.shape[0])) / 2).T.tocsr()
    mass = np.full(transitions.shape[0], 1 / transitions.shape[0])
    steps, taken = 16, 0
    while taken < LONGEST:
        before = mass
        for _ in range(steps):
            mass = step @ mass
        taken, steps = taken + steps, taken + steps
        if np.abs(mass - before).sum() < SETTLED:
            break
    return mass / mass.sum()


def _with_source(graph: Any, source: Any) -> Any:
    """A graph with one more node, the last, that leads to the nodes of `source` [1, nodes]."""
    from scipy.sparse import block_array, csr_array

    return csr_array(block_array([[graph, None], [source, csr_array((1, 1))]], format="csr"))
