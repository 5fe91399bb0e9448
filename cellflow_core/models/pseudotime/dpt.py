"""Diffusion pseudotime: how far a random walk over the neighbors of cells has to go from a root cell.

Haghverdi, Büttner, Wolf, Buettner & Theis, "Diffusion pseudotime robustly reconstructs lineage branching", Nat. Methods
13:845, 2016, doi:10.1038/nmeth.3971. With eigenvalues l_k and right eigenvectors psi_k of the transition matrix of the
graph of neighbors, the constant one left out,

    t(x) = | sum_k l_k / (1 - l_k) (psi_k(x) - psi_k(root)) |.

The graph and the diffusion map (15 components) are scanpy's. Transitions, which the paper does not have, are those of
the pseudotime kernel (Weiler et al. 2024, doi:10.1038/s41592-024-02303-9): along the links of the graph to cells that
are not earlier, and along the strongest 30 % of the links of a cell in both directions. Branches are not assigned:
Fates tells the ends apart by the transitions.
"""

from __future__ import annotations

import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.markov_chains.kernels import along_order
from cellflow_core.math.pseudotime.diffusion import diffusion_order, diffusion_scales
from cellflow_core.models.contract import Phase
from cellflow_core.models.lineages.chain_model import OrderedChainModel, RootSettings, connected_graph, root_cells


class Dpt(OrderedChainModel):
    title = "Diffusion pseudotime (Haghverdi et al. 2016)"
    summary = "Orders cells by how far a random walk over similar cells has to go from a first cell, from one snapshot."
    limitation = (
        "An order is found in any connected cells, also where there is none. It runs from the first cell on, whatever "
        "the true direction, and has no unit."
    )
    paper = "Haghverdi et al. 2016, Nat. Methods 13:845, doi:10.1038/nmeth.3971"
    Config = RootSettings
    config: RootSettings

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("diffusion map", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where the cells are islands, or no cell is in the first group."""
        x = torch.cat(frames.x).double().cpu().numpy()
        graph = connected_graph(x)
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        scales = diffusion_scales(x, graph, seed)
        roots, self.found_notes = root_cells(frames, self.spec, self.config, graph, scales, seed)
        orders = [diffusion_order(scales, each) for each in roots]
        self.keep_order(frames, *orders)
        self.keep(along_order(graph.connectivities, orders[0]))
