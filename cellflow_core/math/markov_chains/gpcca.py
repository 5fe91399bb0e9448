"""Macrostates of a Markov chain: generalised Perron cluster cluster analysis (GPCCA).

Reuter, Weber, Fackeldey, Röblitz & Garcia, J. Chem. Theory Comput. 14:3579, 2018, doi:10.1021/acs.jctc.8b00079; Reuter,
Fackeldey & Weber, J. Chem. Phys. 150:174103, 2019, doi:10.1063/1.5064530. With X the leading Schur vectors of P (see
schur.py), memberships of the cells in m macrostates are

    chi = X A,    chi >= 0,    rows sum to one,    maximising trace(D^-1 chi' chi),  D = diag(chi' 1):

as crisp as they can be. A begins with the inner simplex algorithm (Weber & Galliat 2002; Deuflhard & Weber 2005). What
is maximised is sum_j |A_j|^2 / A_1j, convex in A, over a polytope, so it has its maxima at vertices: ours goes from
vertex to vertex by linear programs, each along the gradient at the last (the published search has no gradients). All
cells weigh the same. The chain among macrostates is (chi' chi)^-1 chi' P chi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from cellflow_core.math.markov_chains.schur import SlowSubspace, slow_subspace

Array = np.ndarray
MOST = 12
"""Macrostates that are looked for at most."""
STABLE = 0.96
"""Probability of the coarse chain to stay from which on a macrostate counts as stable (Lange et al. 2022)."""
LONG = 100
"""Multiples of the longest time scale of the motion within macrostates, 1 / (1 - eigenvalue after the gap)."""
MOST_STEPS = 10**7
KEEPS = 0.5
"""Part of its share of the cells that a terminal state has at least after that time."""
ROUNDS = 100
"""Linear programs at most."""
ACCURACY = 1e-9
"""Gain in crispness below which A rests."""
EMPTY = 1e-9
"""Share of the cells below which a macrostate has none."""
VIOLATED = 1e-9
"""How negative a membership may be."""


@dataclass(frozen=True)
class Macrostates:
    """membership  of each cell in each state, 0 to 1, rows sum to one
    coarse      transitions between the states in one step, rows sum to one; may be slightly negative
    share       of the cells in each
    filled      share of the chain in each, begun in all cells alike, after a time that is long (LONG) for all motion
                but that between macrostates
    crispness   trace(D^-1 chi' chi) / m, 1 where every cell is in one state
    values      leading eigenvalues of the chain
    """

    membership: Float[Array, "cells states"]
    coarse: Float[Array, "states states"]
    share: Float[Array, " states"]
    filled: Float[Array, " states"]
    crispness: float
    values: Complex[Array, " values"]

    @property
    def terminal(self) -> Bool[Array, " states"]:
        """States that a chain stays in (STABLE) and does not leave for good (KEEPS), as it does those it begins in."""
        return (np.diag(self.coarse) >= STABLE) & (self.filled > KEEPS * self.share)

    @property
    def stationary(self) -> Float[Array, " states"]:
        """Share of the time that the coarse chain spends in each state in the long run; sums to one."""
        values, vectors = np.linalg.eig(self.coarse.T)
        found = np.abs(np.real(vectors[:, np.real(values).argmax()]))
        return found / found.sum()

    @property
    def initial(self) -> int | None:
        """The state that the process begins in: that of smallest stationary probability (Lange et al. 2022) among those
        that are not terminal; None where all are."""
        left = np.flatnonzero(~self.terminal)
        return int(left[self.stationary[left].argmin()]) if len(left) else None


def macrostates(transitions: Any, count: int = 0, seed: int = 0) -> Macrostates:
    """The macrostates of a chain, scipy.sparse [cells, cells], rows sum to one.

    count  how many; 0: as many as eigenvalues before the largest gap, each gap less the distance of the eigenvalue
           before it from one (Lange et al. 2022), two at least
    Raises ValueError where `count` parts a pair of conjugate eigenvalues or is too large, or the chain has several
    closed sets of cells that it never leaves.
    """
    check_one_closed_set(transitions)
    space = slow_subspace(transitions, (count or MOST) + 1, seed)
    wanted = count or by_gap(space)
    if wanted > len(space.values) or space.parts_a_pair(wanted):
        raise ValueError(f"{wanted} macrostates part a pair of conjugate eigenvalues: take one more, or one fewer")
    x = space.basis[:, :wanted]
    a = rotation(x)
    chi = np.clip(x @ a, 0, 1)
    chi /= chi.sum(axis=1, keepdims=True)
    if chi.sum(axis=0).min() < EMPTY * len(chi):
        raise ValueError(f"the chain has fewer than {wanted} macrostates: take fewer")
    coarse = np.linalg.solve(chi.T @ chi, chi.T @ (transitions @ chi))
    fast = float(np.clip(space.values[min(wanted, len(space.values) - 1)].real, 0, 1 - 1 / MOST_STEPS))
    share = chi.mean(axis=0)
    filled = share @ np.linalg.matrix_power(coarse, int(LONG / (1 - fast)))
    return Macrostates(chi, coarse, share, filled, crispness(a), space.values)


def check_one_closed_set(transitions: Any) -> None:
    """Raises ValueError where the chain has more than one set of cells that it never leaves again."""
    from scipy.sparse.csgraph import connected_components

    count, part = connected_components(transitions, connection="strong")
    table = transitions.tocoo()
    leaves = np.unique(part[table.row][part[table.row] != part[table.col]])
    closed = np.setdiff1d(np.arange(count), leaves)
    if len(closed) > 1:
        sizes = sorted(np.bincount(part)[closed].tolist(), reverse=True)
        raise ValueError(
            f"the chain never leaves {len(closed)} sets of cells ({', '.join(f'{each:,}' for each in sizes[:5])}"
            f"{' ...' if len(sizes) > 5 else ''}), so it has no macrostates: mix in transitions to any neighbor, "
            "as the model cellrank does"
        )


def by_gap(space: SlowSubspace) -> int:
    """Number of macrostates by the eigenvalues: see `macrostates`."""
    value = space.values.real
    score = value[:-1] - value[1:] - (1 - value[:-1])
    score[0] = -np.inf
    for k in range(1, len(score)):
        if space.parts_a_pair(k + 1):
            score[k] = -np.inf
    return int(score.argmax()) + 1


def rotation(x: Float[Array, "cells states"]) -> Float[Array, "states states"]:
    """A of the crispest memberships x A, for orthogonal columns x with mean square one, the first of ones."""
    corners = inner_simplex(x)
    a = feasible(np.linalg.inv(x[corners]), x)
    rows = np.unique(corners)
    for _ in range(ROUNDS):
        slope = 2 * a / np.maximum(a[0], EMPTY)
        slope[0] -= np.square(slope / 2).sum(axis=0)
        better, rows = _best_vertex(slope, x, rows)
        if crispness(better) <= crispness(a) + ACCURACY:
            break
        a = better
    return feasible(a, x)


def crispness(a: Float[Array, "states states"]) -> float:
    """trace(D^-1 chi' chi) / m of the memberships x A."""
    return float((np.square(a).sum(axis=0) / np.maximum(a[0], EMPTY)).sum() / len(a))


def inner_simplex(x: Float[Array, "cells states"]) -> Int[Array, " states"]:
    """Cells that span a large simplex: each the farthest from the plane through those before it."""
    found = [int(np.square(x).sum(axis=1).argmax())]
    left = x - x[found[0]]
    for _ in range(1, x.shape[1]):
        size = np.linalg.norm(left, axis=1)
        found.append(int(size.argmax()))
        unit = left[found[-1]] / size[found[-1]]
        left = left - np.outer(left @ unit, unit)
    return np.array(found)


def feasible(a: Float[Array, "states states"], x: Float[Array, "cells states"]) -> Float[Array, "states states"]:
    """The nearest-by A whose memberships are not negative and sum to one: its first column and first row follow from
    the others, which keep their proportions."""
    a = a.copy()
    a[1:, 0] = -a[1:, 1:].sum(axis=1)
    a[0] = -(x[:, 1:] @ a[1:]).min(axis=0)
    return a / a[0].sum()


def _best_vertex(slope: Array, x: Array, rows: Array) -> tuple[Array, Array]:
    """(the feasible A of largest sum(slope A), cells whose memberships had to be held above 0 for it): a linear
    program, to which violated constraints are added until there are none."""
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, eye_array, hstack

    states = len(slope)
    whole = hstack([eye_array(states)] * states)
    one = np.r_[1.0, np.zeros(states - 1)]
    while True:
        held = block_diag([-x[rows]] * states, format="csr")
        found = linprog(-slope.T.ravel(), held, np.zeros(held.shape[0]), whole, one, bounds=(None, None))
        if found.x is None:
            raise RuntimeError(f"macrostates were not found: {found.message}")
        a = found.x.reshape(states, states).T
        memberships = x @ a
        worst = memberships.argmin(axis=0)[memberships.min(axis=0) < -VIOLATED]
        new = np.setdiff1d(worst, rows)
        if not len(new):
            return a, rows
        rows = np.union1d(rows, new)
