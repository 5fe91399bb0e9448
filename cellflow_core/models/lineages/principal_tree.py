"""A tree through the middle of cells in a linear map of few axes, found together with the map (DDRTree).

Mao, Wang, Goodison & Sun, "Dimensionality reduction via graph structure learning", KDD 2015,
doi:10.1145/2783258.2783309. See `principal_tree` for the equations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.models.lineages.lineage_tree import LineageTree, longest_path, rooted, spanning_tree

Array = np.ndarray
SETTLED = 1e-3
"""Relative change of the objective at which the tree rests, as published."""


@dataclass(frozen=True)
class PrincipalTree:
    """axes [dim, axes] (orthonormal) and middle of the map z = (x - middle) axes; nodes [nodes, axes] in it, and the
    edges that join them."""

    middle: Float[Array, " dim"]
    axes: Float[Array, "dim axes"]
    nodes: Float[Array, "nodes axes"]
    edges: Int[Array, "edges 2"]

    def reduced(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells axes"]:
        return (x - self.middle) @ self.axes

    def nearest(self, x: Float[Array, "cells dim"]) -> Int[Array, " cells"]:
        """The node nearest to each state in the map."""
        return _distances(self.reduced(x), self.nodes).argmin(axis=1)

    def pruned(self, shortest: float) -> PrincipalTree:
        """Without the branches, from an end to the nearest fork, that are shorter than this part of the longest path;
        the shortest goes first. The last edge of those that stay is as long as that, so that it has the direction of
        the branch: cells beyond the end are ordered along it."""
        least = shortest * rooted(self.nodes, self.edges, longest_path(self.nodes, self.edges)[0]).depth.max()
        joined: dict[int, set[int]] = {k: set() for k in range(len(self.nodes))}
        for a, b in self.edges.tolist():
            joined[a].add(b)
            joined[b].add(a)
        while True:
            branches = [_branch(joined, end) for end in joined if len(joined[end]) == 1]
            lengths = [np.linalg.norm(np.diff(self.nodes[each], axis=0), axis=1).sum() for each in branches]
            ending = [k for k, each in enumerate(branches) if len(joined[each[-1]]) > 2 and lengths[k] < least]
            if not ending:
                break
            *gone, fork = branches[min(ending, key=lambda k: lengths[k])]
            joined[fork].discard(gone[-1])
            for each in gone:
                del joined[each]
        for end in [each for each in joined if len(joined[each]) == 1]:
            self._straightened(joined, _branch(joined, end), least)
        place = {old: new for new, old in enumerate(sorted(joined))}
        edges = [(place[a], place[b]) for a in joined for b in joined[a] if a < b]
        return PrincipalTree(self.middle, self.axes, self.nodes[sorted(joined)], np.array(edges, int).reshape(-1, 2))

    def _straightened(self, joined: dict[int, set[int]], branch: list[int], least: float) -> None:
        """Take out the nodes of a branch that are nearer than `least` to its end, along it."""
        along = np.linalg.norm(np.diff(self.nodes[branch], axis=0), axis=1).cumsum()
        last = min(int(np.searchsorted(along, least)), len(along) - 1) + 1
        end, kept = branch[0], branch[last]
        joined[kept].discard(branch[last - 1])
        for each in branch[1:last]:
            del joined[each]
        joined[end] = {kept}
        joined[kept].add(end)

    def rooted(self, root: int) -> LineageTree:
        """Seen from a node."""
        return rooted(self.nodes, self.edges, root)


def principal_tree(
    x: Float[Array, "cells dim"],
    axes: int,
    centers: Float[Array, "nodes dim"],
    sigma: float,
    stiffness: float,
    gamma: float,
    rounds: int,
) -> PrincipalTree:
    """W, Z, Y and the tree B that minimise

        sum_i |x_i - W z_i|^2 + lambda/2 sum_kl B_kl |y_k - y_l|^2 + gamma sum_ik r_ik (|z_i - y_k|^2 + s log r_ik)

    over orthonormal W, one after the other: B the minimum spanning tree of the nodes y, r_i = softmax_k(-|z_i - y_k|^2
    / s), and with L the Laplacian of B, G = diag(1'R), M = (lambda / gamma) L + G and S = (1 + gamma) / gamma M - R'R,

        W = leading eigenvectors of X (I + R S^-1 R') X',   Z = W' X (I + R S^-1 R') / (1 + gamma),   Y = Z R M^-1.

    sigma      s, in multiples of the mean squared distance of the cells to their middle
    stiffness  lambda, in multiples of the number of cells; centers: states that the nodes begin at
    """
    middle = x.mean(axis=0)
    x, s = x - middle, sigma * float(np.square(x - middle).sum(axis=1).mean())
    w = np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :axes]
    z, y, before = x @ w, (centers - middle) @ w, np.inf
    edges = np.zeros((0, 2), int)
    for _ in range(rounds):
        edges = spanning_tree(_distances(y, y))
        laplacian = _laplacian(edges, len(y))
        square = _distances(z, y)
        r = np.exp(-(square - square.min(axis=1, keepdims=True)) / s)
        r /= r.sum(axis=1, keepdims=True)
        entropy = float((r * np.log(np.maximum(r, 1e-300))).sum())
        fit = np.square(x - z @ w.T).sum() + gamma * ((r * square).sum() + s * entropy)
        total = float(fit + stiffness * len(x) * np.trace(y.T @ laplacian @ y))
        m = stiffness * len(x) / gamma * laplacian + np.diag(r.sum(axis=0))
        xr = x.T @ r
        pulled = np.linalg.solve((1 + gamma) / gamma * m - r.T @ r, xr.T)
        w = np.linalg.eigh(x.T @ x + xr @ pulled)[1][:, ::-1][:, :axes]
        z = (x @ w + r @ (pulled @ w)) / (1 + gamma)
        y = np.linalg.solve(m, r.T @ z)
        if abs(before - total) <= SETTLED * abs(before):
            break
        before = total
    return PrincipalTree(middle, w, y, spanning_tree(_distances(y, y)))


def _distances(a: Float[Array, "n axes"], b: Float[Array, "m axes"]) -> Float[Array, "n m"]:
    """Squared."""
    found = np.square(a).sum(axis=1)[:, None] - 2 * a @ b.T + np.square(b).sum(axis=1)
    return np.maximum(found, 0)


def _laplacian(edges: Int[Array, "edges 2"], nodes: int) -> Float[Array, "nodes nodes"]:
    found = np.zeros((nodes, nodes))
    found[edges[:, 0], edges[:, 1]] = found[edges[:, 1], edges[:, 0]] = -1
    return found - np.diag(found.sum(axis=1))


def _branch(joined: dict[int, set[int]], end: int) -> list[int]:
    """Nodes from an end to the first fork, or to the other end where there is none."""
    found, before = [end], -1
    while len(found) == 1 or len(joined[found[-1]]) == 2:
        before, here = found[-1], next(each for each in joined[found[-1]] if each != before)
        found.append(here)
    return found
