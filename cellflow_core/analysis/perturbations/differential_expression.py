"""Change of every gene, and of the share of every group of cells, in perturbed against control cells.

Both are differences within each stratum (time, batch), combined with the weights n1 n0 / (n1 + n0) of n1 perturbed and
n0 control cells (Cochran 1954, doi:10.2307/3001616), so that a stratum with more of one than of the other is no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from cellflow_core.analysis.perturbations.perturbation_groups import CONTROL, LEAST_IN_STRATUM, PerturbationGroups
from cellflow_core.math.multiple_testing import benjamini_hochberg

Array = np.ndarray
_COLUMNS = 2048
"""Genes of a dense table that are summed at once."""
_QUANTILE = 0.975


class ExpressionChange(NamedTuple):
    """Difference of the mean of each gene, its 95 % interval, and adjusted p-values; [effects, genes] each."""

    change: Float[Array, "effects genes"]
    low: Float[Array, "effects genes"]
    high: Float[Array, "effects genes"]
    q: Float[Array, "effects genes"]


def mean_change(table: Any, groups: PerturbationGroups, code: Int[Array, " cells"]) -> Float[Array, "effects genes"]:
    """Difference of the mean of each gene from the control cells, for groups numbered by `code`, combined over strata.

    table  numpy or scipy.sparse, [cells, genes]
    """
    change, weight = np.zeros((len(groups.names), table.shape[1])), np.zeros(len(groups.names))
    for _, size, mean, _ in _strata(table, groups, code, squares=False):
        w = _weight(size)
        change += w[:, None] * (mean[1:] - mean[0])
        weight += w
    return change / np.maximum(weight, 1e-300)[:, None]


def expression_change(table: Any, groups: PerturbationGroups, own: Shaped[Array, "effects genes"]) -> ExpressionChange:
    """Welch's test and interval of each gene; genes marked in `own` are tested for none, since they were perturbed.

    The variance among the perturbed cells is taken to be no less than that among the controls: a few cells may by
    chance all lack a gene that is seldom seen, and would otherwise seem to agree perfectly.
    """
    from scipy.stats import t as student

    shape = len(groups.names), table.shape[1]
    change, variance, spread, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0])
    for _, size, mean, square in _strata(table, groups, groups.code, squares=True):
        w = _weight(size)[:, None]
        change += w * (mean[1:] - mean[0])
        count = np.maximum(size, 2)[:, None]
        within = np.maximum(square - np.square(mean), 0.0) * count / (count - 1)
        of_control, of_target = within[0] / count[0], np.maximum(within[1:], within[0]) / count[1:]
        variance += w**2 * (of_control + of_target)
        spread += w**4 * (of_control**2 / (count[0] - 1) + of_target**2 / (count[1:] - 1))
        weight += w[:, 0]
    total = np.maximum(weight, 1e-300)[:, None]
    change, error = change / total, np.sqrt(variance) / total
    freedom = np.maximum(variance**2 / np.maximum(spread, 1e-300), 1.0)
    p = np.ones(shape)
    varies = error > 0
    p[varies] = 2 * student.sf(np.abs(change[varies]) / error[varies], freedom[varies])
    width = student.ppf(_QUANTILE, freedom) * error
    return ExpressionChange(change, change - width, change + width, benjamini_hochberg(np.where(own, np.nan, p)))


class ShareChange(NamedTuple):
    """Share of each group among the control cells, its change in each perturbation, and the 95 % interval of that."""

    control: Float[Array, " kinds"]
    change: Float[Array, "effects kinds"]
    low: Float[Array, "effects kinds"]
    high: Float[Array, "effects kinds"]


def share_change(member: Float[Array, "cells kinds"], groups: PerturbationGroups) -> ShareChange:
    """Change of the shares of groups of cells (`member`: 1 where a cell belongs), with the interval of Agresti & Caffo
    2000 (doi:10.1080/00031305.2000.10474560): one cell more of either kind on both sides."""
    shape = len(groups.names), member.shape[1]
    change, middle, variance, weight = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0])
    for _, size, mean, _ in _strata(member, groups, groups.code, squares=False):
        w = _weight(size)[:, None]
        change += w * (mean[1:] - mean[0])
        shrunk = (mean * size[:, None] + 1) / (size[:, None] + 2)
        middle += w * (shrunk[1:] - shrunk[0])
        of_each = shrunk * (1 - shrunk) / (size[:, None] + 2)
        variance += w**2 * (of_each[1:] + of_each[0])
        weight += w[:, 0]
    total = np.maximum(weight, 1e-300)[:, None]
    width = 1.959964 * np.sqrt(variance) / total
    low, high = np.maximum(middle / total - width, -1), np.minimum(middle / total + width, 1)
    return ShareChange(member[groups.code == CONTROL].mean(axis=0), change / total, low, high)


def _weight(size: Int[Array, " groups"]) -> Float[Array, " effects"]:
    """Weight of a stratum in each effect, 0 where one side has too few cells; size: controls first."""
    weight = size[1:] * size[0] / np.maximum(size[1:] + size[0], 1)
    return np.where((size[1:] >= LEAST_IN_STRATUM) & (size[0] >= LEAST_IN_STRATUM), weight, 0.0)


def _strata(
    table: Any, groups: PerturbationGroups, code: Int[Array, " cells"], *, squares: bool
) -> Iterator[tuple[int, Array, Array, Array]]:
    """(stratum, cells, mean and mean square of each gene) of the controls (row 0) and each effect in every stratum."""
    from scipy.sparse import csr_array

    count = len(groups.names) + 1
    for stratum in range(groups.count):
        rows = np.flatnonzero((groups.stratum == stratum) & (code >= CONTROL))
        size = np.bincount(code[rows] + 1, minlength=count)
        each = csr_array((np.ones(len(rows)), (code[rows] + 1, np.arange(len(rows)))), shape=(count, len(rows)))
        part, below = table[rows], np.maximum(size, 1)[:, None]
        square = _summed(each, part, 2) / below if squares else np.zeros((count, 0))
        yield stratum, size, _summed(each, part, 1) / below, square


def _summed(groups: Any, part: Any, power: int) -> Float[Array, "groups genes"]:
    """Sum of each gene, or of its squares, in each group."""
    if not isinstance(part, np.ndarray):
        part = part.astype(np.float64)
        return np.asarray((groups @ (part if power == 1 else part.power(2))).todense())
    found = np.zeros((groups.shape[0], part.shape[1]))
    for start in range(0, part.shape[1], _COLUMNS):
        block = part[:, start : start + _COLUMNS].astype(np.float64)
        found[:, start : start + _COLUMNS] = groups @ (block if power == 1 else np.square(block))
    return found
