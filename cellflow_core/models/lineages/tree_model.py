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
from cellflow_core.models.lineages.first_cells import first_cells, no_root
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
CLUSTERS = 12
"""Clusters of a tree where no groups are named."""


@dataclass(frozen=True)
class TreeSettings(Config):
    annotation: str = setting(
        "", "annotation whose groups are the nodes of the tree; empty: clusters by k-means", label="Groups of the tree"
    )
    clusters: int = setting(
        CLUSTERS, "number of clusters where no annotation is named", 2, 200, label="Number of clusters"
    )
    start: str = setting(
        "",
        "group that the process begins in; empty: where the earliest cells are, or, without times, an end of the "
        "longest path. The step “Name some of the cells” makes one of an outline or a marker gene",
        label="First group",
    )
    start_annotation: str = setting(
        "", "annotation that the first group is of; empty: that of the tree", label="Annotation of the first group"
    )


class FoundTree(NamedTuple):
    """group: number of the node of each cell; other: the same tree seen from the other end, where no root is known."""

    tree: LineageTree
    group: Int[Array, " cells"]
    notes: tuple[str, ...]
    other: LineageTree | None


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
        centers, contact, edges = _joined(x, graph, group)
        root, other, notes = self._root(frames, group, centers, edges)
        tree = lineage_tree.rooted(centers, edges, root)
        notes = (*notes, *off_the_tree(contact, tree), *gaps(contact, tree))
        return FoundTree(tree, group, notes, None if other is None else tree.seen_from(other))

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
    ) -> tuple[int, int | None, tuple[str, ...]]:
        """(group that the process begins in, another that is as good, notes)."""
        config = self.config
        first = first_cells(frames, self.spec, config.start, config.start_annotation or config.annotation)
        if first is not None:
            share = np.bincount(group, weights=first) / np.bincount(group)
            return int(share.argmax()), None, ()
        a, b = lineage_tree.longest_path(centers, edges)
        return a, b, (no_root("one end of the longest path of the tree"),)


def cluster_tree(
    x: Float[Array, "cells dim"], graph: NeighborGraph, seed: int
) -> tuple[Float[Array, "groups dim"], Float[Array, "groups groups"], Int[Array, "edges 2"]]:
    """(centers of CLUSTERS clusters, fewer of few cells, contacts between them, edges of the tree that joins them)."""
    return _joined(x, graph, k_means(x, seed))


def k_means(x: Float[Array, "cells dim"], seed: int) -> Int[Array, " cells"]:
    """Cluster of each cell: CLUSTERS of them, fewer of few cells, at least two."""
    from sklearn.cluster import KMeans

    count = max(min(CLUSTERS, len(x) // PER_CLUSTER), 2)
    label: Any = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(x)
    return np.unique(label, return_inverse=True)[1]


def _joined(
    x: Float[Array, "cells dim"], graph: NeighborGraph, group: Int[Array, " cells"]
) -> tuple[Float[Array, "groups dim"], Float[Array, "groups groups"], Int[Array, "edges 2"]]:
    """(centers of groups, contacts between them, edges of the tree that joins them)."""
    contact = contacts(graph, group)
    edges = lineage_tree.spanning_tree(touching_first(lineage_tree.scaled_distances(x, group), contact))
    return lineage_tree.centers_of(x, group), contact, edges


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


def shape_notes(x: Float[Array, "cells dim"], graph: NeighborGraph, seed: int) -> tuple[str, ...]:
    """Why cells may be no trajectory, by the tree of their clusters: `off_the_tree` and `gaps`. Nothing for too few."""
    if len(x) < PER_CLUSTER * CLUSTERS:
        return ()
    centers, contact, edges = cluster_tree(x, graph, seed)
    tree = lineage_tree.rooted(centers, edges, lineage_tree.longest_path(centers, edges)[0])
    return (*off_the_tree(contact, tree), *gaps(contact, tree))


def gaps(contact: Float[Array, "groups groups"], tree: LineageTree) -> tuple[str, ...]:
    """A sentence where the tree joins groups that hardly touch: finished types, and few cells on their way."""
    usual = float(np.median(contact.max(axis=1)))
    jumps = int((contact[tree.edges[:, 0], tree.edges[:, 1]] < TOUCHING * usual).sum())
    if not jumps:
        return ()
    return (
        f"{jumps} of the {len(tree.edges)} links of the tree join groups that hardly any cells lie between: these may "
        "be finished types, which no path of cells leads to, and their place in the order means little.",
    )


def off_the_tree(contact: Float[Array, "groups groups"], tree: LineageTree) -> tuple[str, ...]:
    """A sentence where groups that are far from each other along the tree touch: cells on a cycle, or without order."""
    edges = tree.edges
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
