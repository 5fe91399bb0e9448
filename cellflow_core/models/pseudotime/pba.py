"""Population balance analysis: where cells must flow so that births and deaths keep a snapshot as it is.

Weinreb, Wolock, Tusi, Socolovsky & Klein, "Fundamental limits on dynamic inference from single-cell snapshots", PNAS
115:E2467, 2018, doi:10.1073/pnas.1714723115. With A the adjacency of nearest neighbors, d its row sums and R the rate
at which cells enter (above 0) or leave (below 0) at each cell,

    L = I - A / d,    V = pinv(L) R,    P_ij ~ A_ij exp((V_i - V_j) / D).

Rates are those of the groups that are named as sources and sinks (1 a step in each source cell, and as many leave from
the sinks in all), else the growth rates of the cells, else those of the first and the last of several times.

Departures: cells that leave are not taken out of P, whose rows sum to one: fates count the terminal groups that are
named as ends, and mean first passage times are those to them; latent time is the descent max V - V.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.neighbors import nearest_others, neighbor_graph
from cellflow_core.math.population_balance import joined, potential, transitions
from cellflow_core.models.contract import Phase
from cellflow_core.models.lineages.chain_model import OrderedChainModel
from cellflow_core.models.lineages.named_cells import named_cells
from cellflow_core.models.lineages.tree_model import check_connected, shape_notes

Array = np.ndarray


@dataclass(frozen=True)
class Settings(Config):
    annotation: str = setting("", "annotation that sources and sinks are groups of", label="Annotation")
    sources: str = setting("", "groups where cells enter, separated by commas", label="Sources")
    sinks: str = setting(
        "", "groups where cells leave, separated by commas; empty beside sources: from all cells alike", label="Sinks"
    )
    neighbors: int = setting(10, "nearest cells that a cell is joined to", 2, 200, label="Nearest neighbors k")
    diffusion: float = setting(
        1.0, "D: how random the motion is, in the unit of the rates", 1e-3, 1e3, label="Diffusion D"
    )


class Pba(OrderedChainModel):
    title = "Population balance (after Weinreb et al. 2018)"
    summary = (
        "Finds the flow between measured cells that balances where cells enter and where they leave: transition "
        "probabilities and an order from one snapshot."
    )
    limitation = (
        "It takes the population to be at steady state and its motion to be downhill, without cycles; sources and "
        "sinks are an assumption, and the order follows from them."
    )
    paper = "Weinreb et al. 2018, PNAS 115:E2467, doi:10.1073/pnas.1714723115"
    Config = Settings
    config: Settings

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("population balance", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Raises ValueError where the cells are islands, or nothing says at which of them cells enter or leave."""
        x = torch.cat(frames.x).double().cpu().numpy()
        adjacency = joined(nearest_others(x, self.config.neighbors))
        check_connected(adjacency)
        rate, which = self._rates(frames, len(x))
        height = potential(adjacency, rate)
        self.keep(transitions(adjacency, height, self.config.diffusion))
        self.keep_order(frames, height.max() - height)
        seed = int(torch.randint(2**31 - 1, (1,), generator=rng, device=rng.device))
        self.found_notes = (which, *shape_notes(x, neighbor_graph(x), seed))

    def cell_potential(self) -> Float[Tensor, " cells"]:
        """V, 0 at the highest cell (unit of the rates)."""
        return -self.descent.values[:, 0]

    def _rates(self, frames: SnapshotTensors, cells: int) -> tuple[Float[Array, " cells"], str]:
        """(rate at which cells enter, above 0, or leave, below 0; what it was taken from, a sentence)."""
        config = self.config
        if config.sources:
            sources, sinks = self._cells_of(frames, config.sources), np.ones(cells, bool)
            if config.sinks:
                sinks = self._cells_of(frames, config.sinks)
            which = f"Cells enter in {config.sources} and leave from {config.sinks or 'all cells alike'}."
        elif config.sinks:
            raise ValueError("sinks are named and no sources: name the groups where cells enter too")
        elif "growth" in frames.cell_data:
            rate = torch.cat(frames.cell_data["growth"]).double().cpu().numpy()
            if np.ptp(rate) <= 0:
                raise ValueError("all cells have one growth rate, so none is a source: name sources and sinks")
            return rate, "Cells enter and leave by the growth rates of the data."
        elif len(frames.times) > 1:
            place = np.repeat(np.arange(len(frames.x)), [len(each) for each in frames.x])
            sources, sinks = place == 0, place == len(frames.x) - 1
            which = "No sources are named: cells enter at the first time and leave at the last."
        else:
            raise ValueError(
                "nothing says where cells enter and leave: name an annotation, its groups that are sources and those "
                "that are sinks, or estimate growth rates first"
            )
        if (sources & sinks).any() and config.sinks:
            raise ValueError("a group is both a source and a sink: name it once")
        return sources - sinks * (sources.sum() / sinks.sum()), which

    def _cells_of(self, frames: SnapshotTensors, groups: str) -> Array:
        names, code = named_cells(frames, self.spec, self.config.annotation)
        wanted = [each.strip() for each in groups.split(",") if each.strip()]
        if unknown := [each for each in wanted if each not in names]:
            raise ValueError(f"there is no group {unknown[0]!r} in {self.config.annotation!r}: {', '.join(names)}")
        return np.isin(code, [names.index(each) for each in wanted])
