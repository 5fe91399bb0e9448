"""Unspliced and spliced RNA of each velocity gene as axes: the plane of every phase portrait, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
KIND = "splicing"


@dataclass(frozen=True)
class SplicingSpace(AffineSpace):
    """state = (unspliced RNA of every gene, spliced RNA of every gene) / scale, [2 genes]; expression is spliced RNA.

    scale  one unit of each axis in RNA, [dim]: the standard deviation over the cells the space was made from, so that
           no gene outweighs the others by its level
    ratio  unspliced over spliced RNA at steady state, [genes]: what `encode` takes the unspliced RNA from, of which an
           expression profile says nothing
    """

    scale: Float[Array, " dim"] | None = None
    ratio: Float[Array, " genes"] | None = None

    @property
    def has_splicing(self) -> bool:
        return True

    @staticmethod
    def of(
        genes: tuple[str, ...], unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"]
    ) -> SplicingSpace:
        """The space of these genes, with the scale and the ratio of these cells."""
        axes = (*(f"unspliced {each}" for each in genes), *(f"spliced {each}" for each in genes))
        values = np.concatenate([unspliced, spliced], axis=1)
        scale = values.std(axis=0, dtype=np.float64)
        square = np.square(spliced, dtype=np.float64).sum(axis=0)
        ratio = (unspliced * spliced).sum(axis=0, dtype=np.float64) / np.where(square > 0, square, 1.0)
        scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
        return SplicingSpace(KIND, axes, genes, scale=scale, ratio=ratio.astype(np.float32))

    def __post_init__(self) -> None:
        found = tuple(None if each is None else each.shape for each in (self.scale, self.ratio))
        wanted = (2 * len(self.genes),), (len(self.genes),)
        if self.kind != KIND or len(self.axes) != 2 * len(self.genes) or found != wanted:
            raise ValueError(
                f"a splicing space of {len(self.genes)} genes needs {wanted[0][0]} axes with a scale each and a ratio "
                f"of each gene, got {len(self.axes)} axes, scale and ratio of shapes {found}"
            )

    def join(
        self, unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"]
    ) -> Float[Array, "cells dim"]:
        """The state of cells with this RNA; of rates of change of RNA, the velocity of the state."""
        return np.concatenate([unspliced, spliced], axis=-1) / self._scale

    def split(self, x: Float[Array, "cells dim"]) -> tuple[Float[Array, "cells genes"], Float[Array, "cells genes"]]:
        """(unspliced, spliced) RNA of states; of velocities of the state, the rates of change of RNA."""
        rna = x * self._scale
        return rna[..., : len(self.genes)], rna[..., len(self.genes) :]

    def encode(self, genes: Float[Array, "cells genes"]) -> Float[Array, "cells dim"]:
        """State with this spliced RNA, and with unspliced RNA at steady state."""
        assert self.ratio is not None
        return self.join(genes * self.ratio, genes)

    def decode(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        return self.split(x)[1]

    def pushforward(self, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        return self.split(v)[1]

    def gene(self, name: str) -> tuple[Float[Array, " dim"], float]:
        at = len(self.genes) + self.index(name)
        return np.eye(1, self.dim, at)[0] * self._scale[at], 0.0

    def gene_std(self, x: Float[Array, "cells dim"]) -> Float[Array, " genes"]:
        return (x.std(axis=0, dtype=np.float64) * self._scale)[len(self.genes) :]

    def arrays(self) -> Mapping[str, Array | None]:
        return {"scale": self.scale, "ratio": self.ratio}

    @property
    def _scale(self) -> Float[Array, " dim"]:
        assert self.scale is not None
        return self.scale
