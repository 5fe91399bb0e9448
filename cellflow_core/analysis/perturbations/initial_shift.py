"""Start cells with one gene changed, and nothing held afterwards: the perturbation of PRESCIENT.

Yeo, Saksena & Gifford, Nature Communications 2021, doi:10.1038/s41467-021-23518-w: before a simulation the scaled
expression of a gene is set to a score z in every start cell (about -5 for a loss, +5 for a gain), and the changed
profile is taken to the state space. With mean m and standard deviation s of the gene over all cells

    x' = x + encode(e with the gene at m + z s) - encode(e),    e = decode(x)

The published program changes the measured profile; here e, m and s are what the model's state tells, for the gene that
is asked about and for those it is compared with alike, and a change of none leaves the cell where it is. In principal
components one gene among thousands moves a cell by its loadings only, which is far less than holding its level.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray


def shifted(data: Snapshots, gene: str, score: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
    """x' above, of states x. score: in standard deviations of the gene over all cells of `data`, from their mean.

    Raises KeyError where the space does not hold the gene, ValueError where its expression is the same in all cells.
    """
    space = data.space
    read = space.expression(data.x, gene)
    spread = float(read.std())
    if not spread > 1e-9 * float(np.abs(read).max()):
        raise ValueError(f"{gene} is the same in all cells as their state tells it, so it has no score to be set to")
    before = space.decode(x)
    after = before.copy()
    after[:, space.index(gene)] = float(read.mean()) + score * spread
    return (x + space.encode(after) - space.encode(before)).astype(x.dtype)
