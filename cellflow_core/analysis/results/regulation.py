"""Results on regulation: an order of the cells, networks of genes, and genes that move cells towards a fate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
LEAST_CELLS = 5.0
"""Cells of a group below which a point of a trend is left out."""


@dataclass(frozen=True)
class CellOrder(Result):
    """An order of the measured cells: value [cells], higher for later cells, NaN where it is not known."""

    name: str
    value: Float[Array, " cells"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupTrends(Result):
    """The mean expression of a gene along an order of the cells, in each group or weighted by each fate.

    names [groups]; at [points]: mean of the order over the cells of a point
    mean, low, high [groups, points]: with the 95 % interval of the mean; NaN where there are too few cells
    cells [groups, points]: how many cells count, for weights (sum w)^2 / sum w^2
    """

    gene: str
    order: str
    names: tuple[str, ...]
    at: Float[Array, " points"]
    mean: Float[Array, "groups points"]
    low: Float[Array, "groups points"]
    high: Float[Array, "groups points"]
    cells: Float[Array, "groups points"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneNetwork(Result):
    """Which gene acts on which, by one trained model. Matrices are [targets, sources], in the order of `genes`.

    kind     "network": inferred by the model; "jacobian": derivative of its velocity, mean over cells
    score    signed influence: above 0 activation, below 0 repression; what a gene does to itself is no edge
    unit     of the score, "" for none; cells: those that it is of, in words
    correlation  Pearson correlation of the measured expression of these cells
    top      number of edges that count as strongest; recurs: in how many trainings an edge is one of them
    overlap  [pairs]: Jaccard overlap of the strongest edges of each two trainings; overlap_by_chance: of as many edges
             drawn at random
    prior    weights of the prior network of these cells, 0 for no edge; None where there is none; prior_name: its name
    truth    1, -1 or 0 of the network that the cells were simulated with; None for measured cells
    scored   what was held against the truth; scores [scored, 5]: AUPRC over random, AUROC, early precision over random,
             share of true edges with the right sign, AUPRC
    """

    genes: tuple[str, ...]
    kind: str
    score: Float[Array, "genes genes"]
    unit: str
    cells: str
    correlation: Float[Array, "genes genes"]
    top: int
    recurs: Int[Array, "genes genes"]
    trainings: int
    overlap: Float[Array, " pairs"]
    overlap_by_chance: float
    prior: Float[Array, "genes genes"] | None = None
    prior_name: str = ""
    truth: Int[Array, "genes genes"] | None = None
    scored: tuple[str, ...] = ()
    scores: Float[Array, "scored 5"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def outgoing(self) -> Float[Array, " genes"]:
        """Summed size of what each gene does to the others."""
        return np.abs(self.edges).sum(axis=0)

    @property
    def edges(self) -> Float[Array, "genes genes"]:
        """The scores without what genes do to themselves."""
        return np.where(np.eye(len(self.genes), dtype=bool), 0.0, self.score)

    def strongest(self, most: int) -> list[tuple[int, int]]:
        """(target, source) of the `most` largest edges, the largest first; an influence of 0 is none."""
        edges = np.abs(self.edges)
        first = np.argsort(-edges, axis=None, kind="stable")[:most]
        targets, sources = np.unravel_index(first, edges.shape)
        return [(int(i), int(j)) for i, j in zip(targets, sources, strict=True) if edges[i, j] > 0]


@dataclass(frozen=True)
class GeneEquations(Result):
    """The equations of a model, as it gives them (`models/equations.py`), of these genes."""

    genes: tuple[str, ...]
    form: str
    meaning: str
    products: tuple[tuple[int, ...], ...]
    logarithms: tuple[int, ...]
    coefficients: Float[Array, "genes terms"]
    before: tuple[str, ...]
    after: tuple[str, ...]
    exact: bool
    quantity: str
    level: str
    time: str
    explained: Float[Array, " genes"] | None = None
    scale: Float[Array, "genes 2"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """Genes that each term holds."""
        return (*self.products, *((each,) for each in self.logarithms))

    def largest(self, gene: int) -> list[int]:
        """Terms in the equation of a gene, that of the largest coefficient first; a coefficient of 0 is none."""
        size = np.abs(self.coefficients[gene])
        return [int(k) for k in np.argsort(-size, kind="stable") if size[k] > 0]


@dataclass(frozen=True)
class FateInfluence(Result):
    """How a gene changes the velocity of undecided cells towards each fate, by the Jacobian of the field.

    names [fates], genes [genes]
    influence, low, high [fates, genes]: change of the velocity towards the fate when the gene rises by one standard
            deviation (state / time), mean and 10 % to 90 % of the cells; what a gene does to itself is left out
    """

    names: tuple[str, ...]
    genes: tuple[str, ...]
    unit: str
    influence: Float[Array, "fates genes"]
    low: Float[Array, "fates genes"]
    high: Float[Array, "fates genes"]
    notes: tuple[str, ...] = ()
