"""RNA-ODE: RNA velocity as a function of expression by random forests, and the genes that it depends on.

Liu, Pisco, Braun, Linnarsson & Zou, "Dynamical systems model of RNA velocity improves inference of single-cell
trajectory, pseudo-time and gene regulation", J. Mol. Biol. 434:167606, 2022, doi:10.1016/j.jmb.2022.167606. One forest
(Breiman 2001, doi:10.1023/A:1010933404324) for each axis, v_i = f_i(x), fitted to the RNA velocities of all cells;
dx/dt = f(x) is followed from any cell. The network is that of GENIE3 (Huynh-Thu et al. 2010,
doi:10.1371/journal.pone.0012776): gene j acts on gene i as much as splits on j lower the variance of v_i,

    w_ij = sum over splits on j (SSE(node) - SSE(left) - SSE(right)) / sum_n (v_in - mean)^2,  mean over the trees,

over the cells of one group or of all. The authors' program is not public: number and depth of the trees are those of
a port (Hossain et al. 2024, PHOENIX, doi:10.1186/s13059-024-03264-0). Departures: w_ij has the sign in which v_i
changes across these splits, where GENIE3 has none; a leaf holds five cells or more.

A tree is stored as the whole binary tree of its depth, children of node k at 2k + 1 and 2k + 2: a node that is not
split sends every state to its left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasNetwork, HasVelocity, Phase

Array = np.ndarray
MOST_AXES = 400
"""Axes for each of which a forest is fitted; with more, fit and figures would take hours."""
LEAST_CELLS = 5
"""Cells of a leaf."""
BLOCK = 64
"""Cells whose velocities are looked up at once."""


@dataclass(frozen=True)
class Settings(Config):
    trees: int = setting(10, "trees of the forest of each axis", 1, 200)
    tree_depth: int = setting(10, "largest depth of a tree", 1, 12, label="Depth of the trees")
    features: float = setting(
        1.0, "share of the axes among which each split is chosen", 0.01, 1.0, label="Share of axes at a split"
    )
    network: bool = setting(
        False, "also infer which gene acts on which; needs genes as axes", label="Infer a gene network"
    )


class RnaODE(DynamicsModel, HasVelocity, HasNetwork):
    title = "RNA-ODE (after Liu et al. 2022)"
    summary = (
        "Learns RNA velocity as a function of expression by random forests: cells can be followed from one time alone, "
        "and the genes that velocities depend on are a network."
    )
    limitation = (
        "This field follows the RNA velocities that it was given, in small jumps, and is constant beyond the cells. A "
        "coherent field is not a right one, and a gene that velocities depend on need not be their cause."
    )
    paper = "Liu et al., J. Mol. Biol. 2022, doi:10.1016/j.jmb.2022.167606"
    needs = frozenset({DataRequirement.VELOCITY})
    counts_intervals = False
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {"network": ("network", (True,))}
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    Config = Settings
    config: Settings

    feature: Tensor  # [dim trees, splits]: the axis of each split
    threshold: Tensor  # the left child has states up to it
    value: Tensor  # [dim trees, leaves] (state / time)
    importance: Tensor  # [groups, dim, dim], the first of all cells

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.dim > MOST_AXES:
            raise ValueError(
                f"{self.title} fits a forest to each of at most {MOST_AXES} axes, and these data have {spec.dim:,}: "
                "take principal components or fewer genes"
            )
        count, leaves = spec.dim * config.trees, 2**config.tree_depth
        self.groups = ("", *dict.fromkeys(each for _, found in spec.labels for each in found if each))
        self.register_buffer("feature", torch.zeros(count, leaves - 1, dtype=torch.int32))
        self.register_buffer("threshold", torch.full((count, leaves - 1), torch.inf))
        self.register_buffer("value", torch.zeros(count, leaves))
        size = (len(self.groups), spec.dim, spec.dim) if config.network else (0, 0, 0)
        self.register_buffer("importance", torch.zeros(size))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return cls.needs | ({DataRequirement.GENE_AXES} if config.network else set())

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("random forests", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Fit the forests to all cells. Raises ValueError where no velocity differs from 0."""
        from sklearn.ensemble import RandomForestRegressor

        x, v = (torch.cat(each).cpu().numpy() for each in (frames.x, frames.cell_data["velocity"]))
        if not v.any():
            raise ValueError("the RNA velocity of every cell is 0, so there is no field to fit: take another velocity")
        members = [*self._members(frames)]
        for axis in range(x.shape[1]):
            forest = RandomForestRegressor(
                self.config.trees,
                max_depth=self.config.tree_depth,
                min_samples_leaf=LEAST_CELLS,
                max_features=self.config.features,
                random_state=int(torch.randint(2**31 - 1, (), generator=rng, device=rng.device)),
            ).fit(x, v[:, axis])
            for k, tree in enumerate(forest.estimators_, start=axis * self.config.trees):
                found = whole_tree(tree.tree_, self.config.tree_depth)
                for name, values in zip(("feature", "threshold", "value"), found, strict=True):
                    getattr(self, name)[k] = torch.from_numpy(values).to(getattr(self, name))
        if self.config.network:
            leaves = torch.cat([self._leaves(block) for block in torch.cat(frames.x).split(BLOCK)]).cpu().numpy()
            for k, rows in enumerate(members):
                self.importance[k] = torch.from_numpy(self._importance(leaves[rows], v[rows])).to(self.importance)

    def _members(self, frames: SnapshotTensors) -> Iterator[Array]:
        """The cells of each group, by mask."""
        yield np.ones(sum(map(len, frames.x)), bool)
        codes = {name: torch.cat(frames.cell_data[f"label {name}"]).cpu().numpy() for name, _ in self.spec.labels}
        for group in self.groups[1:]:
            hits = [codes[name] == found.index(group) for name, found in self.spec.labels if group in found]
            yield np.logical_or.reduce(hits)

    def _importance(self, leaves: Array, v: Array) -> Array:
        """Signed w_ij of cells with these leaves [cells, dim trees] and velocities [cells, dim]; 0 without cells."""
        dim, trees, found = v.shape[1], self.config.trees, np.zeros((v.shape[1], v.shape[1]))
        feature = self.feature.cpu().numpy()
        split = np.isfinite(self.threshold.cpu().numpy())
        for i in range(dim):
            centered = v[:, i].astype(np.float64) - v[:, i].mean() if len(v) else v[:, i]
            total = np.square(centered).sum()
            if not total > 0:
                continue
            size, change = np.zeros(dim), np.zeros(dim)
            for k in range(i * trees, (i + 1) * trees):
                lowered, sign = variance_reduction(leaves[:, k], centered, self.config.tree_depth)
                used = split[k]
                np.add.at(size, feature[k][used], lowered[used])
                np.add.at(change, feature[k][used], (lowered * sign)[used])
            found[i] = size * np.sign(change) / (trees * total)
        return found

    def notes(self) -> tuple[str, ...]:
        if not len(self.importance) or not self.importance.any():
            return ()
        explained = float(self.importance[0].abs().sum(dim=1).median())
        return (f"The forests explain {explained:.0%} of the variance of the velocity of a gene (median).",)

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        trees = torch.arange(len(self.value), device=x.device)
        found = [self.value[trees, self._leaves(block)] for block in x.split(BLOCK)]
        mean = torch.cat(found).reshape(len(x), self.spec.dim, self.config.trees).mean(dim=2)
        return mean + 0 * x  # constant between splits: the derivative in x is 0

    def _leaves(self, x: Float[Tensor, "batch dim"]) -> Tensor:
        """The leaf that each state is in, [batch, dim trees]."""
        trees = torch.arange(len(self.feature), device=x.device)
        node = torch.zeros((len(x), len(trees)), dtype=torch.int64, device=x.device)
        for _ in range(self.config.tree_depth):
            right = x.gather(1, self.feature[trees, node].long()) > self.threshold[trees, node]
            node = 2 * node + 1 + right
        return node - self.feature.shape[1]

    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group not in self.groups:
            listed = ", ".join(self.groups[1:]) or "none"
            raise KeyError(f"there is no group {group!r}; the groups are {listed}")
        return self.importance[self.groups.index(group)]


