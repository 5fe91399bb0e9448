"""The states that cells end in: groups of the last measured time, and which of them a simulated cell belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import HDBSCAN

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
AXES = 10
"""Principal axes in which groups are sought."""
VOTES = 15
"""Nearest cells of the last time that vote on where a cell ended."""
MOST = 12
"""States shown apart; rarer ones are put together."""


@dataclass(frozen=True)
class TerminalStates:
    """names [fates]; cells [labelled, dim] of the last time with the fate each belongs to; notes for the reader."""

    names: tuple[str, ...]
    cells: Float[Array, "labelled dim"]
    fate: Int[Array, " labelled"]
    notes: tuple[str, ...]

    @property
    def measured(self) -> Float[Array, " fates"]:
        """Share of the labelled cells of the last time in each state."""
        return np.bincount(self.fate, minlength=len(self.names)) / len(self.fate)

    def of(self, x: Float[Array, "n dim"]) -> Int[Array, " n"]:
        """The state that most of the nearest labelled cells belong to."""
        return self.probabilities(x).argmax(axis=1)

    def probabilities(self, x: Float[Array, "n dim"]) -> Float[Array, "n fates"]:
        """Share of each state among the nearest labelled cells."""
        found = self.fate[nearest_neighbors(self.cells, VOTES, x)[1]]
        return np.stack([(found == k).mean(axis=1) for k in range(len(self.names))], axis=1)

    def centers(self, view: Embedding) -> Float[Array, "fates 2"]:
        """Median place of the cells of each state in a view."""
        points = view.project(self.cells)
        return np.stack([np.median(points[self.fate == k], axis=0) for k in range(len(self.names))])


def terminal_states(data: Snapshots, states: str = "found") -> TerminalStates:
    """Groups found among the cells of the last time, or the values of an annotation among them.

    A found group is named after the value that most of its cells have of the first annotation that tells cells of the
    last time apart, where there is one.
    """
    last = data.t == data.times[-1]
    if states != "found":
        return _annotated(data, states, last)
    cells = data.x[last]
    groups = _groups(cells)
    count = groups.max() + 1
    labelled = groups >= 0
    names = [f"state {k + 1}" for k in range(count)]
    telling = (each for name in data.labels if len(np.unique((each := labels_of(data, name)[last])[each != ""])) > 1)
    values = next(telling, None)
    if values is not None and count > 1:
        for k in range(count):
            kinds, sizes = np.unique(values[(groups == k) & (values != "")].astype(str), return_counts=True)
            if len(kinds) and sizes.max() > (groups == k).sum() / 2:
                names[k] += f" ({kinds[sizes.argmax()]})"
    if count == 1:
        notes: tuple[str, ...] = (
            "The cells of the last time form no separate groups, so there is only one terminal state; choose an "
            "annotation, such as cell type, to tell fates apart.",
        )
    else:
        apart = 1 - labelled.mean()
        notes = (
            f"{count} terminal states were found as dense groups (HDBSCAN) among the {len(cells):,} cells of the last "
            f"time; {apart:.0%} of those cells stand between groups and define none.",
        )
    return TerminalStates(tuple(names), cells[labelled], groups[labelled], notes)


def _groups(cells: Array) -> Int[Array, " cells"]:
    """Group of each cell, largest first, -1 for none; a single group where fewer than half the cells are in one."""
    alone = np.zeros(len(cells), int)
    smallest = max(10, round(0.04 * len(cells)))
    if len(cells) < 2 * smallest:
        return alone
    center = cells - cells.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(center, full_matrices=False)
    found = HDBSCAN(min_cluster_size=smallest, min_samples=5, copy=True).fit_predict(center @ axes[:AXES].T)
    sizes = np.bincount(found[found >= 0], minlength=1)
    if len(sizes) < 2 or sizes.sum() < 0.5 * len(cells):
        return alone
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return np.where(found >= 0, rank[found], -1)


def _annotated(data: Snapshots, name: str, last: Array) -> TerminalStates:
    values = labels_of(data, name)[last]
    kinds, sizes = np.unique(values[values != ""].astype(str), return_counts=True)
    if not len(kinds):
        raise ValueError(f"no cell of the last time has a value of {name!r}")
    order = np.argsort(-sizes, kind="stable")
    kept = kinds[order[:MOST]]
    others = len(kinds) - len(kept)
    known = values != ""
    fate = np.array([int(np.flatnonzero(kept == each)[0]) if each in kept else len(kept) for each in values[known]])
    names = (*kept.tolist(), *(["other"] if others else []))
    notes = [f"The terminal states are the values of {name} among the cells of the last time."]
    if others:
        notes.append(f"{others} rare values are put together as other.")
    if not known.all():
        notes.append(f"{(~known).sum():,} cells of the last time have no value of {name} and define no state.")
    return TerminalStates(names, data.x[last][known], fate, tuple(notes))
