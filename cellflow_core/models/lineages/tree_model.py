"""The ground of an order along a tree of groups: groups, their beginning, and what the cells have to be for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.neighbors import NeighborGraph, neighbor_graph
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.models.lineages import lineage_tree
from cellflow_core.models.lineages.first_cells import DIRECTION, first_cells
from cellflow_core.models.lineages.lineage_tree import LineageTree
from cellflow_core.models.lineages.named_cells import named_cells

Array = np.ndarray
PER_CLUSTER = 3
"""Fewest cells for each cluster that is asked for, in the mean."""
STARTS: Any = 10
"""Initialisations of k-means, of which the best is kept."""
CONTACT = 0.5
"""Neighbors that two groups share, relative to the median over the edges of the tree, from which on they touch."""
TOUCHING = 0.1
"""The same relative to the median over the groups of their closest contact, from which on the tree may join them."""
FAR = 0.5
"""Part of the longest path of the tree from which on two groups are far from each other along it."""


@dataclass(frozen=True)
class TreeSettings(Config):
    annotation: str = setting(
        "", "annotation whose groups are the nodes of the tree; empty: clusters by k-means", label="Groups of the tree"
    )
    clusters: int = setting(12, "number of clusters where no annotation is named", 2, 200, label="Number of clusters")
    start: str = setting(
        "",
        "group that the process begins in; empty: where the earliest cells are, or, without times, an end of the "
        "longest path",
        label="First group",
    )
    start_annotation: str = setting(
        "", "annotation that the first group is of; empty: that of the tree", label="Annotation of the first group"
    )


class FoundTree(NamedTuple):
    """group: number of the node of each cell."""

    tree: LineageTree
    group: Int[Array, " cells"]
    notes: tuple[str, ...]


class TreeModel(DynamicsModel):
    """Needs nothing of the data but cells: known times only show where the process begins."""

    needs = frozenset[DataRequirement]()
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = TreeSettings
    config: TreeSettings

    def __init__(self, config: TreeSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.found_notes: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return self.found_notes

    def find_tree(self, frames: SnapshotTensors, rng: torch.Generator, x: Float[Array, "cells dim"]) -> FoundTree:
        """The tree of the groups of the cells x, all of the frames. Raises ValueError where the cells are
        islands, are too few, or a setting names what is not there."""
        graph = neighbor_graph(x)
        check_connected(graph.connectivities)
        group = self._groups(frames, rng, x)
        centers = lineage_tree.centers_of(x, group)
        contact = contacts(graph, group)
        edges = lineage_tree.spanning_tree(touching_first(lineage_tree.scaled_distances(x, group), contact))
        root, notes = self._root(frames, group, centers, edges)
        tree = lineage_tree.rooted(centers, edges, root)
        return FoundTree(tree, group, (*notes, *off_the_tree(contact, tree, edges)))

    def _groups(
        self, frames: SnapshotTensors, rng: torch.Generator, x: Float[Array, "cells dim"]
    ) -> Int[Array, " cells"]:
        if self.config.annotation:
            _, code = named_cells(frames, self.spec, self.config.annotation)
            found, group = np.unique(code, return_inverse=True)
            if len(found) < 2:
                raise ValueError(
                    f"all cells have one value of {self.config.annotation!r}, and a tree needs two groups: name "
                    "another annotation, or none for clusters by k-means"
                )
            return group
        from sklearn.cluster import KMeans

        if len(x) < PER_CLUSTER * self.config.clusters:
            raise ValueError(
                f"{len(x)} cells are too few for {self.config.clusters} clusters: take fewer, or at least "
                f"{PER_CLUSTER * self.config.clusters} cells"
            )
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        label = KMeans(self.config.clusters, n_init=STARTS, random_state=seed).fit_predict(x)
        return np.unique(label, return_inverse=True)[1]

    def _root(
        self,
        frames: SnapshotTensors,
        group: Int[Array, " cells"],
        centers: Float[Array, "groups dim"],
        edges: Int[Array, "edges 2"],
    ) -> tuple[int, tuple[str, ...]]:
        config = self.config
        first = first_cells(frames, self.spec, config.start, config.start_annotation or config.annotation)
        if first is not None:
            share = np.bincount(group, weights=first) / np.bincount(group)
            return int(share.argmax()), ()
        a, _ = lineage_tree.longest_path(centers, edges)
        return a, (
            f"Nothing says where the process begins, so the order starts at one end of the longest path of the tree: "
            f"{DIRECTION}",
        )


def check_connected(links: Any) -> None:
    """Raises ValueError where the cells are islands: no path along links, scipy.sparse [cells, cells], joins them."""
    from scipy.sparse.csgraph import connected_components

    count, island = connected_components(links, directed=False)
    if count > 1:
        sizes = sorted(np.bincount(island), reverse=True)
        raise ValueError(
            f"the cells are {count} islands of {', '.join(f'{each:,}' for each in sizes[:5])}"
            f"{' ...' if count > 5 else ''} cells that no path of neighbors joins, so no order leads from one to the "
            "other: keep the cells of one of them (the step “Keep some of the cells”)"
        )


def links_between(graph: NeighborGraph, group: Int[Array, " cells"], groups: int) -> Float[Array, "groups groups"]:
    """Links to nearest neighbors between the cells of two groups, in both directions; 0 within a group."""
    links = graph.distances.tocoo()
    pair = group[links.row] * groups + group[links.col]
    found = np.bincount(pair, minlength=groups**2).reshape(groups, groups).astype(float)
    np.fill_diagonal(found, 0)
    return found + found.T


def contacts(graph: NeighborGraph, group: Int[Array, " cells"]) -> Float[Array, "groups groups"]:
    """Links to nearest neighbors between the cells of two groups, a cell of the smaller group; 0 within a group."""
    size = np.bincount(group)
    return links_between(graph, group, len(size)) / np.minimum(size[:, None], size[None])


def touching_first(
    distance: Float[Array, "groups groups"], contact: Float[Array, "groups groups"]
) -> Float[Array, "groups groups"]:
    """Distances that join groups in contact before all others: those without it count more than any."""
    usual = float(np.median(contact.max(axis=1)))
    return np.where(contact >= TOUCHING * usual, distance, distance + distance.sum())


def off_the_tree(
    contact: Float[Array, "groups groups"], tree: LineageTree, edges: Int[Array, "edges 2"]
) -> tuple[str, ...]:
    """A sentence where groups that are far from each other along the tree touch: cells on a cycle, or without order."""
    usual = float(np.median(contact[edges[:, 0], edges[:, 1]]))
    separation = tree.separation()
    far = separation >= max(FAR * separation.max(), 1e-30)
    touching = np.triu(far & (contact >= CONTACT * usual) & (contact > 0), 1)
    touching[edges[:, 0], edges[:, 1]] = touching[edges[:, 1], edges[:, 0]] = False
    pairs = int(touching.sum())
    if not pairs:
        return ()
    found = "Two groups" if pairs == 1 else f"{pairs} pairs of groups"
    return (
        f"{found} at opposite ends of a path through the tree are neighbors all the same: these cells are on a cycle, "
        "or fill a region without branches, and a tree has cut them open where nothing begins or ends.",
    )
