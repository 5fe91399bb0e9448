"""Which group of cells turns into which: the graph of a model held against a known tree, beside trivial graphs.

As in scTimeBench (bioRxiv 2026.03.16.712069), where few methods beat the correlation of neighboring types. No torch:
pages ask this of stored answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.results import Composition, GroupGraphs
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.network_scores import network_scores

Array = np.ndarray
CORRELATION, CO_OCCURRENCE = "correlation", "co-occurrence"


def group_graphs(found: Mapping[str, Composition], data: Snapshots, edges: Sequence[tuple[str, str]]) -> GroupGraphs:
    """Graphs between the groups of one annotation by several models, and the two trivial ones, against a known tree.

    found  name of a model -> its composition, all by the same annotation, whose groups are not merged
    edges  of the tree, as (group, group that it turns into); those between groups that are there count

    Raises ValueError where no edge, or every pair, is one of the tree.
    """
    first = next(iter(found.values()))
    names = first.names
    truth = np.zeros((len(names), len(names)), bool)
    for early, late in edges:
        if early in names and late in names and early != late:
            truth[names.index(early), names.index(late)] = True
    if not 0 < truth.sum() < truth.size - len(names):
        raise ValueError("the known tree has to name some of the pairs of groups, and not all: choose its edges")
    labels = np.asarray(data.labels[first.by]).astype(str)
    code = np.array([names.index(each) if each in names else -1 for each in labels])
    graphs = {name: led(each) for name, each in found.items()}
    graphs |= {CORRELATION: correlation(data, code, len(names)), CO_OCCURRENCE: co_occurrence(first)}
    scored = [network_scores(each.T, truth.T.astype(float)) for each in graphs.values()]
    return GroupGraphs(
        by=first.by,
        names=names,
        rows=tuple(graphs),
        models=len(found),
        graph=np.stack(list(graphs.values())),
        truth=truth,
        auprc=np.array([each.auprc for each in scored]),
        f1=np.array([each.early_precision for each in scored]),
        chance=float(truth.sum() / (truth.size - len(names))),
    )


def led(found: Composition) -> Float[Array, "groups groups"]:
    """Share of the mass of each group that the model leads to each other one, over all gaps between times."""
    return _off_diagonal(found.flow.sum(axis=0))


def co_occurrence(found: Composition) -> Float[Array, "groups groups"]:
    """What a random partner at the next measured time would be: it knows how many cells there are, and no states."""
    return _off_diagonal(np.einsum("ti,tj->ij", found.measured[:-1], found.measured[1:]))


def correlation(data: Snapshots, code: Int[Array, " cells"], groups: int) -> Float[Array, "groups groups"]:
    """Correlation of the mean states of two groups (centred; 0 to 1 for -1 to 1), from the earlier to the later one."""
    there = [k for k in range(groups) if (code == k).any()]
    mean = np.full((groups, data.dim), np.nan)
    when = np.full(groups, np.nan)
    for k in there:
        mean[k], when[k] = data.x[code == k].mean(axis=0), data.t[code == k].mean()
    centred = mean - np.nanmean(mean, axis=0)
    length = np.linalg.norm(centred, axis=1)
    cosine = centred @ centred.T / np.maximum(length[:, None] * length, 1e-12)
    found = np.where(when[None, :] > when[:, None], (1 + cosine) / 2, 0.0)
    np.fill_diagonal(found, 0.0)
    return np.nan_to_num(found)


def _off_diagonal(mass: Float[Array, "groups groups"]) -> Float[Array, "groups groups"]:
    whole = mass.sum(axis=1, keepdims=True)
    found = np.divide(mass, whole, out=np.zeros_like(mass), where=whole > 0)
    np.fill_diagonal(found, 0.0)
    return found
