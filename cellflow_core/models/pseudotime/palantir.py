"""Palantir: an order on which the shortest paths from many waypoints agree, and a Markov chain along it.

Setty, Kiseliovas, Levine, Gayoso, Mazutis & Pe'er, "Characterization of cell fate probabilities in single-cell data
with Palantir", Nat. Biotechnol. 37:451, 2019, doi:10.1038/s41587-019-0068-4. A diffusion map with a kernel that adapts
to the density of cells, distances over all scales of diffusion, waypoints spread over the map, shortest paths from each
waypoint, and a pseudotime that each cell takes from the perspectives of all waypoints until it no longer changes
(math/pseudotime/palantir.py). Transitions go to nearest cells in the map, weighted by

    exp(-d_ij^2 / 2 s_i^2 - d_ij^2 / 2 s_j^2),

but to none that is more than s_i, the distance of cell i to its 10th neighbor, earlier. Fate probabilities are those to
be absorbed in the terminal states, on the page Fates.

Departures: the chain has all cells, not the waypoints; terminal states are the ends of the order (math/pseudotime/
ends.py), or named on the page, not extremes of the map near where the chain settles; the order begins at the very cell
chosen; the kernel of the map is symmetric, exp(-d^2 / s_i s_j).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from cellflow_core.config import setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.markov_chains.kernels import directed_diffusion
from cellflow_core.math.pseudotime.ends import ends_of_order
from cellflow_core.math.pseudotime.palantir import diffusion_map, find_order, multiscale
from cellflow_core.models.contract import Phase
from cellflow_core.models.lineages.chain_model import OrderedChainModel, RootSettings, connected_graph, root_cells


@dataclass(frozen=True)
class Settings(RootSettings):
    waypoints: int = setting(500, "cells whose perspectives are averaged", 20, 2000, label="Waypoints")


class Palantir(OrderedChainModel):
    title = "Palantir (after Setty et al. 2019)"
    summary = (
        "Orders cells by shortest paths from many waypoints, and gives transitions along the order, from one snapshot."
    )
    limitation = (
        "An order is found in any connected cells, also where there is none. It runs from the first cell on, whatever "
        "the true direction, and has no unit."
    )
    paper = "Setty et al. 2019, Nat. Biotechnol. 37:451, doi:10.1038/s41587-019-0068-4"
    Config = Settings
    config: Settings

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("shortest paths", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where the cells are islands, or no cell is in the first group."""
        graph = connected_graph(torch.cat(frames.x).double().cpu().numpy())
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        scales = multiscale(*diffusion_map(graph.distances, seed=seed))
        roots, self.found_notes = root_cells(frames, self.spec, self.config, graph, scales, seed)
        first, *others = (find_order(scales, each, self.config.waypoints, seed) for each in roots)
        self.keep_order(frames, first.place, *(each.place for each in others))
        chain = directed_diffusion(first.links, first.length * first.place)
        self.keep(chain, ends_of_order(scales, first.place))
