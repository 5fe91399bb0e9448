"""Genes, their trends and their networks in words and tables. Pure: results in, words out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellflow_core.analysis.results import FateGenes, FateInfluence, GeneNetwork, GroupTrends
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.math.network_scores import edge_overlap, overlap_by_chance
from cellflow_core.plural import counted
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary, Trust

MOST_EDGES = 5000
"""Edges of a table on a page; the file of the command line has all."""
MARKERS = (
    "A gene that marks a fate goes with it as one that drives it does, and a learnt velocity exchanges genes that rise "
    "together: only a perturbation tells them from each other."
)
FIRST = 20
"""Genes of a fate that are compared, of many."""
WELL = 0.8
"""AUROC from which on a network that beats correlation counts as found."""
SCORES = ("AUPRC over random", "AUROC", "early precision over random", "right signs (%)", "AUPRC")


def of_gene(trend: GroupTrends | None, gene: str, mean: np.ndarray, names: Sequence[str], cells: np.ndarray) -> Summary:
    """Where a gene is highest and how it changes along the order. trend: of all cells; mean, cells [groups]."""
    there = np.flatnonzero(cells)
    high, low = (there[at] for at in (mean[there].argmax(), mean[there].argmin()))
    text = (
        f"{gene} is highest in {names[high]} (mean {mean[high]:.3g}) and lowest in {names[low]} ({mean[low]:.3g})"
        if high != low
        else f"{gene} has a mean of {mean[high]:.3g}"
    )
    known = np.zeros(0) if trend is None else trend.mean[0][np.isfinite(trend.mean[0])]
    if trend is not None and len(known) > 1:
        text += f"; over all cells it goes from {known[0]:.3g} to {known[-1]:.3g} along {trend.order}"
    why = f"Means of {counted(int(cells.sum()), 'measured cell')}: where a gene is high does not show what it does."
    return Summary(f"{text}.", "fair", why)


def of_network(result: GeneNetwork) -> Summary:
    """The strongest regulators and the strongest edge, judged by the truth, else by other trainings."""
    first = [k for k in np.argsort(-result.outgoing, kind="stable")[:3] if result.outgoing[k] > 0]
    edges = result.strongest(1)
    if not edges:
        return Summary("The model finds no influence of one gene on another.", "poor", "Every score is 0.")
    (target, source), names = edges[0], result.genes
    does = "activates" if result.score[target, source] > 0 else "represses"
    listed = ", ".join(names[k] for k in first)
    answer = (
        f"The strongest regulator is {listed}" if len(first) == 1 else f"The strongest regulators are {listed}"
    ) + f"; the strongest edge: {names[source]} {does} {names[target]}."
    trust, why = _against_truth(result) if result.scores is not None else _against_trainings(result)
    return Summary(answer, trust, f"{why} An edge is a hypothesis, not a cause.")


def _against_truth(result: GeneNetwork) -> tuple[Trust, str]:
    assert result.scores is not None
    (ratio, auroc, *_), (beside, beside_auroc, *_) = result.scores[:2]
    if not np.isfinite(ratio):
        return "fair", "The true network of these genes has no edge, or every one, so nothing can be found."
    why = (
        f"Against the network that these cells were simulated with, AUPRC is {ratio:.2f} times that of a random order "
        f"and AUROC {auroc:.2f}; plain correlation of expression gets {beside:.2f} and {beside_auroc:.2f}."
    )
    if ratio <= beside:
        return "poor", f"{why} Here the model adds nothing to correlation."
    return ("good" if auroc >= WELL else "fair"), why


def _against_trainings(result: GeneNetwork) -> tuple[Trust, str]:
    text = of_overlap(result)
    poor = len(result.overlap) and np.nanmean(result.overlap) < 2 * result.overlap_by_chance
    return ("poor" if poor else "fair"), f"No true network of these genes is known here. {text}"


def of_overlap(result: GeneNetwork) -> str:
    """How far trainings of other seeds find the same strongest edges."""
    if result.trainings < 2:
        return (
            "There is one training only: train other seeds of this model with it, to see which edges are found again."
        )
    mean = float(np.nanmean(result.overlap))
    return (
        f"Of the {result.top} strongest edges, {result.trainings} trainings share {mean:.0%} (Jaccard, mean of "
        f"{counted(len(result.overlap), 'pair')}); as many edges drawn at random share {result.overlap_by_chance:.1%}."
    )


def of_two(one: GeneNetwork, other: GeneNetwork) -> str:
    """How far two models agree on the strongest edges among the genes that both know."""
    shared = [gene for gene in one.genes if gene in set(other.genes)]
    if len(shared) < 2:
        return "The two models share no pair of genes."
    a, b = (_among(each, shared) for each in (one, other))
    pairs = len(shared) * (len(shared) - 1)
    count = min(one.top, pairs)
    agree = edge_overlap(a, b, count)
    both = (a != 0) & (b != 0)
    signs = f", and {(np.sign(a) == np.sign(b))[both].mean():.0%} of all edges have the same sign" if both.any() else ""
    return (
        f"Of the {count} strongest edges among {len(shared)} genes, the two share {agree:.0%} (Jaccard{signs}); as "
        f"many edges drawn at random share {overlap_by_chance(count, pairs):.1%}."
    )


def _among(result: GeneNetwork, genes: Sequence[str]) -> np.ndarray:
    """The scores among these genes, in their order."""
    at = [result.genes.index(each) for each in genes]
    return result.edges[np.ix_(at, at)]


def edge_rows(result: GeneNetwork, most: int | None = None) -> Rows:
    """One row an edge, the strongest first."""
    edges = result.strongest(len(result.genes) ** 2 if most is None else most)
    at = tuple(np.array(edges, dtype=int).reshape(-1, 2).T)
    score, names = result.score[at], result.genes
    rows: Rows = {
        "source": [names[j] for _, j in edges],
        "target": [names[i] for i, _ in edges],
        "sign": ["activates" if each > 0 else "represses" for each in score],
        f"score ({result.unit})" if result.unit else "score": _short(score),
        "evidence": [_evidence(result, i, j) for i, j in edges],
        "correlation": _short(result.correlation[at]),
    }
    if result.trainings > 1:
        rows[f"strongest in (of {result.trainings} trainings)"] = result.recurs[at].tolist()
    if result.truth is not None:
        words = {1: "activates", -1: "represses", 0: "no edge"}
        rows["truth"] = [words[int(np.sign(each))] for each in result.truth[at]]
    return rows


def _evidence(result: GeneNetwork, target: int, source: int) -> str:
    """Where an edge comes from."""
    if result.prior is None or not result.prior[target, source]:
        return "learnt"
    signed = bool((result.prior < 0).any())
    other = signed and np.sign(result.prior[target, source]) != np.sign(result.score[target, source])
    return "learnt, prior with the other sign" if other else "learnt, prior"


def of_prior(result: GeneNetwork) -> str:
    """How many of the strongest edges are in the prior network, beside chance; "" where the cells have none."""
    if result.prior is None:
        return ""
    known = (result.prior != 0) & ~np.eye(len(result.genes), dtype=bool)
    edges = result.strongest(result.top)
    found = sum(bool(known[each]) for each in edges)
    pairs = len(result.genes) * (len(result.genes) - 1)
    return (
        f"Of the {len(edges)} strongest edges, {found} are in the prior network {result.prior_name}, which has "
        f"{counted(int(known.sum()), 'edge')} among these genes; of as many random ones it would be "
        f"{len(edges) * known.sum() / max(pairs, 1):.1f}."
    )


def regulator_rows(result: GeneNetwork) -> Rows:
    """One row a gene, the largest summed influence on others first."""
    order = np.argsort(-result.outgoing, kind="stable")
    edges = result.edges
    strong = np.zeros(edges.shape, dtype=bool)
    strong[tuple(np.array(result.strongest(result.top), dtype=int).reshape(-1, 2).T)] = True
    return {
        "gene": [result.genes[k] for k in order],
        "outgoing influence": _short(result.outgoing[order]),
        "of it activation": _short(np.maximum(edges, 0).sum(axis=0)[order]),
        "incoming influence": _short(np.abs(edges).sum(axis=1)[order]),
        f"among the {result.top} strongest edges": strong.sum(axis=0)[order].tolist(),
    }


def score_rows(result: GeneNetwork) -> Rows:
    """One row a network, and a random order. Raises ValueError where no truth is known."""
    if result.scores is None or result.truth is None:
        raise ValueError("the true network of these genes is not known")
    off = ~np.eye(len(result.genes), dtype=bool)
    density = float((result.truth[off] != 0).mean())
    random = [1.0, 0.5, 1.0, 0.5, density]
    table = np.vstack([result.scores, random])
    table[:, 3] *= 100
    return {
        "network": [*result.scored, "a random order"],
        **{name: [float(f"{each:.3g}") for each in column] for name, column in zip(SCORES, table.T, strict=True)},
    }


def trend_rows(result: GroupTrends) -> Rows:
    """One row a group and point."""
    found = [(k, p) for k in range(len(result.names)) for p in range(len(result.at)) if np.isfinite(result.mean[k, p])]
    at = tuple(np.array(found, dtype=int).reshape(-1, 2).T)
    return {
        "group": [result.names[k] for k, _ in found],
        result.order: _short(result.at[at[1]]),
        "mean": _short(result.mean[at]),
        "from": _short(result.low[at]),
        "to": _short(result.high[at]),
        "cells": [float(f"{each:.4g}") for each in result.cells[at]],
    }


def expression_rows(
    genes: Sequence[str], mean: np.ndarray, share: np.ndarray, names: Sequence[str], cells: np.ndarray
) -> Rows:
    """One row a gene and group; mean, share [genes, groups], cells [groups]."""
    return {
        "gene": [gene for gene in genes for _ in names],
        "group": [name for _ in genes for name in names],
        "mean": _short(mean.ravel()),
        "cells with any (%)": [round(100 * float(each), 2) for each in share.ravel()],
        "cells": np.tile(cells, len(genes)).tolist(),
    }


def driver_rows(genes: FateGenes, influence: FateInfluence, fate: str) -> Rows:
    """One row a gene that both know, the largest influence first, with its correlation with the fate beside it."""
    k, other = influence.names.index(fate), genes.names.index(fate)
    order = np.argsort(-influence.influence[k], kind="stable")
    place = {gene: at for at, gene in enumerate(genes.genes)}
    beside = [genes.correlation[other, place[g]] if (g := influence.genes[at]) in place else np.nan for at in order]
    return {
        "gene": [influence.genes[at] for at in order],
        f"influence ({influence.unit})": _short(influence.influence[k, order]),
        "10 % of cells": _short(influence.low[k, order]),
        "90 % of cells": _short(influence.high[k, order]),
        "correlation with the fate": _short(np.array(beside)),
    }


def of_drivers(genes: FateGenes, influence: FateInfluence | None, fate: str) -> Summary:
    """The genes that go most with a fate, and those of them that push cells towards it too."""
    other = genes.names.index(fate)
    marking = [genes.genes[g] for g in np.argsort(-genes.correlation[other], kind="stable")]
    if influence is None:
        return Summary(f"{joined(marking[:3])} go most with {fate}.", "fair", MARKERS)
    k, known = influence.names.index(fate), set(influence.genes)
    most = max(1, min(FIRST, len(influence.genes) // 4))
    first = np.argsort(-influence.influence[k], kind="stable")[:most]
    pushing = {influence.genes[g] for g in first if influence.influence[k, g] > 0}
    both = [each for each in [gene for gene in marking if gene in known][:most] if each in pushing]
    among = f"among the first {most} by correlation and by influence" if most > 1 else "first by both"
    if not both:
        return Summary(f"No gene is {among}: what marks {fate} is not what pushes cells there.", "fair", MARKERS)
    verb = "goes with" if len(both) == 1 else "go with"
    pushes = "pushes" if len(both) == 1 else "push"
    return Summary(f"{joined(both, 8)} {verb} {fate} and {pushes} cells towards it ({among}).", "fair", MARKERS)


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{each:.4g}") for each in values]
