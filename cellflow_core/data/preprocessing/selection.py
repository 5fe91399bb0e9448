"""Cells chosen by an outline on a view, by what they are called, or by when they were measured."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.store.dataset import Dataset
from cellflow_core.math.polygon import in_polygon, parse_polygon
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
MIN_CELLS = 20
"""A data set of fewer cells is not worth modelling."""


def in_polygon_mask(dataset: Dataset, view: str, outline: str) -> Bool[Array, " cells"]:
    """Cells inside an outline "x,y x,y ..." on a view. Raises ValueError where it is none or holds no cell."""
    if not outline.strip():
        raise ValueError("no outline is drawn: draw one around some cells")
    inside = in_polygon(dataset.embedding(view), parse_polygon(outline))
    if not inside.any():
        raise ValueError(f"there is no cell inside the outline on the {view.upper()} view: draw a wider one")
    return inside


def labelled(dataset: Dataset, label: str, values: str) -> Bool[Array, " cells"]:
    """Cells whose annotation `label` is one of `values`, one a line. Raises KeyError that lists what there is."""
    labels = dataset.snapshots().labels
    if label not in labels:
        raise KeyError(f"the cells have no annotation {label!r}; they have {', '.join(labels) or 'none'}")
    held = np.asarray(labels[label])
    there = sorted(set(held.tolist()))
    wanted = [each.strip() for each in values.split("\n") if each.strip()]
    unknown = [each for each in wanted if each not in there]
    if unknown or not wanted:
        shown = ", ".join(there[:12]) + (" ..." if there[12:] else "")
        raise KeyError(f"no cell has {label} {unknown[0]!r}; there is {shown}" if unknown else f"choose out of {shown}")
    return np.isin(held, wanted)


def between(dataset: Dataset, first: float, last: float) -> Bool[Array, " cells"]:
    """Cells of all times from `first` to `last`. Raises ValueError that lists the times where there is none."""
    t = dataset.snapshots().t
    chosen = (t >= first) & (t <= last)
    if not chosen.any():
        times = ", ".join(format_times(dataset.info.times[:12]))
        raise ValueError(
            f"no cell was measured from {format_time(first)} to {format_time(last)}; there are cells at {times}"
        )
    return chosen


def in_the_middle(x: Array, chosen: Bool[Array, " cells"]) -> int:
    """The chosen cell with the least sum of distances to the others (their medoid; of 2,000 drawn from many)."""
    from scipy.spatial.distance import cdist

    cells = np.flatnonzero(chosen)
    if len(cells) > 2000:
        cells = np.sort(np.random.default_rng(0).choice(cells, 2000, replace=False))
    return int(cells[cdist(x[cells], x[cells]).sum(axis=1).argmin()])


def stratified_subsample(times: Array, most: int, seed: int = 0) -> Bool[Array, " cells"]:
    """A random `most` of the cells, with the same share of every time (largest remainders first)."""
    distinct, codes, counts = np.unique(times, return_inverse=True, return_counts=True)
    exact = counts * (most / len(times))
    take = np.floor(exact).astype(int)
    take[np.argsort(take - exact, kind="stable")[: most - take.sum()]] += 1
    chosen = np.zeros(len(times), dtype=bool)
    rng = np.random.default_rng(seed)
    for k in range(len(distinct)):
        chosen[rng.choice(np.flatnonzero(codes == k), take[k], replace=False)] = True
    return chosen
