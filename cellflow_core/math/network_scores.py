"""How well a network was found, by the conventions of BEELINE, and how alike two networks are.

Pratapa, Jalihal, Law, Bharadwaj & Murali, "Benchmarking algorithms for gene regulatory network inference from
single-cell transcriptomic data", Nature Methods 17:147, 2020, doi:10.1038/s41592-019-0690-6. Candidate edges are
ordered pairs of genes without self-edges, ranked by the size of the influence:

AUPRC           area under precision against recall; over random: divided by the density, the share of true edges among
                the candidates, which is what a random order gives
AUROC           chance that a true edge stands before one that is not
early precision share of true edges among the first k, k their number; over random: divided by the density
signs           share of the true edges with the right sign, an influence of 0 being wrong

Ties count as in random order: a network without any difference has AUROC 1/2, and both ratios are 1. The area is the
sum of steps (average precision), not of trapezoids, which are too large where many candidates are tied. Its mean over
random orders is above the density where candidates are few (1.4 times it with 6 edges among 30).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray


@dataclass(frozen=True)
class NetworkScores:
    """Scores of one network against a known one; NaN where no candidate, or every candidate, is a true edge.

    auprc, auroc, early_precision   0 to 1
    auprc_over_random, early_precision_over_random  1 for a random order
    signs       NaN where the truth has no repression: it may have no signs at all
    edges, candidates  number of true edges, and of candidates
    """

    auprc: float
    auprc_over_random: float
    auroc: float
    early_precision: float
    early_precision_over_random: float
    signs: float
    edges: int
    candidates: int


def candidate_edges(
    genes: Sequence[str], regulators: Sequence[str] | None = None, *, self_edges: bool = False
) -> Bool[Array, "genes genes"]:
    """Which pairs [target, source] may be edges: all, or those whose source is one of the regulators.

    Raises ValueError for a regulator that is no gene, or where none is named.
    """
    found = np.ones((len(genes), len(genes)), dtype=bool)
    if regulators is not None:
        if unknown := sorted(set(regulators) - set(genes)):
            raise ValueError(f"{unknown[0]!r} is named as a regulator and is no gene of the network")
        if not regulators:
            raise ValueError("no regulator is named, so there is no candidate edge")
        named = set(regulators)
        found[:] = [each in named for each in genes]
    if not self_edges:
        np.fill_diagonal(found, False)
    return found


def network_scores(
    found: Float[Array, "genes genes"],
    truth: Float[Array, "genes genes"],
    candidates: Bool[Array, "genes genes"] | None = None,
) -> NetworkScores:
    """Scores of a signed network [target, source] against a known one, whose fields are 0 where there is no edge.

    candidates  the pairs that count (`candidate_edges`); None: all but self-edges
    Raises ValueError where an influence is not finite.
    """
    where = ~np.eye(len(truth), dtype=bool) if candidates is None else candidates
    influence, known = found[where].astype(np.float64), truth[where]
    if not np.isfinite(influence).all():
        raise ValueError(f"{int((~np.isfinite(influence)).sum())} influences are missing or infinite")
    true, size = known != 0, np.abs(influence)
    edges, count = int(true.sum()), len(true)
    signs = float((np.sign(influence) == np.sign(known))[true].mean()) if (known < 0).any() else np.nan
    if not 0 < edges < count:
        return NetworkScores(np.nan, np.nan, np.nan, np.nan, np.nan, signs, edges, count)
    from sklearn.metrics import average_precision_score, roc_auc_score

    density, early = edges / count, early_precision(size, true)
    auprc = float(average_precision_score(true, size))
    auroc = float(roc_auc_score(true, size))
    return NetworkScores(auprc, auprc / density, auroc, early, early / density, signs, edges, count)


def early_precision(size: Float[Array, " edges"], true: Bool[Array, " edges"]) -> float:
    """Expected share of true edges among the first k in order of size, k their number, ties in random order."""
    k = int(true.sum())
    last = np.sort(size)[-k]
    before, tied = size > last, size == last
    return float((true[before].sum() + (k - before.sum()) * true[tied].mean()) / k)


def top_edges(
    found: Float[Array, "genes genes"], count: int, candidates: Bool[Array, "genes genes"] | None = None
) -> Bool[Array, "genes genes"]:
    """The `count` largest influences, and those as large as the last of them; an influence of 0 is no edge."""
    where = ~np.eye(len(found), dtype=bool) if candidates is None else candidates
    size = np.where(where, np.abs(found), 0.0)
    last = np.sort(size, axis=None)[-min(count, size.size)]
    return (size >= last) & (size > 0)


def edge_overlap(
    one: Float[Array, "genes genes"],
    other: Float[Array, "genes genes"],
    count: int,
    candidates: Bool[Array, "genes genes"] | None = None,
) -> float:
    """Jaccard overlap of the `count` largest edges of two networks, 0 to 1; NaN where neither has an edge."""
    a, b = (top_edges(each, count, candidates) for each in (one, other))
    either = int((a | b).sum())
    return float((a & b).sum() / either) if either else float("nan")


def overlap_by_chance(count: int, candidates: int) -> float:
    """Expected Jaccard overlap of two sets of `count` edges drawn from the candidates: E[i / (2 count - i)] for i
    hypergeometric."""
    from scipy.stats import hypergeom

    if not 0 < count <= candidates:
        return float("nan")
    shared = np.arange(count + 1)
    return float((hypergeom.pmf(shared, candidates, count, count) * shared / (2 * count - shared)).sum())
