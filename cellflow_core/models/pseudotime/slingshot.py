"""Slingshot: smooth curves along the lineages of a tree of groups, which begin together and part.

Street et al., "Slingshot: cell lineage and pseudotime inference for single-cell transcriptomics", BMC Genomics 19:477,
2018, doi:10.1186/s12864-018-4772-0. The tree joins groups by sqrt((m_i - m_j)' (S_i + S_j)^-1 (m_i - m_j)) of their
means and covariances. Then, until the curves c_l of the lineages l rest:

    t_l, D_l     place of each cell on the curve, arc length from its beginning, and distance to it
    w_l          weight of the cell: (1 - Z_l^2) / max_l (1 - Z_l^2), Z_l the quantile of D_l among all distances;
                 1 where Z_l < 1/2, 0 where Z_l > 0.9 and the weight is below 0.1
    c_l          smooth curve of the cells over t_l, weighted by w_l
    c_l <- p c + (1 - p) c_l    from the last branching to the first, c the mean curve of those that part there and p
                 the share of their common cells that come later than t

Latent time of a cell is sum_l w_l t_l / sum_l w_l.

Departures: curves are smoothed by penalised splines, not smoothing splines; a cell is on the lineages of its group, or
near whose curves it is, in every round (published: only on those of the round before); no lineage is cut off by a
largest distance, but all cells have to be connected; the tree joins groups that are neighbors before all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasLatentTime, HasLineages, Lineages, Phase
from cellflow_core.models.lineages.lineage_tree import LineageTree
from cellflow_core.models.lineages.principal_curves import POINTS, arc_length, project, resampled, smooth
from cellflow_core.models.lineages.tree_model import TreeModel, TreeSettings

Array = np.ndarray
ROUNDS = 15
KNOTS = 1000
"""Distances that the quantiles are kept at."""
SETTLED = 1e-3
"""Relative change of the summed squared distances at which the curves rest, as published."""


class Slingshot(TreeModel, HasLatentTime, HasLineages):
    title = "Slingshot (after Street et al. 2018)"
    summary = (
        "Joins groups of cells by a tree and draws a smooth curve along each lineage; the curves share their "
        "beginning. One snapshot is enough."
    )
    limitation = (
        "A tree is found in any cells, also where there is none. Its direction, its beginning and its number of "
        "branches depend on the groups, and pseudotime has no unit."
    )
    paper = "Street et al. 2018, BMC Genomics 19:477, doi:10.1186/s12864-018-4772-0"
    Config = TreeSettings
    config: TreeSettings

    def __init__(self, config: TreeSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.fitted = Fitted((np.zeros((1, spec.dim)),), np.zeros((2, 1)), np.zeros((1, spec.dim)), np.ones((1, 1)))
        self.from_other_end: Fitted | None = None

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("principal curves", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        x = torch.cat(frames.x).double().cpu().numpy()
        found = self.find_tree(frames, rng, x)
        self.fitted, self.found_notes = principal_curves(x, found.tree, found.group), found.notes
        self.from_other_end = found.other and principal_curves(x, found.other, found.group)

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Arc length from the beginning of the curves (state); below 0 before it."""
        return torch.from_numpy(self.fitted.order(x.detach().double().cpu().numpy())).to(x)

    def other_direction(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"] | None:
        if self.from_other_end is None:
            return None
        return torch.from_numpy(self.from_other_end.order(x.detach().double().cpu().numpy())).to(x)

    def lineages(self, x: Float[Tensor, "batch dim"], context: Context) -> Lineages:
        weight = self.fitted.place(x.detach().double().cpu().numpy())[1]
        curves = tuple(torch.from_numpy(each).to(x) for each in self.fitted.curves)
        return Lineages(curves, torch.from_numpy(weight).to(x))

    def get_extra_state(self) -> dict[str, Any]:
        other = None if self.from_other_end is None else self.from_other_end.tensors()
        return {"fitted": self.fitted.tensors(), "from_other_end": other, "notes": list(self.found_notes)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.fitted, other = Fitted.of(state["fitted"]), state.get("from_other_end")
        self.from_other_end = None if other is None else Fitted.of(other)
        self.found_notes = tuple(state["notes"])


class Fitted(NamedTuple):
    """What places states on the curves.

    curves    points of each curve, [points, dim]
    quantile  distances to curves and the share of all that are below them, [2, knots]
    centers   of the groups, [groups, dim]; member: 1 where a group is on a lineage, [groups, lineages]
    """

    curves: tuple[Array, ...]
    quantile: Float[Array, "2 knots"]
    centers: Float[Array, "groups dim"]
    member: Float[Array, "groups lineages"]

    def place(self, x: Float[Array, "cells dim"]) -> tuple[Array, Array]:
        """(arc length on each curve, weight on each curve), both [cells, lineages]."""
        along, distance = _projected(self.curves, x)
        group = ((self.centers**2).sum(axis=1) - 2 * x @ self.centers.T).argmin(axis=1)
        return along, weights(np.interp(distance, *self.quantile), self.member[group])

    def order(self, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """Mean arc length over the curves, by weight."""
        along, weight = self.place(x)
        return (weight * along).sum(axis=1) / weight.sum(axis=1)

    def tensors(self) -> list[Any]:
        """To be stored."""
        curves, *others = self
        return [[torch.from_numpy(each) for each in curves], *map(torch.from_numpy, others)]

    @classmethod
    def of(cls, stored: Sequence[Any]) -> Fitted:
        """What `tensors` gave."""
        curves, *others = stored
        return cls(tuple(each.cpu().numpy() for each in curves), *(each.cpu().numpy() for each in others))


def principal_curves(x: Float[Array, "cells dim"], tree: LineageTree, group: Array) -> Fitted:
    """The curves of the lineages of a tree, by the rounds of the module."""
    lineages = tree.lineages
    member = np.stack([np.isin(np.arange(len(tree.centers)), each) for each in lineages], axis=1).astype(float)
    weight, curves = member[group], [tree.centers[list(each)] for each in lineages]
    along, _ = _projected(curves, x)
    before, quantile = np.inf, np.zeros((2, 1))
    for _ in range(ROUNDS):
        curves = [smooth(along[:, k], x, weight[:, k]) for k in range(len(curves))]
        along, _ = _projected(curves, x)
        curves = share_beginnings(curves, tree, x, along, weight)
        along, distance = _projected(curves, x)
        quantile = quantiles(distance, weight)
        weight = weights(np.interp(distance, *quantile), member[group])
        total = float((distance**2 * weight).sum())
        if abs(before - total) <= SETTLED * before:
            break
        before = total
    return Fitted(tuple(curves), quantile, tree.centers, member)


def _projected(curves: Sequence[Array], x: Float[Array, "cells dim"]) -> tuple[Array, Array]:
    along, distance = zip(*(project(each, x) for each in curves), strict=True)
    return np.stack(along, axis=1), np.stack(distance, axis=1)


def quantiles(distance: Float[Array, "cells lineages"], weight: Float[Array, "cells lineages"]) -> Array:
    """Distances and the share of all distances that are below them, [2, knots]; every cell counts once."""
    order = np.argsort(distance, axis=None, kind="stable")
    share = np.cumsum((weight / weight.sum(axis=1, keepdims=True)).ravel()[order])
    knots = np.unique(np.linspace(0, len(order) - 1, KNOTS).astype(int))
    return np.stack([distance.ravel()[order][knots], share[knots] / share[-1]])


def weights(z: Float[Array, "cells lineages"], member: Float[Array, "cells lineages"]) -> Array:
    """Weights on the curves of cells whose distances have the quantiles z, and whose groups are on some lineages."""
    near = np.where(member > 0, 1 - z**2, 0.0)
    best = near.max(axis=1, keepdims=True)
    found = np.where(best > 0, near / np.where(best > 0, best, 1.0), member)
    found[z < 0.5] = 1.0
    found[(z > 0.9) & (found < 0.1)] = 0.0
    return found


def share_beginnings(curves: list[Array], tree: LineageTree, x: Array, along: Array, weight: Array) -> list[Array]:
    """The curves drawn to the mean of those that they part from, at every branching of the tree."""
    mean: dict[int, Array] = {}  # branching -> its mean curve
    members = {g: [k for k, each in enumerate(tree.lineages) if g in each] for g in range(len(tree.parent))}
    depth = tree.depth

    def parts(branching: int) -> list[tuple[int | None, list[int]]]:
        """(the next branching or None, lineages) of each child of a branching."""
        found: list[tuple[int | None, list[int]]] = []
        for child in np.flatnonzero(tree.parent == branching):
            below = [g for g in branchings if members[g] and set(members[g]) == set(members[child])]
            found.append((below[0] if below and len(members[child]) > 1 else None, members[int(child)]))
        return found

    branchings = [g for g in range(len(depth)) if (tree.parent == g).sum() > 1]
    branchings.sort(key=lambda g: -depth[g])
    for g in branchings:
        drawn = [curves[k[0]] if below is None else mean[below] for below, k in parts(g)]
        end = min(arc_length(each)[-1] for each in drawn)
        mean[g] = np.mean([resampled(each, np.linspace(0, end, POINTS)) for each in drawn], axis=0)
    found = list(curves)
    for g in reversed(branchings):
        each_part = parts(g)
        common = np.all([weight[:, k].max(axis=1) > 0 for _, k in each_part], axis=0)
        for below, k in each_part:
            place = along[:, k[0]] if below is None else project(mean[below], x)[0]
            drawn = found[k[0]] if below is None else mean[below]
            drawn = _drawn_to(drawn, mean[g], place[common])
            if below is None:
                found[k[0]] = drawn
            else:
                mean[below] = drawn
    return found


def _drawn_to(curve: Array, mean: Array, common: Float[Array, " cells"]) -> Array:
    """The curve moved to the mean by a share that falls from 1 to 0 over the places of the common cells: the upper tail
    of a cosine kernel between their whiskers (1.5 times the quartiles' distance)."""
    if len(common) < 2:
        return curve
    low, high = np.quantile(common, [0.25, 0.75])
    inside = common[(common >= low - 1.5 * (high - low)) & (common <= high + 1.5 * (high - low))]
    low, high = inside.min(), inside.max()
    if high <= low:
        return curve
    place = arc_length(curve)
    u = np.clip((place - low) / (high - low), 0, 1)
    share = (1 - u + np.sin(2 * np.pi * u) / (2 * np.pi))[:, None]
    return share * resampled(mean, place) + (1 - share) * curve
