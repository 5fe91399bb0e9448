"""Cells that are hardly one process: groups that nothing joins to the others, and two ages with the same cell types."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import NEIGHBORS, nearest_neighbors

Array = np.ndarray
_CELL_TYPES = re.compile(r"cell_?types?|clusters?|annotat|lineage|ident|leiden|louvain|class|states?(?![a-z])", re.I)
_MOST_CELLS = 4000
_MOST_GROUPS = 60
_LEAST_SHARE = 0.005
_JOINED = 0.01
"""Share of a group's links in the neighbor graph that must lead to another group for the two to be joined."""
_SAME = 0.8
"""Share of cells for which the cell types of two times agree, above which they are named as two ages."""


@dataclass(frozen=True)
class MixedLineages:
    """Why the cells may be no single process.

    column   the annotation that names the groups
    groups   groups that nothing joins to the largest part -> share of the cells of the first time
    overlap  share of the cells of two times that agree in their cell types, 0 where it is too small to say anything
    """

    column: str
    groups: dict[str, float]
    overlap: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be said of the data, each a sentence without its end."""
        found: list[str] = []
        if self.groups:
            named = ", ".join(f"{name} ({share:.0%} of the first cells)" for name, share in self.groups.items())
            one = len(self.groups) == 1
            found.append(
                f"several lineages may be mixed: no intermediate cells join {named} of {self.column!r} to the others, "
                f"so {'it' if one else 'they'} may not belong to the process; leave {'it' if one else 'them'} out with "
                "“Keep some of the cells”"
            )
        if self.overlap:
            found.append(
                f"the two times hold the same cell types ({self.overlap:.0%} of the cells agree in {self.column!r}): "
                "they may be two ages of a tissue, and not a process that leads from one to the other"
            )
        return tuple(found)


def find_mixed_lineages(data: Snapshots, seed: int = 0) -> MixedLineages | None:
    """Groups of cell types that stand by themselves, and equal cell types at two times; None where neither is found.

    Groups are joined where at least 1 % of the links in the graph of nearest neighbors lead from one to the other (at
    most 4,000 cells, drawn at random); those outside the largest joined part stand by themselves. None too where the
    data have one time or no annotation named like cell types.
    """
    column = next((name for name in data.labels if _CELL_TYPES.search(name)), "")
    times = np.unique(data.t)
    if not column or len(times) < 2:
        return None
    names, codes = np.unique(data.labels[column], return_inverse=True)
    if not 2 <= len(names) <= _MOST_GROUPS:
        return None
    first = data.t == times[0]
    separate = _separate(np.asarray(data.x), codes, len(names), seed)
    groups = {str(names[k]): float((codes[first] == k).mean()) for k in separate}
    overlap = _overlap(codes[first], codes[~first], len(names)) if len(times) == 2 else 0.0
    overlap = overlap if overlap >= _SAME and len(names) > 2 else 0.0
    return MixedLineages(column, groups, overlap) if groups or overlap else None


def _separate(x: Float[Array, "cells dim"], codes: Int[Array, " cells"], count: int, seed: int) -> list[int]:
    """Codes of the groups outside the largest joined part; none where that part is not most of the cells."""
    from scipy.sparse.csgraph import connected_components

    if len(x) > _MOST_CELLS:
        rows = np.random.default_rng(seed).choice(len(x), _MOST_CELLS, replace=False)
        x, codes = x[rows], codes[rows]
    near = nearest_neighbors(x, NEIGHBORS + 1)[1][:, 1:]
    links = np.zeros((count, count))
    np.add.at(links, (np.repeat(codes, near.shape[1]), codes[near].ravel()), 1.0)
    links += links.T
    share = links / np.maximum(links.sum(axis=1, keepdims=True), 1.0)
    _, part = connected_components(np.maximum(share, share.T) >= _JOINED, directed=False)
    sizes = np.bincount(codes, minlength=count) / len(codes)
    parts = np.bincount(part, sizes)
    if parts.max() < 0.5:
        return []
    return [k for k in range(count) if part[k] != parts.argmax() and sizes[k] >= _LEAST_SHARE]


def _overlap(before: Int[Array, " early"], after: Int[Array, " late"], count: int) -> float:
    """One minus the total variation distance between the shares of the groups at two times."""
    shares = [np.bincount(each, minlength=count) / len(each) for each in (before, after)]
    return float(np.minimum(*shares).sum())
