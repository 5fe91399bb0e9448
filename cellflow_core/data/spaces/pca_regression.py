"""Networks between principal components of genes and a state: what the diffusion and the geodesic space are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.fitting import after, before, encoded, layers_of
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.data.spaces.pca import principal

if TYPE_CHECKING:
    from torch.nn import Sequential

Array = np.ndarray
COMPONENTS = 50


@dataclass(frozen=True)
class Scores:
    """Cells in the leading principal components of their genes, all divided by one number so that they are about 1.

    The components are those of the cells that are learnt from; the others are only looked at through them.

    s  [cells, components], space: the components, unit: that number (expression)
    """

    s: Float[Array, "cells components"]
    space: AffineSpace
    unit: float

    @classmethod
    def of(cls, table: Any, genes: tuple[str, ...], held_out: Bool[Array, " cells"]) -> Scores:
        """Of a numpy or CSR table [cells, genes]; `held_out`: the cells that are not learnt from."""
        found = principal(table[np.flatnonzero(~held_out)], genes, min(COMPONENTS, len(genes)))
        assert isinstance(found.space, AffineSpace)
        unit = float(np.sqrt(found.state.var(axis=0, dtype=np.float64).max())) or 1.0
        return cls((encoded(found.space, table) / unit).astype(np.float32), found.space, unit)

    def space_of(
        self, kind: str, axes: tuple[str, ...], encoder: Sequential, decoder: Sequential, turn: Array, shift: Array
    ) -> NeuralSpace:
        """The space of an encoder from scores to z and a decoder back, with x = z @ turn + shift as its state.

        Components and units become part of the first and the last layer.
        """
        mean, loadings = self.space.mean, self.space.decoder
        assert mean is not None and loadings is not None
        to_scores = loadings.T.astype(np.float64) / self.unit
        inner = after(layers_of(encoder), to_scores, -mean @ to_scores)
        back = np.linalg.inv(turn)
        outer = after(layers_of(decoder), back, -shift @ back)
        return NeuralSpace(
            kind,
            axes,
            self.space.genes,
            before(inner, turn, shift),
            before(outer, loadings * self.unit, mean.astype(np.float64)),
        )
