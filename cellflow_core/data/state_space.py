"""What the axes of a state are, and the maps from genes to state and back: the contract of every state space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray


@dataclass(frozen=True)
class StateSpace(ABC):
    """A space in which cells are points. `data/spaces/` holds the kinds: `AffineSpace.of_genes`,
    `AffineSpace.coordinates`, `pca`, and those that the step "state" fits.

    kind   what the axes are: "pca", "genes", "coordinates", or a learnt one ("diffusion", "vae", "geodesic")
    axes   name of each axis, [dim]
    genes  names that encode and decode speak of, [genes]; empty exactly where no gene can be reached
    """

    kind: str
    axes: tuple[str, ...]
    genes: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        return len(self.axes)

    @abstractmethod
    def encode(self, genes: Float[Array, "cells genes"]) -> Float[Array, "cells dim"]:
        """State of each expression profile. Raises ValueError where no gene can be reached, as `decode` does."""

    @abstractmethod
    def decode(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        """Expression of each state, in the units the space was made from (most often log-normalised counts)."""

    @abstractmethod
    def pushforward(self, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]) -> Float[Array, "cells genes"]:
        """Change of expression in time of states that move with velocity v: the derivative of `decode` along v."""

    @abstractmethod
    def value_and_gradient(
        self, x: Float[Array, "cells dim"], gene: str
    ) -> tuple[Float[Array, " cells"], Float[Array, "cells dim"]]:
        """(expression, gradient) of one gene at each state. Raises KeyError, with a sentence, where it is not held."""

    @abstractmethod
    def gene_std(self, x: Float[Array, "cells dim"]) -> Float[Array, " genes"]:
        """About the standard deviation of every gene over these cells, as their states tell it: to rank genes by."""

    @property
    def has_count_model(self) -> bool:
        """Whether `counts` can be drawn."""
        return False

    @property
    def has_splicing(self) -> bool:
        """Whether the axes are the unspliced and the spliced RNA of every gene."""
        return False

    def sample_counts(
        self, x: Float[Array, "cells dim"], size: Float[Array, " cells"], rng: np.random.Generator
    ) -> Int[Array, "cells genes"]:
        """Counts drawn from the law of the space at each state, for cells of `size` counts in all genes together.

        Raises ValueError, with a sentence, where the space knows no law of counts.
        """
        raise ValueError(
            f"this state ({self.kind}) has no law of counts: choose the axes “autoencoder of counts” for these data"
        )

    @abstractmethod
    def arrays(self) -> Mapping[str, Array | None]:
        """All that makes the space besides kind, axes and genes, by name: what is stored and what is hashed."""

    def expression(self, x: Float[Array, "cells dim"], gene: str) -> Float[Array, " cells"]:
        """Expression of one gene at each state. Raises KeyError, with a sentence, where it is not held."""
        return self.value_and_gradient(x, gene)[0]

    def gradient(self, x: Float[Array, "cells dim"], gene: str) -> Float[Array, "cells dim"]:
        """Derivative of the expression of one gene by the state (expression / state). Raises KeyError as above."""
        return self.value_and_gradient(x, gene)[1]

    def index(self, gene: str) -> int:
        """Which of `genes` this is. Raises KeyError, with a sentence, where the space does not hold it."""
        if not self.genes:
            raise KeyError(self.no_genes)
        if gene not in self.genes:
            raise KeyError(
                f"gene {gene!r} is not in the model: it holds {len(self.genes)} genes, and this is none of them"
            )
        return self.genes.index(gene)

    @property
    def content(self) -> tuple[Any, ...]:
        """Everything the space is made of, in a fixed order, for a hash."""
        return (self.kind, *self.axes, *self.genes, *self.arrays().values())

    @property
    def no_genes(self) -> str:
        """What to say where no gene can be reached."""
        return (
            "these coordinates come without genes: a gene can be read only where cells were loaded as gene expression"
        )