def whole_tree(tree: Any, depth: int) -> tuple[Array, Array, Array]:
    """(axis, threshold [splits], value [leaves]) of a fitted tree of scikit-learn, as the whole tree of this depth.

    Thresholds are rounded down to float32: float32 states are on the same side of them.
    """
    splits = 2**depth - 1
    feature, threshold = np.zeros(splits, np.int32), np.full(splits, np.inf, np.float32)
    value = np.zeros(splits + 1, np.float32)
    waiting = [(0, 0)]  # (node of the fitted tree, node of the whole tree)
    while waiting:
        node, place = waiting.pop()
        left, right = tree.children_left[node], tree.children_right[node]
        if place >= splits:
            value[place - splits] = tree.value[node].item()
        elif left < 0:
            waiting.append((node, 2 * place + 1))  # not split: to its left, whatever the state
        else:
            feature[place], exact = tree.feature[node], tree.threshold[node]
            rounded = np.float32(exact)
            threshold[place] = rounded if rounded <= exact else np.nextafter(rounded, np.float32(-np.inf))
            waiting += [(left, 2 * place + 1), (right, 2 * place + 2)]
    return feature, threshold, value


def variance_reduction(leaf: Array, v: Array, depth: int) -> tuple[Array, Array]:
    """(SSE(node) - SSE(left) - SSE(right), sign of mean right minus mean left) of each split of the whole tree.

    leaf [cells]: the leaf of each cell; v [cells]: what the tree predicts. Both are 0 where a side has no cells.
    """
    count, total = (np.bincount(leaf, weights, 2**depth).astype(np.float64) for weights in (None, v))
    lowered, sign = np.zeros(2**depth - 1), np.zeros(2**depth - 1)
    for level in reversed(range(depth)):
        n, s = count.reshape(-1, 2), total.reshape(-1, 2)
        both = (n > 0).all(axis=1)
        difference = np.divide(s[:, 1], n[:, 1], where=both, out=np.zeros(len(n)))
        difference -= np.divide(s[:, 0], n[:, 0], where=both, out=np.zeros(len(n)))
        count, total = n.sum(axis=1), s.sum(axis=1)
        nodes = slice(2**level - 1, 2 ** (level + 1) - 1)
        lowered[nodes] = np.divide(n.prod(axis=1), count, where=both, out=np.zeros(len(n))) * difference**2
        sign[nodes] = np.sign(difference)
    return lowered, sign
