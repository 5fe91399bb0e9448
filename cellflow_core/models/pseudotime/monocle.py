"""Monocle 2: reversed graph embedding. A tree of many nodes is drawn through the cells in a map that is found with it.

Qiu et al., "Reversed graph embedding resolves complex single-cell trajectories", Nat. Methods 14:979, 2017,
doi:10.1038/nmeth.4402; DDRTree: Mao, Wang, Goodison & Sun, KDD 2015, doi:10.1145/2783258.2783309
(lineages/principal_tree.py). Nodes begin evenly along a tree of clusters; in turn, the tree that joins them is the
minimum spanning tree, cells belong to the nodes near them, and map, cells and nodes have a closed form. Latent time is
the length of the tree from its beginning to its point nearest to the cell in the map.

Departures: nodes begin on that tree, since centers of k-means lie where cells are many, and leave gaps where they are
few, across which ends near each other are joined; fewer nodes on a less stiff tree (chosen on simulated trees);
branches shorter than a part of the longest
path are cut off; cells are projected onto the edges of this tree, not joined by a spanning tree of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime, HasLineages, Lineages, Phase
from cellflow_core.models.lineages.chain_model import RootSettings, connected_graph
from cellflow_core.models.lineages.first_cells import first_cells, no_root
from cellflow_core.models.lineages.lineage_tree import LineageTree, evenly_along, longest_path, rooted
from cellflow_core.models.lineages.principal_tree import PrincipalTree, principal_tree
from cellflow_core.models.lineages.tree_model import cluster_tree, gaps, links_between, off_the_tree

Array = np.ndarray
SIGMA = 1e-3
"""Width of the assignment of cells to nodes, in mean squared distances from the middle."""
ROUNDS = 20
PER_NODE, FEWEST = 3, 4
"""Fewest cells for each node, in the mean; fewest nodes."""


@dataclass(frozen=True)
class Settings(RootSettings):
    axes: int = setting(2, "axes of the map that the tree lies in", 1, 50, label="Axes of the map")
    nodes: int = setting(
        40, "nodes of the tree; fewer where there are not three cells for each", 4, 1000, label="Nodes of the tree"
    )
    stiffness: float = setting(
        0.03, "lambda: penalty on squared lengths of edges", 1e-4, 1e3, "multiples of the cells", label="Stiffness λ"
    )
    gamma: float = setting(10.0, "gamma: how close cells are drawn to the tree", 1e-2, 1e4, label="Closeness γ")
    shortest_branch: float = setting(
        0.1, "part of the longest path below which a branch is cut off", 0.0, 0.5, label="Shortest branch"
    )


class Monocle(DynamicsModel, HasLatentTime, HasLineages):
    title = "Monocle 2 (after Qiu et al. 2017)"
    summary = "Draws a tree through the cells in a map that is found with it (DDRTree) and orders the cells along it."
    limitation = (
        "A tree is found in any cells, also where there is none; where two branches end near each other it may join "
        "them there. Its direction depends on the first group, and pseudotime has no unit."
    )
    paper = "Qiu et al. 2017, Nat. Methods 14:979, doi:10.1038/nmeth.4402"
    needs = frozenset[DataRequirement]()
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.fitted = PrincipalTree(
            np.zeros(spec.dim), np.eye(spec.dim)[:, :1], np.zeros((1, 1)), np.zeros((0, 2), int)
        )
        self.root = 0
        self.other_end: int | None = None
        self.found_notes: tuple[str, ...] = ()

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("principal tree", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where the cells are islands, are too few, or there is no such first group."""
        x, config = torch.cat(frames.x).double().cpu().numpy(), self.config
        nodes = min(config.nodes, len(x) // PER_NODE)
        if nodes < FEWEST:
            raise ValueError(f"{len(x)} cells are too few for a tree: at least {FEWEST * PER_NODE} are needed")
        graph = connected_graph(x)
        first = first_cells(frames, self.spec, config.start, config.start_annotation)
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        groups, contact, edges = cluster_tree(x, graph, seed)
        centers, axes = evenly_along(groups, edges, nodes), min(config.axes, x.shape[1])
        found = principal_tree(x, axes, centers, SIGMA, config.stiffness, config.gamma, ROUNDS)
        self.fitted = found.pruned(config.shortest_branch)
        nearest = self.fitted.nearest(x)
        if first is None:
            self.root, self.other_end = longest_path(self.fitted.nodes, self.fitted.edges)
        else:
            self.root = self._root(nearest[first])
        direction = () if first is not None else (no_root("one end of the longest path of the tree"),)
        links = links_between(graph, nearest, len(self.fitted.nodes))
        self.found_notes = (*direction, *off_the_tree(links, self.tree), *gaps(contact, rooted(groups, edges, 0)))

    def _root(self, first: Array) -> int:
        """The end of the tree nearest to the nodes of the first cells."""
        fitted = self.fitted
        ends = np.flatnonzero(np.bincount(fitted.edges.ravel(), minlength=len(fitted.nodes)) == 1)
        return int(ends[fitted.rooted(0).separation()[ends][:, first].mean(axis=1).argmin()])

    @property
    def tree(self) -> LineageTree:
        return self.fitted.rooted(self.root)

    def notes(self) -> tuple[str, ...]:
        return self.found_notes

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Length of the tree from its beginning (state); below 0 before its first node."""
        reduced = self.fitted.reduced(x.detach().double().cpu().numpy())
        return torch.from_numpy(self.tree.project(reduced)[0]).to(x)

    def other_direction(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"] | None:
        if self.other_end is None:
            return None
        reduced = self.fitted.reduced(x.detach().double().cpu().numpy())
        return torch.from_numpy(self.tree.seen_from(self.other_end).project(reduced)[0]).to(x)

    def lineages(self, x: Float[Tensor, "batch dim"], context: Context) -> Lineages:
        """A state is on every lineage that its nearest edge is a part of."""
        tree, fitted = self.tree, self.fitted
        edge = tree.project(fitted.reduced(x.detach().double().cpu().numpy()))[1]
        weight = np.stack([np.isin(edge, each) for each in tree.lineages], axis=1)
        states = torch.from_numpy(fitted.nodes @ fitted.axes.T + fitted.middle).to(x)
        return Lineages(tuple(states[list(each)] for each in tree.lineages), torch.from_numpy(weight).to(x))

    def get_extra_state(self) -> dict[str, Any]:
        found = {name: torch.from_numpy(each.copy()) for name, each in vars(self.fitted).items()}
        return {"fitted": found, "root": self.root, "other_end": self.other_end, "notes": list(self.found_notes)}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.fitted = PrincipalTree(**{name: each.cpu().numpy() for name, each in state["fitted"].items()})
        self.root, self.found_notes = int(state["root"]), tuple(state["notes"])
        self.other_end = state.get("other_end")
