"""The kinds of state spaces, and how each is found from cells."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellflow_core.data.spaces import affine, neural, splicing
from cellflow_core.data.state_space import StateSpace


def from_arrays(kind: str, axes: tuple[str, ...], genes: tuple[str, ...], held: Mapping[str, np.ndarray]) -> StateSpace:
    """A stored space, from what its `arrays` gave. Raises ValueError for a kind that is not known."""
    if kind in affine.KINDS:
        return affine.AffineSpace(kind, axes, genes, held.get("mean"), held.get("decoder"))
    if kind in neural.KINDS:
        return neural.NeuralSpace.restored(kind, axes, genes, held)
    if kind == splicing.KIND:
        return splicing.SplicingSpace(kind, axes, genes, scale=held.get("scale"), ratio=held.get("ratio"))
    known = ", ".join((*affine.KINDS, *neural.KINDS, splicing.KIND))
    raise ValueError(f"there is no kind of state space {kind!r}; there are {known}")
