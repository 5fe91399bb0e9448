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
GROUPED = 10_000
"""Cells that are grouped at most: the time of HDBSCAN grows as their square."""
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
LEAST = 0.05
"""Share of the cells near which followed cells end that a value of an annotation must have to be a state: fewer are on
their way."""
TELLING = 0.1
"""Adjusted mutual information with the states from which an annotation names them: a column that says what cells were
used for (train, test) has about 0."""


@dataclass(frozen=True)
class TerminalStates:
    """names [fates]; cells [labelled, dim] of the last time with the fate each belongs to; notes for the reader.

    rows       of these cells in the data set
    undefined  share of the cells of the last time that define no state
    radius     distance to the nearest labelled cell (state) above which a cell is elsewhere
    """

    names: tuple[str, ...]
    rows: Int[Array, " labelled"]
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


FOUND = "found"


def are_found(states: str, data: Snapshots) -> bool:
    """Are these states found, and no groups of an annotation? Of "" always, of "found" unless one is called so."""
    return not states or (states == FOUND and FOUND not in data.labels)


def terminal_states(
    data: Snapshots,
    states: str = "",
    final: Bool[Array, " cells"] | None = None,
    groups: Sequence[str] = (),
    where: str = "near which followed cells end",
) -> TerminalStates:
    """Groups found among the cells of the last time ("" or "found"), or the values of an annotation among them.

    final   cells that define states instead of those of the last time: where cells that are followed end, with one time
    groups  values of the annotation that are the states, chosen by hand: all of their cells define them
    where   which cells `final` are, in words that follow "cells"

    A found group is named after the value that most of its cells have of the annotation that has most in common with
    the groups, where one has (TELLING).
    """
    if groups:
        return _annotated(data, states, _of_groups(data, states, groups), "of the chosen groups")
    last = data.t == data.times[-1] if final is None else final
    where = "of the last time" if final is None else where
    if not are_found(states, data):
        return _annotated(data, states, last, where, 0.0 if final is None else LEAST)
    cells = data.x[last]
    found = _groups(cells)
    count = found.max() + 1
    labelled = found >= 0
    names = named(data, last, found)
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
    return _states(names, data, last, found, notes)


def states_of_cells(data: Snapshots, fate: Int[Array, " cells"], notes: Sequence[str]) -> TerminalStates:
    """The states 0, 1, ... of some cells, -1 for all others, named like groups that are found."""
    chosen = fate >= 0
    return _states(named(data, chosen, fate[chosen]), data, chosen, fate[chosen], notes)


def _of_groups(data: Snapshots, name: str, groups: Sequence[str]) -> Bool[Array, " cells"]:
    if are_found(name, data):
        raise ValueError(f"{', '.join(groups)} are groups of no annotation: name the annotation they are values of")
    values = labels_of(data, name)
    unknown = [each for each in groups if not (values == each).any()]
    if unknown:
        known = ", ".join(sorted({str(each) for each in values if each != ""})[:12])
        raise ValueError(f"no cell has {name} = {', '.join(unknown)}: its values are {known}")
    return np.isin(values.astype(str), list(groups))


def _states(
    names: Sequence[str], data: Snapshots, last: Bool[Array, " cells"], fate: Int[Array, " last"], notes: Sequence[str]
) -> TerminalStates:
    """The states that these cells of the last time define; fate -1 for none."""
    cells, labelled = data.x[last], fate >= 0
    own = cells[labelled]
    distance, _ = nearest_neighbors(own, 2, cells)
    other = np.where(labelled, distance[:, -1], distance[:, 0])  # the nearest to a labelled cell is the cell itself
    means = np.stack([own[fate[labelled] == k].mean(axis=0) for k in range(len(names))])
    width = float(np.sqrt(np.square(own - means[fate[labelled]]).sum(axis=1).mean()))
    radius = max(FAR * float(np.quantile(other, 0.99)), WIDE * width) if len(own) > 1 else float("inf")
    rows = np.flatnonzero(last)[labelled]
    return TerminalStates(tuple(names), rows, own, fate[labelled], tuple(notes), float(1 - labelled.mean()), radius)


def named(data: Snapshots, last: Bool[Array, " cells"], groups: Int[Array, " last"], word: str = "state") -> list[str]:
    """ "state 1", "state 2 (Erythroid)": with the value that most cells of a state have and fewer of the others."""
    names = [f"{word} {k + 1}" for k in range(groups.max() + 1)]
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
    """Group of each cell, largest first, -1 for none; a single group where fewer than half the cells are in one.

    Of many cells some drawn at random are grouped, and each other is of the group of the nearest of them."""
    if len(cells) > GROUPED:
        some = np.sort(np.random.default_rng(0).choice(len(cells), GROUPED, replace=False))
        return _groups(cells[some])[nearest_neighbors(cells[some], 1, cells)[1][:, 0]]
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


def _annotated(data: Snapshots, name: str, last: Array, where: str, least: float = 0.0) -> TerminalStates:
    """least: share of the cells that a value must have to be a state."""
    values = labels_of(data, name)[last]
    kinds, sizes = np.unique(values[values != ""].astype(str), return_counts=True)
    common = sizes >= least * sizes.sum()
    kinds, sizes = kinds[common], sizes[common]
    if not len(kinds):
        raise ValueError(f"no cell {where} has a value of {name!r}")
    order = np.argsort(-sizes, kind="stable")
    kept = kinds[order[:MOST]]
    others = len(kinds) - len(kept)
    known = values != ""
    place = {str(each): k for k, each in enumerate(kept)} | {str(kinds[k]): len(kept) for k in order[MOST:]}
    fate = np.array([place.get(str(each), -1) for each in values])
    rare = int((known & (fate < 0)).sum())
    rest = "other values" if "other" in kinds else "other"
    names = (*kept.tolist(), *([rest] if others else []))
    notes = [f"The terminal states are the values of {name} among the cells {where}."]
    if others:
        notes.append(f"{others} rare values are put together as {rest}.")
    if not known.all():
        notes.append(f"{(~known).sum():,} cells {where} have no value of {name} and define no state.")
    if rare:
        notes.append(
            f"{rare:,} cells {where} have values of {name} that fewer than {least:.0%} of them have, and define none."
        )
    return _states(names, data, last, fate, notes)
