"""Results on RNA velocity: agreement of its estimators, the phase portrait of a gene, permutation scores."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
LEAST_HALVES = 0.5
"""Cosine between both halves of the counts below which a velocity does not recur."""
TIME = "measured time"
"""Name of this among the orders."""
MANY_TWICE = 0.15
"""Share of the genes that follow the order from which on their second rises put arrows in doubt."""
LEVEL = 0.05
"""Chance of that cosine from which on it does not."""


def recurring(halves: Float[Array, " cells"], chance: Float[Array, " cells"]) -> Bool[Array, " cells"]:
    """In which cells half of the counts give the velocity of the other half."""
    return (halves >= LEAST_HALVES) & (chance < LEVEL)


@dataclass(frozen=True)
class VelocityAgreement(Result):
    """Several estimates of RNA velocity of the same cells, and the arrows of one of them over a 2-D view.

    estimators   titles; the first is the model whose arrows are drawn
    pairwise     median cosine over the cells between each two of them, [estimators, estimators]
    agreement    mean cosine between all pairs in each cell, [cells], -1 to 1
    halves       cosine between the velocities of two halves of the counts, [cells]; chance: share of shuffled cells
                 with as large a one; both None where there are no counts
    drawn        which cells have an arrow, [cells]
    arrows       displacement to be expected by the velocity graph, [cells, 2] in the view; cells [cells, 2]
    intrinsic, extrinsic  scatter of the directions of draws of the model's velocity, and of the steps that the velocity
                 graph expects from them, [cells], 0 to 1; None for a model without draws
    speed        length of the velocity of the spliced RNA, each gene in units of its standard deviation (1 / time)
    u, v         arrows of the drawn cells averaged on the grid x, y, [rows, columns], NaN where there are none
    opacity      how sure they are, [rows, columns], 0 to 1: it rises with the cells behind an arrow and their agreement
    order        of the cells along the arrows, [cells], 0 to 1; order_explained: share of the arrows that one order can
                 explain, 0 to 1: small where cells go round in a circle
    forward      share of the cells with neighbors of several times whose arrow points to later ones; forward_chance:
                 5 and 95 % quantiles with velocities reversed in random patches; NaN with fewer than two times
    orders       names of orders of the cells: along the arrows, latent time, diffusion pseudotime, measured time, as
                 far as they are known; order_values [orders, cells], NaN for a cell that one does not reach;
                 order_rho [orders, orders]: Spearman correlation of each two
    genes        names; gene_agreement [genes]: mean correlation over the cells between the estimators; slope
                 [estimators, genes]: unspliced over spliced RNA at steady state, NaN where an estimator has none;
                 r2 [genes]: of the first of these lines; fast [genes]: in how many estimators the gene is among the
                 tenth that moves most
    rate_names, rates  of the first estimator, with their units, [genes, rates], NaN for a gene that was not fitted;
                 no rates where it has no kinetics
    follows, twice  genes that follow the order of the cells, and those among them whose transcription rises a second
                 time along it, which no constant rate explains, [genes]; None in answers of earlier versions
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    estimators: tuple[str, ...]
    pairwise: Float[Array, "estimators estimators"]
    agreement: Float[Array, " cells"]
    halves: Float[Array, " cells"] | None
    chance: Float[Array, " cells"] | None
    drawn: Bool[Array, " cells"]
    cells: Float[Array, "cells 2"]
    arrows: Float[Array, "cells 2"]
    speed: Float[Array, " cells"]
    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    u: Float[Array, "rows columns"]
    v: Float[Array, "rows columns"]
    order: Float[Array, " cells"]
    order_explained: float
    forward: float
    forward_chance: tuple[float, float]
    orders: tuple[str, ...]
    order_values: Float[Array, "orders cells"]
    order_rho: Float[Array, "orders orders"]
    genes: tuple[str, ...]
    gene_agreement: Float[Array, " genes"]
    slope: Float[Array, "estimators genes"]
    r2: Float[Array, " genes"]
    fast: Int[Array, " genes"]
    rate_names: tuple[str, ...]
    rates: Float[Array, "genes rates"]
    intrinsic: Float[Array, " cells"] | None = None
    extrinsic: Float[Array, " cells"] | None = None
    opacity: Float[Array, "rows columns"] | None = None
    follows: Bool[Array, " genes"] | None = None
    twice: Bool[Array, " genes"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def boosted(self) -> bool:
        """Whether the transcription of so many genes rises twice that arrows are in doubt: of two or more, and of
        MANY_TWICE of those that follow the order."""
        if self.follows is None or self.twice is None:
            return False
        return bool(self.twice.sum() >= max(2.0, MANY_TWICE * self.follows.sum()))

    @property
    def time_rho(self) -> float:
        """Spearman correlation of the order and the measured time; NaN where there are fewer than two times."""
        return float(self.order_rho[0, self.orders.index(TIME)]) if TIME in self.orders else float("nan")


@dataclass(frozen=True)
class GroupVelocities(Result):
    """RNA velocity fitted in each group of cells by itself, beside the fit to all cells.

    by         annotation; names [groups] of its values; cells [groups]
    cosine     median over the cells of a group between both velocities, [groups]
    slope_rho  Spearman correlation over the genes of the ratios at steady state, [groups]
    """

    by: str
    names: tuple[str, ...]
    cells: Int[Array, " groups"]
    cosine: Float[Array, " groups"]
    slope_rho: Float[Array, " groups"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhasePortrait(Result):
    """Unspliced over spliced RNA of one gene, in counts of a cell of median size.

    velocity   ds/dt of each estimator, [estimators, cells]; slope [estimators]: of its line at steady state, or NaN
    course     unspliced and spliced RNA along the course that the first estimator has fitted, [points, 2]; no points
               where it knows of none; course_r2: share of the variance of both kinds of RNA, each in standard
               deviations, that the points of the course nearest to the cells have, NaN without a course
    rate_names, rates  of the gene by the first estimator, with their units, [rates]; none where it has no kinetics
    """

    gene: str
    spliced: Float[Array, " cells"]
    unspliced: Float[Array, " cells"]
    estimators: tuple[str, ...]
    velocity: Float[Array, "estimators cells"]
    slope: Float[Array, " estimators"]
    course: Float[Array, "points 2"]
    course_r2: float
    rate_names: tuple[str, ...]
    rates: Float[Array, " rates"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PermutationScores(Result):
    """How much worse each gene is fitted after its RNA was shuffled among the cells of a group.

    title      of the model
    by         annotation of the groups, "" for clusters by k-means; names, cells [groups]: of them, and their size
    genes      names; score [groups, genes]: t statistic, NaN for a gene that does not vary in a group
    """

    title: str
    by: str
    names: tuple[str, ...]
    cells: Int[Array, " groups"]
    genes: tuple[str, ...]
    score: Float[Array, "groups genes"]
    notes: tuple[str, ...] = ()

    @property
    def highest(self) -> Float[Array, " genes"]:
        """Score of each gene in the group where it is highest; NaN where it varies in none."""
        found = np.where(np.isfinite(self.score), self.score, -np.inf).max(axis=0)
        return np.where(np.isfinite(found), found, np.nan)

    @property
    def chance(self) -> float:
        """The highest score in so many groups is below this for 95 of 100 genes whose fit is as good when shuffled."""
        return NormalDist().inv_cdf(0.95 ** (1 / len(self.names)))
