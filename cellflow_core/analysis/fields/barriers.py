"""What is climbed between the basins of a landscape, in several trainings of one model: which heights are chance?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.basins import Basins, basin_names, basin_of, find_basins
from cellflow_core.analysis.fields.time_range import last_time
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.landscape import Surface, surface
from cellflow_core.analysis.quasi_potential import SURE
from cellflow_core.analysis.results import Barriers
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.plural import counted

Array = np.ndarray
HELD = 0.02
"""Share of the measured cells on the surface that a basin holds, at least."""
SAME = 1 / 3
"""Cells that two basins share, of all that are in either (Jaccard 1912), from which on they are one basin found twice:
two of the same size share half of their cells."""
TIE = 0.01
"""Overlap that the same name counts for, where the cells of a basin are parted alike by two others."""


SMOOTH = (
    "Barriers of -log p come out too low, since the density is smoothed: they tell an order, not a height, and compare "
    "trainings of one model."
)


class Found(NamedTuple):
    """The surface of one training: its basins, the basin of each cell, and what cells are in each."""

    made: Surface
    basins: Basins
    own: Int[Array, " cells"]
    names: tuple[str, ...]

    @property
    def kept(self) -> Int[Array, " kept"]:
        """The basins with enough cells, the deepest first."""
        count = np.bincount(self.own[self.own >= 0], minlength=len(self.names))
        return np.flatnonzero(count >= HELD * max(count.sum(), 1))


def barriers(
    model: Model,
    data: Snapshots,
    view: Embedding,
    kind: str = "auto",
    time: float | None = None,
    by: str = "",
    siblings: Sequence[Model] = (),
    seed: int = 0,
) -> Barriers:
    """Climbs between the basins of the surface that `landscape` makes of the same settings, and of those of siblings.

    by        annotation whose values name the basins; "" for no names
    siblings  the same model from other seeds. A basin of theirs is one of this model where both hold the same measured
              cells (SAME), each for one at most: the matching with the largest overlap in all (Hungarian method), by
              names where the cells leave it open
    """
    time = last_time(data) if time is None else float(time)
    labels = labels_of(data, by) if by else np.full(len(data.x), "", object)
    first = _found(model, data, view, kind, time, labels, seed)
    quasi = first.made.unit == "-log p"
    kind = "quasi" if quasi else "potential"
    others = [_found(each, data, view, kind, time, labels, seed) for each in siblings]
    kept = first.kept
    matches = [kept, *(matched(first, each) for each in others)]
    climb = np.stack([_climb(each, at) for each, at in zip((first, *others), matches, strict=True)])
    more = Counter(name for each, at in zip(others, matches[1:], strict=True) for name in _unmatched(each, at))
    note = "Basins are matched by the measured cells in them."
    smooth = (SMOOTH,) if quasi else ()
    highest = [_highest(each, at) for each, at in zip((first, *others), matches, strict=True)]
    return Barriers(
        view=view.name,
        kind=first.made.kind,
        unit=first.made.unit,
        basins=tuple(first.names[k] for k in kept),
        numbers=tuple(int(k) + 1 for k in kept),
        cells=np.array([(first.own == k).sum() for k in kept], int),
        climb=climb,
        found=np.stack([at >= 0 for at in matches]),
        unsure=(np.stack(highest) > SURE).any(axis=0) & np.array(quasi),
        others=tuple(more.items()),
        notes=(
            f"{note} A climb is the height of the lowest path above the bottom that it begins at.",
            _spread(others),
            *smooth,
        ),
    )


def _found(model: Model, data: Snapshots, view: Embedding, kind: str, time: float, labels: Array, seed: int) -> Found:
    """The basins of the surface of one training."""
    made = surface(model, data, view, kind, time, seed)
    basins = find_basins(made.height)
    own = basin_of(view.points, basins, made.grid)
    return Found(
        made, basins, own, basin_names(basins, made.height, own, made.grid.at(made.height, view.points), labels)
    )


def matched(first: Found, other: Found) -> Int[Array, " kept"]:
    """The basin of another surface that holds the cells of each kept basin of the first, -1 where none does."""
    kept = first.kept
    mine = np.stack([first.own == k for k in kept]) if len(kept) else np.zeros((0, len(first.own)), bool)
    theirs = np.stack([other.own == k for k in range(len(other.names))])
    both = (mine[:, None] & theirs).sum(axis=2)
    overlap = both / np.maximum((mine[:, None] | theirs).sum(axis=2), 1)
    alike = np.array([[first.names[k] == name for name in other.names] for k in kept]).reshape(overlap.shape)
    at = np.full(len(kept), -1)
    for row, column in zip(*linear_sum_assignment(-overlap - TIE * alike), strict=True):
        if overlap[row, column] >= SAME:
            at[row] = column
    return at


def _climb(found: Found, at: Int[Array, " kept"]) -> Float[Array, "kept kept"]:
    """Climbs between the basins that stand for those of the first training; NaN for those that it does not have."""
    there = (at >= 0)[:, None] & (at >= 0)
    return np.where(there, found.basins.climb[np.ix_(at, at)], np.nan)


def _highest(found: Found, at: Int[Array, " kept"]) -> Float[Array, "kept kept"]:
    """Height of the lowest path between them, above the deepest place of the surface; NaN as in `_climb`."""
    return _climb(found, at) + found.made.height.ravel()[found.basins.lowest[at]][:, None]


def _unmatched(found: Found, at: Int[Array, " kept"]) -> list[str]:
    """The cells in the basins of another training that are none of the first's."""
    return [found.names[k] or "cells without a name" for k in found.kept if k not in at]


def _spread(others: Sequence[Found]) -> str:
    if not others:
        return "One training: how much of a height is chance of the training is not known."
    return (
        f"Medians and ranges are over {counted(len(others) + 1, 'training')} that differ by seed or method: those that "
        "have both basins."
    )
