"""CellRank: a Markov chain over measured cells from what is known of their direction, mixed from several kernels.

Lange et al., "CellRank for directed single-cell fate mapping", Nat. Methods 19:159, 2022,
doi:10.1038/s41592-021-01346-6; Weiler, Lange, Klein, Pe'er & Theis, "CellRank 2: unified fate mapping in multiview
single-cell data", Nat. Methods 21:1196, 2024, doi:10.1038/s41592-024-02303-9. The transitions are the mean, by weight,
of

    velocity      softmax over nearest cells of the cosine between the RNA velocity of a cell and the step to each,
                  divided by the median size of these cosines
    pseudotime    the links of the graph of neighbors to cells that are not earlier in an order, and the strongest 30 %
                  of the links of a cell in both directions
    real time     the transport plan from each time to the next of a model that has plans; links within the last time
    connectivity  the links of the graph of neighbors

Macrostates (math/markov_chains/gpcca.py), terminal states, fate probabilities and driver genes are asked of the page
Fates, as of any model with transitions. Departures: cosines, not correlations, of velocities and steps; velocities as
they are, without their uncertainty. With `kernels` = "cellrank" the package computes all kernels but that of real time
(lineages/package_kernels.py), and the first departure is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.math.markov_chains.kernels import along_order, mixture, row_stochastic
from cellflow_core.math.neighbors import NeighborGraph, nearest_others
from cellflow_core.math.pseudotime.diffusion import diffusion_order, diffusion_scales
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models.contract import Phase
from cellflow_core.models.lineages.chain_model import ChainModel, RootSettings, connected_graph, root_cells
from cellflow_core.models.lineages.package_kernels import Kernel, package_kernels
from cellflow_core.models.transport.plan_transitions import plan_transitions

Array = np.ndarray
NEIGHBORS = 30
"""Nearest cells that a cell may go to along its velocity."""


@dataclass(frozen=True)
class Settings(RootSettings):
    pseudotime: float = setting(0.8, "weight of transitions along an order", 0.0, 1.0, label="Pseudotime kernel")
    velocity: float = setting(0.0, "weight of transitions along the RNA velocity", 0.0, 1.0, label="Velocity kernel")
    real_time: float = setting(
        0.0, "weight of transport plans from each time to the next", 0.0, 1.0, label="Real-time kernel"
    )
    connectivity: float = setting(
        0.2, "weight of transitions to any neighbor, which keep the chain in one piece", 0.0, 1.0, label="Connectivity"
    )
    order: str = setting(
        "",
        "annotation in numbers that is the order; empty: diffusion pseudotime from the first group",
        label="Order of the cells",
    )
    plan: Literal["waddington-ot", "ot-displacement", "transport-spline", "moscot", "moslin"] = setting(
        "waddington-ot", "model whose transport plans are the real-time kernel", label="Transport plans"
    )
    kernels: Literal["own", "cellrank"] = setting(
        "own",
        "who computes the kernels of order, velocity and connectivity: this app, or the package cellrank, which "
        "`make cellrank` installs, with its own defaults",
        label="Implementation",
        choice_labels={"own": "built in", "cellrank": "package cellrank"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pseudotime + self.velocity + self.real_time + self.connectivity:
            raise ValueError("no kernel has a weight above 0: give one of them a weight")


class CellRank(ChainModel):
    title = "CellRank (after Lange et al. 2022)"
    summary = (
        "Links measured cells by transition probabilities from RNA velocity, an order, transport plans and likeness, "
        "mixed by weight: where cells end, and how likely each does there."
    )
    limitation = (
        "The direction is that of the order, the velocity or the plans it is given, right or wrong. Fates count steps "
        "between measured cells, not time, division or death."
    )
    paper = "Lange et al. 2022, Nat. Methods 19:159, doi:10.1038/s41592-021-01346-6"
    Config = Settings
    config: Settings

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        needs = {DataRequirement.VELOCITY} if config.velocity else set()
        if config.real_time:
            needs |= {DataRequirement.TIMES} | ({DataRequirement.LINEAGE} if config.plan == "moslin" else set())
        return cls.needs | needs

    @classmethod
    def training_package(cls, config: Settings) -> str:
        return "" if config.kernels == "own" else config.kernels

    @classmethod
    def member_names(cls, config: Settings) -> tuple[str, ...]:
        return (config.plan,) if config.real_time else ()

    def phases(self) -> tuple[Phase, ...]:
        """Those of the transport plans, then the transitions."""
        of_plans = tuple(phase for member in self.members.values() for phase in member.phases())
        return (*of_plans, Phase("transitions", prepare=self.prepare))

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where the cells are islands, or there is no such order."""
        x = torch.cat(frames.x).double().cpu().numpy()
        graph, config = connected_graph(x), self.config
        wanted: dict[Kernel, Any] = {"connectivity": None} if config.connectivity else {}
        if config.pseudotime:
            wanted["pseudotime"], self.found_notes = self._order(frames, rng, x, graph)
        if config.velocity:
            wanted["velocity"] = torch.cat(frames.cell_data["velocity"]).double().cpu().numpy()
        compute = own_kernels if config.kernels == "own" else package_kernels
        found = [(getattr(config, name), each) for name, each in compute(x, graph.connectivities, wanted).items()]
        plans = [plan_transitions(each, frames, graph.connectivities) for each in self.members.values()]
        found += [(config.real_time, each) for each in plans]
        self.keep(mixture(found))

    def notes(self) -> tuple[str, ...]:
        return (*self.found_notes, *(note for member in self.members.values() for note in member.notes()))

    def _order(
        self, frames: SnapshotTensors, rng: torch.Generator, x: Float[Array, "cells dim"], graph: NeighborGraph
    ) -> tuple[Float[Array, " cells"], tuple[str, ...]]:
        """(order of the cells, notes on where it begins)."""
        name = f"covariate {self.config.order}"
        if self.config.order:
            if name not in frames.cell_data:
                known = ", ".join(key[10:] for key in frames.cell_data if key.startswith("covariate ")) or "none"
                raise ValueError(f"the cells have no annotation in numbers {self.config.order!r}; they have {known}")
            order: Any = torch.cat(frames.cell_data[name]).double().cpu().numpy()
            if lost := int((~np.isfinite(order)).sum()):
                raise ValueError(f"{lost:,} cells have no {self.config.order!r}: keep only those that have one")
            return order, ()
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        scales = diffusion_scales(x, graph, seed)
        roots, notes = root_cells(frames, self.spec, self.config, graph, scales, seed)
        return diffusion_order(scales, roots[0]), notes


def own_kernels(
    x: Float[Array, "cells dim"], links: Any, wanted: Mapping[Kernel, Float[Array, ...] | None]
) -> dict[Kernel, Any]:
    """As `package_kernels`, by this app."""
    found: dict[Kernel, Any] = {}
    for name, along in wanted.items():
        if along is None:
            found[name] = row_stochastic(links)
        elif name == "pseudotime":
            found[name] = along_order(links, along)
        else:
            found[name] = velocity_graph(x, along, nearest_others(x, NEIGHBORS), sigma=None).transitions()
    return found
