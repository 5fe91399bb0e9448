"""A tree that joins groups of cells, seen from a group where the process begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray
RIDGE = 1e-6
"""Added to a covariance, as a share of its mean variance, so that it has an inverse."""


@dataclass(frozen=True)
class LineageTree:
    """Centers of groups [groups, dim] and the group before each, -1 for the one that the process begins in."""

    centers: Float[Array, "groups dim"]
    parent: Int[Array, " groups"]

    @property
    def lineages(self) -> tuple[tuple[int, ...], ...]:
        """Groups from the beginning to each end, by number of the end."""
        ends = [k for k in range(len(self.parent)) if k not in self.parent]
        return tuple(self.path(end) for end in ends)

    def path(self, group: int) -> tuple[int, ...]:
        """Groups from the beginning to this one."""
        found = [group]
        while self.parent[found[-1]] >= 0:
            found.append(int(self.parent[found[-1]]))
        return tuple(reversed(found))

    @property
    def beginning(self) -> int:
        """The group that the process begins in."""
        return int(np.flatnonzero(self.parent < 0)[0])

    @property
    def edges(self) -> Int[Array, "edges 2"]:
        """Pairs of groups that are joined, the earlier one first."""
        later = np.flatnonzero(self.parent >= 0)
        return np.stack([self.parent[later], later], axis=1)

    def seen_from(self, group: int) -> LineageTree:
        """The same tree, where the process begins in another group."""
        return rooted(self.centers, self.edges, group)

    @property
    def depth(self) -> Float[Array, " groups"]:
        """Length of the path from the beginning to each center (state)."""
        return np.array([_length(self.centers[list(self.path(k))]) for k in range(len(self.parent))])

    def separation(self) -> Float[Array, "groups groups"]:
        """Length of the path along the tree between any two centers (state)."""
        paths, depth = [self.path(k) for k in range(len(self.parent))], self.depth
        last = [[max(set(a) & set(b), key=lambda k: depth[k]) for b in paths] for a in paths]
        return depth[:, None] + depth[None] - 2 * depth[np.array(last)]

    def project(
        self, x: Float[Array, "cells dim"]
    ) -> tuple[Float[Array, " cells"], Int[Array, " cells"], Float[Array, " cells"]]:
        """(length of the tree from its beginning to the nearest point of it, the group that this edge leads to, the
        distance to it) of each state.

        Edges to ends go straight on beyond them, and so does the only edge at the beginning: lengths may be negative.
        """
        later = np.flatnonzero(self.parent >= 0)
        depth, begins = self.depth, (self.parent[later] == np.flatnonzero(self.parent < 0)).sum() == 1
        along, edge, best = np.zeros(len(x)), np.zeros(len(x), int), np.full(len(x), np.inf)
        for k in later:
            before = self.parent[k]
            length = float(np.linalg.norm(self.centers[k] - self.centers[before]))
            unit = (self.centers[k] - self.centers[before]) / max(length, 1e-30)
            step = x - self.centers[before]
            low = -np.inf if begins and self.parent[before] < 0 else 0.0
            at = np.clip(step @ unit, low, length if k in self.parent else np.inf)
            distance = np.linalg.norm(step - at[:, None] * unit, axis=1)
            nearer = distance < best
            best[nearer], edge[nearer], along[nearer] = distance[nearer], k, depth[before] + at[nearer]
        return along, edge, best


def centers_of(x: Float[Array, "cells dim"], group: Int[Array, " cells"]) -> Float[Array, "groups dim"]:
    """Mean state of each group 0, 1, ..., none of them empty."""
    return np.stack([x[group == k].mean(axis=0) for k in range(group.max() + 1)])


def scaled_distances(x: Float[Array, "cells dim"], group: Int[Array, " cells"]) -> Float[Array, "groups groups"]:
    """sqrt((m_i - m_j)' (S_i + S_j)^-1 (m_i - m_j)) of means and covariances of groups (Street et al. 2018, Methods).

    Covariances are diagonal where a group has no more cells than there are axes.
    """
    mean, count = centers_of(x, group), np.bincount(group)
    dim = x.shape[1]
    full = count.min() > dim
    spread = np.stack(
        [np.cov(x[group == k].T).reshape(dim, dim) if count[k] > 1 else np.zeros((dim, dim)) for k in range(len(mean))]
    )
    if not full:
        spread = spread * np.eye(dim)
    floor = RIDGE * max(float(x.var(axis=0).mean()), 1e-30) * np.eye(dim)
    found = np.zeros((len(mean), len(mean)))
    for i in range(len(mean)):
        for j in range(i):
            step = mean[i] - mean[j]
            found[i, j] = found[j, i] = np.sqrt(step @ np.linalg.solve(spread[i] + spread[j] + floor, step))
    return found


def spanning_tree(distance: Float[Array, "groups groups"]) -> Int[Array, "edges 2"]:
    """Edges of the tree of least total length that joins all groups (Prim 1957)."""
    joined, edges = [0], []
    left = list(range(1, len(distance)))
    while left:
        block = distance[np.ix_(joined, left)]
        i, j = np.unravel_index(block.argmin(), block.shape)
        edges.append((joined[i], left[j]))
        joined.append(left.pop(j))
    return np.array(edges, dtype=int).reshape(-1, 2)


def evenly_along(
    centers: Float[Array, "groups dim"], edges: Int[Array, "edges 2"], count: int
) -> Float[Array, "points dim"]:
    """About `count` points of a tree, not fewer than its centers: these, and others between them, equally far apart."""
    lengths = np.linalg.norm(centers[edges[:, 0]] - centers[edges[:, 1]], axis=1)
    step = lengths.sum() / max(count - len(centers), 1e-9)
    found = [centers]
    for (a, b), length in zip(edges, lengths, strict=True):
        between = round(float(length / step)) if step > 0 else 0
        share = np.arange(1, between + 1)[:, None] / (between + 1)
        found.append(centers[a] + share * (centers[b] - centers[a]))
    return np.concatenate(found)


def rooted(centers: Float[Array, "groups dim"], edges: Int[Array, "edges 2"], root: int) -> LineageTree:
    """The tree of these edges, seen from a group."""
    parent = np.full(len(centers), -1)
    waiting, met = [root], {root}
    while waiting:
        here = waiting.pop()
        for there in (*edges[edges[:, 0] == here, 1], *edges[edges[:, 1] == here, 0]):
            if there not in met:
                parent[there] = here
                met.add(int(there))
                waiting.append(int(there))
    return LineageTree(centers, parent)


def longest_path(centers: Float[Array, "groups dim"], edges: Int[Array, "edges 2"]) -> tuple[int, int]:
    """The two ends of the longest path of a tree, the one with the lower number first."""
    separation = rooted(centers, edges, 0).separation()
    a, b = np.unravel_index(separation.argmax(), separation.shape)
    return int(min(a, b)), int(max(a, b))


def _length(points: Float[Array, "points dim"]) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
