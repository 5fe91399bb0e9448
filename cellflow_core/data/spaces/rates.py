"""Rates of change of genes as velocities of the state, where the state is linear in the genes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
LEAST_GENES = 5
"""With rates of fewer genes nothing is known of the others, and the direction would be theirs alone."""


@dataclass(frozen=True)
class ProjectedRates:
    """Velocities [cells, dim] of a state (state / time).

    known  genes of the space whose rates are known; the others count as unchanging
    kept   share of the squared rates of these genes that the axes of the state can express, 0 to 1
    """

    velocity: Float[Array, "cells dim"]
    known: int
    kept: float


def project_rates(
    space: StateSpace,
    genes: tuple[str, ...],
    rates: Float[Array, "cells k"],
    unspliced_rates: Float[Array, "cells k"] | None = None,
) -> ProjectedRates:
    """Velocity of the state from rates of change of genes, in units of the expression of the space; NaN: not known.

    unspliced_rates  those of the unspliced RNA, which a space of unspliced and spliced RNA needs besides

    Raises ValueError, with a sentence, where the state is no linear map of the genes or too few rates are known.
    """
    if not isinstance(space, AffineSpace) or not space.genes:
        raise ValueError(
            f"velocities of genes can be projected where the state is a linear map of genes (principal components, "
            f"genes, unspliced and spliced RNA), and this one is {space.kind!r}: change the state space first"
        )
    column = {name: k for k, name in enumerate(genes)}
    at = [k for k, each in enumerate(space.genes) if each in column]
    chosen = [column[space.genes[k]] for k in at]
    if isinstance(space, SplicingSpace):
        if unspliced_rates is None:
            raise ValueError(
                "half of the axes are unspliced RNA and only the velocity of the spliced RNA is known: use it in "
                "principal components or genes, or give velocities of both (scVelo's dynamical mode has velocity_u)"
            )
        u, known_u = _spread(unspliced_rates[:, chosen], at, len(space.genes))
        s, known = _spread(rates[:, chosen], at, len(space.genes))
        _check(known & known_u, space)
        return ProjectedRates(space.join(u, s).astype(np.float32), int((known & known_u).sum()), 1.0)
    wide, known = _spread(rates[:, chosen], at, len(space.genes))
    _check(known, space)
    velocity = wide if space.decoder is None else wide @ space.decoder.T
    whole = float(np.square(wide).sum())
    kept = float(np.square(velocity).sum()) / whole if whole > 0 else 1.0
    return ProjectedRates(velocity.astype(np.float32), int(known.sum()), kept)


def _spread(rates: Array, at: list[int], genes: int) -> tuple[Float[Array, "cells genes"], Array]:
    """(rates of all genes of a space, which of them are known): 0 for one that is not known in every cell."""
    known = np.zeros(genes, dtype=bool)
    known[at] = np.isfinite(rates).all(axis=0)
    wide = np.zeros((len(rates), genes))
    wide[:, at] = np.where(known[at], rates, 0.0)
    return wide, known


def _check(known: Array, space: StateSpace) -> None:
    if known.sum() < LEAST_GENES:
        raise ValueError(
            f"the velocity of {int(known.sum())} of {len(space.genes):,} genes of the state is known and at least "
            f"{LEAST_GENES} are needed: make the state from the genes that have a velocity"
        )
