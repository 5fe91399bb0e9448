"""Branches of cells against groups that are known to have different fates. No torch: a page asks it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

Array = np.ndarray


def branch_f1(weight: Float[Array, "cells branches"], ends: Array, known: Bool[Array, " cells"]) -> float:
    """Mean over the ends of the F1 between their cells and those of the branch that is matched to each, one to one; a
    cell is on the branch of most weight. NaN where there are no branches.

    ends   group of each cell; known: cells that count, those of a group that is an end
    """
    from scipy.optimize import linear_sum_assignment

    branch, ends = weight[known], ends[known]
    names = np.unique(ends)
    if not branch.shape[1] or not len(names):
        return float("nan")
    branch = branch.argmax(axis=1)
    f1 = np.zeros((len(names), weight.shape[1]))
    for i, name in enumerate(names):
        for k in range(weight.shape[1]):
            both = ((branch == k) & (ends == name)).sum()
            f1[i, k] = 2 * both / ((branch == k).sum() + (ends == name).sum())
    rows, columns = linear_sum_assignment(-f1)
    return float(f1[rows, columns].sum() / len(names))


def cluster_f1(x: Float[Array, "cells dim"], ends: Array, known: Bool[Array, " cells"], seed: int = 0) -> float:
    """`branch_f1` without a method: of clusters of the cells by k-means, as many as there are ends."""
    from sklearn.cluster import KMeans

    count = len(np.unique(ends[known]))
    own = np.asarray(KMeans(count, n_init="auto", random_state=seed).fit_predict(x[known]))
    weight = np.zeros((len(x), count))
    weight[np.flatnonzero(known), own] = 1
    return branch_f1(weight, ends, known)
