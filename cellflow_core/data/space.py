"""What the axes of a state are, and the way from genes to state and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Array = np.ndarray


@dataclass(frozen=True)
class StateSpace:
    """An affine state space: state = (genes - mean) @ encoder, genes = mean + state @ decoder.

    kind      "pca" (axes are principal components of the genes), "genes" (axes are the genes themselves) or
              "coordinates" (axes are columns of a table; no gene can be reached)
    axes      name of each axis, [dim]
    genes     names that encode and decode speak of, [genes]; empty for "coordinates"
    mean      [genes]
    decoder   [dim, genes]; for "pca" the loadings with orthonormal rows, so the encoder is its transpose
    """

    kind: Literal["pca", "genes", "coordinates"]
    axes: tuple[str, ...]
    genes: tuple[str, ...] = ()
    mean: Float[Array, " genes"] | None = None
    decoder: Float[Array, "dim genes"] | None = None

    def __post_init__(self) -> None:
        if self.kind == "pca":
            shape = (len(self.axes), len(self.genes))
            if self.mean is None or self.decoder is None or self.decoder.shape != shape:
                found = None if self.decoder is None else self.decoder.shape
                raise ValueError(
                    f"a pca space of {shape[0]} axes needs a mean and a decoder of shape {shape}, got {found}"
                )

    @classmethod
    def of_genes(cls, genes: tuple[str, ...]) -> StateSpace:
        """The genes themselves as axes."""
        return cls("genes", genes, genes)

    @classmethod
    def coordinates(cls, axes: tuple[str, ...]) -> StateSpace:
        """Columns of a table that no gene can be read from."""
        return cls("coordinates", axes)

    @property
    def dim(self) -> int:
        return len(self.axes)

    def encode(self, genes: Float[Array, "cells genes"]) -> Float[Array, "cells dim"]:
        """State of each expression profile. Exact on what the state can express: encode(decode(x)) == x."""
        if self.kind == "genes":
            return genes
        if self.decoder is None or self.mean is None:
            raise ValueError(self._no_genes())
        return (genes - self.mean) @ self.decoder.T

    def decode(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        """Expression of each state, in the units the space was made from (most often log-normalised counts)."""
        if self.kind == "genes":
            return x
        if self.decoder is None or self.mean is None:
            raise ValueError(self._no_genes())
        return self.mean + x @ self.decoder

    def gene(self, name: str) -> tuple[Float[Array, " dim"], float]:
        """The gene as an affine function of the state, expression = x @ weight + offset, as (weight, offset).

        Raises KeyError, with a sentence, where the space does not hold the gene.
        """
        if self.kind == "coordinates":
            raise KeyError(self._no_genes())
        if name not in self.genes:
            raise KeyError(
                f"gene {name!r} is not in the model: it holds {len(self.genes)} genes, and this is none of them"
            )
        at = self.genes.index(name)
        if self.decoder is None or self.mean is None:
            return np.eye(self.dim)[at], 0.0
        return self.decoder[:, at], float(self.mean[at])

    def _no_genes(self) -> str:
        return (
            "these coordinates come without genes: a gene can be read only where cells were loaded as gene expression"
        )
