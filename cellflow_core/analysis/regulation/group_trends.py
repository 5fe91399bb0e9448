"""One gene along an order of the cells, in groups. No torch: pages ask this of one stored gene at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.results import GroupTrends
from cellflow_core.analysis.results.regulation import LEAST_CELLS

Array = np.ndarray
POINTS = 16
"""Points of a trend along a continuous order, each of as many cells."""
NORMAL = 1.959964


def group_trends(
    gene: str,
    values: Float[Array, " cells"],
    order: Float[Array, " cells"],
    weight: Float[Array, "cells groups"],
    names: Sequence[str],
    order_name: str,
) -> GroupTrends:
    """Means of the values over cells that follow each other in the order, and their 95 % intervals.

    order   NaN for cells that it does not hold; with at most POINTS distinct values each of them is a point
    weight  of each cell in each group: 1 or 0, or the probability of a fate
    """
    known = np.isfinite(order) & np.isfinite(values)
    point, at = _points(order[known])
    y, w = values[known].astype(np.float64), weight[known].astype(np.float64)
    total, first, second, square = (
        np.stack([np.bincount(point, each, minlength=len(at)) for each in column.T])
        for column in (w, w * y[:, None], w * np.square(y)[:, None], np.square(w))
    )
    cells = np.divide(total**2, square, out=np.zeros_like(total), where=square > 0)
    enough = cells >= LEAST_CELLS
    mean = np.divide(first, total, out=np.full_like(total, np.nan), where=enough)
    variance = np.divide(second, total, out=np.full_like(total, np.nan), where=enough) - mean**2
    width = NORMAL * np.sqrt(np.maximum(variance, 0) / np.maximum(cells - 1, 1))
    return GroupTrends(gene, order_name, tuple(names), at, mean, mean - width, mean + width, cells)


def membership(codes: Int[Array, " cells"] | None, groups: int, cells: int) -> Float[Array, "cells groups"]:
    """1 where a cell is in the group, else 0; all in one group without codes."""
    return np.ones((cells, 1)) if codes is None else np.eye(groups)[codes]


def _points(order: Float[Array, " cells"]) -> tuple[Int[Array, " cells"], Float[Array, " points"]]:
    """(point of each cell, mean order of the cells of each point)."""
    distinct, code = np.unique(order, return_inverse=True)
    if len(distinct) <= POINTS:
        return code, distinct
    edges = np.unique(np.quantile(order, np.arange(1, POINTS) / POINTS))
    point = np.searchsorted(edges, order, side="right")
    _, point = np.unique(point, return_inverse=True)
    return point, np.bincount(point, order) / np.bincount(point)
