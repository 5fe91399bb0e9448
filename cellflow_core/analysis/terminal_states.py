"""The states that cells end in: groups of the last measured time, and which of them a simulated cell belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_mutual_info_score

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.data.snapshots import MAX_CATEGORIES, Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
AXES = 10
"""Principal axes in which groups are sought."""
VOTES = 15
"""Nearest cells of the last time that vote on where a cell ended."""
MOST = 12
"""States shown apart; rarer ones are put together."""
FAR = 1.5
"""A cell is elsewhere, in no terminal state, where the nearest cell of any state is farther than this many times the
distance that 99 % of the measured cells of the last time have to theirs, ..."""
WIDE = 2.0
"""... and farther than this many times the root mean square distance of the cells of a state from its mean: where axes
are few, neighbors are much nearer than the state is wide."""
TELLING = 0.1
"""Adjusted mutual information with the states from which an annotation names them: a column that says what cells were
used for (train, test) has about 0."""


@dataclass(frozen=True)
class TerminalStates:
    """names [fates]; cells [labelled, dim] of the last time with the fate each belongs to; notes for the reader.

    undefined  share of the cells of the last time that define no state
    radius     distance to the nearest labelled cell (state) above which a cell is elsewhere
    """

    names: tuple[str, ...]
    cells: Float[Array, "labelled dim"]
    fate: Int[Array, " labelled"]
    notes: tuple[str, ...]
    undefined: float
    radius: float

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

    def elsewhere(self, x: Float[Array, "n dim"]) -> Bool[Array, " n"]:
        """Whether a cell is far from every terminal state: see FAR."""
        return nearest_neighbors(self.cells, 1, x)[0][:, 0] > self.radius

    def centers(self, view: Embedding) -> Float[Array, "fates 2"]:
        """Median place of the cells of each state in a view."""
        points = view.project(self.cells)
        return np.stack([np.median(points[self.fate == k], axis=0) for k in range(len(self.names))])


def terminal_states(
    data: Snapshots, states: str = "found", final: Bool[Array, " cells"] | None = None
) -> TerminalStates:
    """Groups found among the cells of the last time, or the values of an annotation among them.

    final  cells that define states instead of those of the last time: where simulated cells end, with one time

    A found group is named after the value that most of its cells have of the annotation that has most in common with
    the groups, where one has (TELLING).
    """
    last = data.t == data.times[-1] if final is None else final
    where = "of the last time" if final is None else "near which simulated cells end"
    if states != "found":
        return _annotated(data, states, last, where)
    cells = data.x[last]
    groups = _groups(cells)
    count = groups.max() + 1
    labelled = groups >= 0
    names = _named(data, last, groups)
    if count == 1:
        notes: tuple[str, ...] = (
            f"The cells {where} form no separate groups, so there is only one terminal state; choose an "
            "annotation, such as cell type, to tell fates apart.",
        )
    else:
        notes = (
            f"{count} terminal states were found as dense groups (HDBSCAN) among the {len(cells):,} cells {where}; "
            f"{1 - labelled.mean():.0%} of those cells stand between groups and define none.",
        )
    return _states(names, cells, groups, notes)


def _states(names: Sequence[str], cells: Array, fate: Int[Array, " cells"], notes: Sequence[str]) -> TerminalStates:
    """The states that these cells of the last time define; fate -1 for none."""
    labelled = fate >= 0
    own = cells[labelled]
    distance, _ = nearest_neighbors(own, 2, cells)
    other = np.where(labelled, distance[:, -1], distance[:, 0])  # the nearest to a labelled cell is the cell itself
    means = np.stack([own[fate[labelled] == k].mean(axis=0) for k in range(len(names))])
    width = float(np.sqrt(np.square(own - means[fate[labelled]]).sum(axis=1).mean()))
    radius = max(FAR * float(np.quantile(other, 0.99)), WIDE * width) if len(own) > 1 else float("inf")
    return TerminalStates(tuple(names), own, fate[labelled], tuple(notes), float(1 - labelled.mean()), radius)


def _named(data: Snapshots, last: Bool[Array, " cells"], groups: Int[Array, " last"]) -> list[str]:
    """ "state 1", "state 2 (Erythroid)": with the value that most cells of a state have and fewer of the others."""
    names = [f"state {k + 1}" for k in range(groups.max() + 1)]
    if len(names) == 1:
        return names
    common = {name: _in_common(labels_of(data, name)[last], groups) for name in data.labels}
    best = max(common, key=common.__getitem__, default="")
    if not best or common[best] < TELLING:
        return names
    values = labels_of(data, best)[last].astype(str)
    for k in range(len(names)):
        inside = values[groups == k]
        kinds, sizes = np.unique(inside[inside != ""], return_counts=True)
        if len(kinds) and sizes.max() > len(inside) / 2:
            kind = kinds[sizes.argmax()]
            others = values[(groups >= 0) & (groups != k)]
            if sizes.max() / len(inside) > (others == kind).mean():
                names[k] += f" ({kind})"
    return names


def _in_common(values: Array, groups: Int[Array, " last"]) -> float:
    """Adjusted mutual information of an annotation and the groups, over the cells that have both; 0 by chance."""
    both = (groups >= 0) & (values != "")
    if not 2 <= len(np.unique(values[both].astype(str))) <= MAX_CATEGORIES:
        return 0.0
    return float(adjusted_mutual_info_score(values[both].astype(str), groups[both]))


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


def _annotated(data: Snapshots, name: str, last: Array, where: str) -> TerminalStates:
    values = labels_of(data, name)[last]
    kinds, sizes = np.unique(values[values != ""].astype(str), return_counts=True)
    if not len(kinds):
        raise ValueError(f"no cell {where} has a value of {name!r}")
    order = np.argsort(-sizes, kind="stable")
    kept = kinds[order[:MOST]]
    others = len(kinds) - len(kept)
    known = values != ""
    place = {str(each): k for k, each in enumerate(kept)}
    fate = np.array([place.get(str(each), len(kept)) if each != "" else -1 for each in values])
    names = (*kept.tolist(), *(["other"] if others else []))
    notes = [f"The terminal states are the values of {name} among the cells {where}."]
    if others:
        notes.append(f"{others} rare values are put together as other.")
    if not known.all():
        notes.append(f"{(~known).sum():,} cells {where} have no value of {name} and define no state.")
    return _states(names, data.x[last], fate, notes)
