"""TSCAN: a minimum spanning tree of clusters, and the place of each cell along it.

Ji & Ji, "TSCAN: Pseudo-time reconstruction and evaluation in single-cell RNA-seq analysis", Nucleic Acids Research
44:e117, 2016, doi:10.1093/nar/gkw430. With the centers of groups joined by the tree of least total length,

    t(x) = length of the tree from its beginning to the nearest point of the tree to x.

Departures: clusters by k-means, not by a mixture of Gaussians; the tree is that of our Slingshot (distances scaled with
the covariances of the groups, groups that are neighbors joined before all others), not that of Euclidean distances; a
cell is projected onto the nearest edge of the whole tree, not of its own cluster; edges that begin or end the tree go
on straight, so that outer cells keep their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, HasLatentTime, HasLineages, Lineages, Phase
from cellflow_core.models.lineages.lineage_tree import LineageTree
from cellflow_core.models.lineages.tree_model import TreeModel, TreeSettings


class Tscan(TreeModel, HasLatentTime, HasLineages):
    title = "TSCAN (after Ji & Ji 2016)"
    summary = "Joins clusters of cells by the shortest tree and orders the cells along it, from one snapshot alone."
    limitation = (
        "A tree is found in any cells, also where there is none. Its direction, its beginning and its number of "
        "branches depend on the groups, and pseudotime has no unit."
    )
    paper = "Ji & Ji 2016, Nucleic Acids Research 44:e117, doi:10.1093/nar/gkw430"
    Config = TreeSettings
    config: TreeSettings

    def __init__(self, config: TreeSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.centers = torch.zeros(1, spec.dim, dtype=torch.float64)
        self.parent = torch.full((1,), -1)
        self.other_end: int | None = None

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("tree", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        x = torch.cat(frames.x).double().cpu().numpy()
        found = self.find_tree(frames, rng, x)
        self.centers, self.parent = torch.from_numpy(found.tree.centers), torch.from_numpy(found.tree.parent)
        self.other_end, self.found_notes = found.other and found.other.beginning, found.notes

    @property
    def tree(self) -> LineageTree:
        return LineageTree(self.centers.numpy(), self.parent.numpy())

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Length of the tree from its beginning (state); below 0 before its first center."""
        return torch.from_numpy(self.tree.project(x.detach().double().cpu().numpy())[0]).to(x)

    def other_direction(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"] | None:
        if self.other_end is None:
            return None
        tree = self.tree.seen_from(self.other_end)
        return torch.from_numpy(tree.project(x.detach().double().cpu().numpy())[0]).to(x)

    def lineages(self, x: Float[Tensor, "batch dim"], context: Context) -> Lineages:
        """A state is on every lineage that its nearest edge is a part of."""
        tree = self.tree
        edge = tree.project(x.detach().double().cpu().numpy())[1]
        weight = np.stack([np.isin(edge, each) for each in tree.lineages], axis=1)
        curves = tuple(self.centers[list(each)].to(x) for each in tree.lineages)
        return Lineages(curves, torch.from_numpy(weight).to(x))

    def get_extra_state(self) -> dict[str, Any]:
        notes, other = list(self.found_notes), self.other_end
        return {"centers": self.centers, "parent": self.parent, "notes": notes, "other_end": other}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.centers, self.parent = state["centers"].cpu(), state["parent"].cpu()
        self.found_notes, self.other_end = tuple(state["notes"]), state.get("other_end")
