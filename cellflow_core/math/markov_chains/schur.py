"""The slow part of a Markov chain: an orthonormal basis of its leading invariant subspace, without a dense matrix.

The columns of a partial real Schur decomposition P X = X R span the right eigenvectors of the eigenvalues nearest to
one. They are found by the implicitly restarted Arnoldi method (Lehoucq, Sorensen & Yang 1998) and made orthonormal;
unlike eigenvectors they stay well apart where the chain is far from reversible (Reuter et al. 2018).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Complex, Float

Array = np.ndarray
DENSE = 500
"""Cells up to which all eigenvectors are computed."""
KRYLOV = 60
"""Vectors of the Krylov space, at least."""
PAIR = 1e-9
"""Imaginary part below which an eigenvalue counts as real."""
INVARIANT = 1e-6
"""Largest root mean square of P X - X R."""


class SlowSubspace(NamedTuple):
    """values: eigenvalues of largest real part, the largest first, pairs of conjugates beside each other; basis:
    orthogonal columns with mean square one, the first of ones: the first m of them span an invariant subspace wherever
    m parts no pair."""

    values: Complex[Array, " states"]
    basis: Float[Array, "cells states"]

    def parts_a_pair(self, count: int) -> bool:
        """Whether the first `count` eigenvalues hold one of a pair of conjugates without the other."""
        return 0 < count < len(self.values) and bool(
            self.values[count - 1].imag > PAIR and np.isclose(self.values[count - 1], self.values[count].conj())
        )

    def projected(self, transitions: Any, count: int) -> Float[Array, "count count"]:
        """R of the first `count` columns."""
        x = self.basis[:, :count]
        return x.T @ (transitions @ x) / len(x)


def slow_subspace(transitions: Any, count: int, seed: int = 0) -> SlowSubspace:
    """The invariant subspace of up to `count` eigenvalues of largest real part: one fewer where the last would part a
    pair, and at most the number of cells.

    transitions  scipy.sparse [cells, cells], rows sum to one
    Raises ValueError where it is not found to INVARIANT, and for fewer than three cells.
    """
    cells = transitions.shape[0]
    if cells < 3:
        raise ValueError(f"{cells} cells have no slow states: at least 3 are needed")
    count = min(count, cells)
    values, vectors = _eigenvectors(transitions, count, seed)
    order = np.lexsort((-values.imag, -np.round(values.real, 12)))
    values, columns, kept = values[order], [], []
    for k, column in zip(order, values, strict=True):
        if abs(column.imag) <= PAIR:
            columns.append(vectors[:, k].real)
            kept.append(column)
        elif column.imag > 0:
            if len(kept) + 2 > count:
                break
            columns += [vectors[:, k].real, vectors[:, k].imag]
            kept += [column, column.conj()]
        if len(kept) >= count:
            break
    found = SlowSubspace(np.array(kept, dtype=complex), _orthonormal(np.stack(columns, axis=1)))
    lost = transitions @ found.basis - found.basis @ found.projected(transitions, len(kept))
    if np.sqrt(np.square(lost).mean()) > INVARIANT:
        raise ValueError(
            "the slow states of the transitions were not found, since the chain hardly ever goes back: mix in "
            "transitions to any neighbor, as the model cellrank does"
        )
    return found


def _eigenvectors(transitions: Any, count: int, seed: int) -> tuple[Array, Array]:
    cells = transitions.shape[0]
    if cells <= DENSE:
        values, vectors = (np.asarray(each, complex) for each in np.linalg.eig(transitions.toarray()))
        largest = np.argsort(-np.real(values), kind="stable")[: count + 1]
        return values[largest], vectors[:, largest]
    from scipy.sparse.linalg import eigs

    begin = np.random.default_rng(seed).normal(size=cells)
    krylov = min(max(3 * count, KRYLOV), cells - 1)
    found: Any = eigs(transitions.astype(np.float64), k=count + 1, which="LR", v0=begin, ncv=krylov, maxiter=10_000)
    return found


def _orthonormal(columns: Float[Array, "cells states"]) -> Float[Array, "cells states"]:
    """Columns of the same span, the first of ones, which is in it; each the part of one column that is new."""
    scaled = columns / np.linalg.norm(columns, axis=0)
    whole = np.column_stack([np.ones(len(columns)) / np.sqrt(len(columns)), scaled])
    old = 1 + int(np.abs(np.diag(np.linalg.qr(whole)[1])[1:]).argmin())  # the constant one is among the columns too
    q = np.linalg.qr(np.delete(whole, old, axis=1))[0]
    return q * np.sqrt(len(columns)) * np.sign(q[0, 0])
