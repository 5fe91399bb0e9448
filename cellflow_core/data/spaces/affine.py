"""State spaces in which every gene is a straight line: principal components, the genes themselves, coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
KINDS = ("pca", "genes", "coordinates")


@dataclass(frozen=True)
class AffineSpace(StateSpace):
    """state = (genes - mean) @ decoder.T, genes = mean + state @ decoder; exact on what the state can express.

    kind     "pca" (axes are principal components of the genes), "genes" (axes are the genes themselves) or
             "coordinates" (axes are columns of a table; no gene can be reached)
    mean     [genes], decoder [dim, genes]: for "pca" the mean and the loadings, whose rows are orthonormal
    """

    mean: Float[Array, " genes"] | None = None
    decoder: Float[Array, "dim genes"] | None = None

    @staticmethod
    def of_genes(genes: tuple[str, ...]) -> AffineSpace:
        """The genes themselves as axes."""
        return AffineSpace("genes", genes, genes)

    @staticmethod
    def coordinates(axes: tuple[str, ...]) -> AffineSpace:
        """Columns of a table that no gene can be read from."""
        return AffineSpace("coordinates", axes)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"an affine space is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.kind == "pca":
            shape = (len(self.axes), len(self.genes))
            if self.mean is None or self.decoder is None or self.decoder.shape != shape:
                found = None if self.decoder is None else self.decoder.shape
                raise ValueError(
                    f"a pca space of {shape[0]} axes needs a mean and a decoder of shape {shape}, got {found}"
                )

    def encode(self, genes: Float[Array, "cells genes"]) -> Float[Array, "cells dim"]:
        if self.kind == "genes":
            return genes
        mean, decoder = self._loadings()
        return (genes - mean) @ decoder.T

    def decode(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        if self.kind == "genes":
            return x
        mean, decoder = self._loadings()
        return mean + x @ decoder

    def pushforward(self, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        return v if self.kind == "genes" else v @ self._loadings()[1]

    def gene(self, name: str) -> tuple[Float[Array, " dim"], float]:
        """The gene as an affine function of the state, expression = x @ weight + offset, as (weight, offset).

        Raises KeyError, with a sentence, where the space does not hold the gene.
        """
        at = self.index(name)
        if self.decoder is None or self.mean is None:
            return np.eye(1, self.dim, at)[0], 0.0
        return self.decoder[:, at], float(self.mean[at])

    def value_and_gradient(
        self, x: Float[Array, "cells dim"], gene: str
    ) -> tuple[Float[Array, " cells"], Float[Array, "cells dim"]]:
        weight, _ = self.gene(gene)
        return self.expression(x, gene), np.broadcast_to(weight.astype(x.dtype), x.shape)

    def expression(self, x: Float[Array, "cells dim"], gene: str) -> Float[Array, " cells"]:
        weight, offset = self.gene(gene)
        return x @ weight.astype(x.dtype) + offset

    def gene_std(self, x: Float[Array, "cells dim"]) -> Float[Array, " genes"]:
        """As if the axes were uncorrelated, which principal components of these cells are."""
        spread = np.square(x.std(axis=0, dtype=np.float64))
        return np.sqrt(spread if self.decoder is None else spread @ np.square(self.decoder))

    def arrays(self) -> Mapping[str, Array | None]:
        return {"mean": self.mean, "decoder": self.decoder}

    def _loadings(self) -> tuple[Float[Array, " genes"], Float[Array, "dim genes"]]:
        if self.mean is None or self.decoder is None:
            raise ValueError(self.no_genes)
        return self.mean, self.decoder
