"""Which gene is known to act on which: a prior network, kept with the cells by the names of the genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped

Array = np.ndarray


@dataclass(frozen=True)
class PriorNetwork:
    """Edges from a regulator to its target.

    name            of the network, for people
    source, target  genes as the data set names them, [edges]
    weight          [edges]: above 0 activation, below 0 repression; in a network without signs all are above 0
    """

    name: str
    source: Shaped[Array, " edges"]
    target: Shaped[Array, " edges"]
    weight: Float[Array, " edges"]

    def __post_init__(self) -> None:
        if not len(self.source) == len(self.target) == len(self.weight):
            raise ValueError(
                f"{len(self.source)} sources, {len(self.target)} targets and {len(self.weight)} weights: a network "
                "needs one of each for every edge"
            )
        if not np.isfinite(self.weight).all():
            raise ValueError(f"weights of the network {self.name!r} are missing or infinite: leave these edges out")

    @classmethod
    def from_arrays(cls, held: Mapping[str, Array]) -> PriorNetwork | None:
        """What `arrays` gave, None where it is not among these arrays."""
        if "network_name" not in held:
            return None
        source, target = held["network_edges"]
        return cls(str(held["network_name"]), source, target, held["network_weight"])

    @property
    def arrays(self) -> dict[str, Array]:
        """Plain arrays, to be stored and hashed."""
        edges = np.array([self.source, self.target], dtype=np.str_)
        return {"network_name": np.array(self.name), "network_edges": edges, "network_weight": self.weight}

    @property
    def signed(self) -> bool:
        """Whether the weights tell repression from activation."""
        return bool((self.weight < 0).any())

    def among(self, genes: Sequence[str]) -> Bool[Array, " edges"]:
        """Which edges join two of these genes."""
        known = np.asarray(genes, dtype=np.str_)
        return np.isin(self.source, known) & np.isin(self.target, known)

    def matrix(self, genes: Sequence[str]) -> Float[Array, "genes genes"]:
        """Weights among these genes: sources in the columns, targets in the rows, 0 for no edge."""
        at = {name: k for k, name in enumerate(genes)}
        kept = self.among(genes)
        found = np.zeros((len(genes), len(genes)), np.float32)
        rows = [at[each] for each in self.target[kept].tolist()]
        columns = [at[each] for each in self.source[kept].tolist()]
        found[rows, columns] = self.weight[kept]
        return found
