"""The ground of models that are a Markov chain over the cells they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.preprocessing.selection import in_the_middle
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.neighbors import NeighborGraph, neighbor_graph
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime, HasTransitions
from cellflow_core.models.lineages.first_cells import first_cells, no_root
from cellflow_core.models.lineages.tree_model import check_connected, shape_notes
from cellflow_core.models.splicing.interpolation import Interpolation

Array = np.ndarray


class ChainModel(DynamicsModel, HasTransitions):
    """Found once from all cells, never trained by steps."""

    needs = frozenset[DataRequirement]()
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.chain = torch.eye(1).to_sparse().coalesce()
        self.ends: Tensor | None = None
        self.found_notes: tuple[str, ...] = ()

    def keep(self, chain: Any, ends: Int[Array, " cells"] | None = None) -> None:
        """Answer with these transitions, scipy.sparse [cells, cells], and terminal states of cells."""
        self.ends = None if ends is None else torch.from_numpy(ends)
        table = chain.tocoo()
        place = torch.from_numpy(np.stack([table.row, table.col]).astype(np.int64))
        self.chain = _tensor(place, torch.from_numpy(table.data).float(), table.shape[0])

    def notes(self) -> tuple[str, ...]:
        return self.found_notes

    def transitions(self) -> Float[Tensor, "cells cells"]:
        return self.chain

    def terminal_cells(self) -> Int[Tensor, " cells"] | None:
        return self.ends

    def get_extra_state(self) -> dict[str, Any]:
        chain = self.chain
        return {
            "indices": chain.indices(),
            "values": chain.values(),
            "cells": chain.shape[0],
            "notes": list(self.found_notes),
            "ends": self.ends,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.chain = _tensor(state["indices"], state["values"], state["cells"])
        self.found_notes, self.ends = tuple(state["notes"]), state.get("ends")


class OrderedChainModel(ChainModel, HasLatentTime):
    """One that also orders the cells: the order of another state is that of the nearest cells."""

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.descent = Interpolation(spec.dim)
        """Place in the order of every cell that was trained on, and in that from the other end, [cells, 1 or 2]."""

    def keep_order(self, frames: SnapshotTensors, *orders: Float[Array, " cells"]) -> None:
        """orders: the order, and where no root is known that from the other end."""
        states = torch.cat(frames.x)
        self.descent.fill(states, torch.from_numpy(np.stack(orders, axis=1)).to(states.device))

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Place in the order (no unit)."""
        return self.descent.at_cells(x)[:, 0]

    def other_direction(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"] | None:
        found = self.descent.at_cells(x)
        return found[:, 1] if found.shape[1] > 1 else None


@dataclass(frozen=True)
class RootSettings(Config):
    start: str = setting(
        "",
        "group whose middle cell the order begins at; empty: that of the first time, or, without times, an end of the "
        "first diffusion component. The step “Name some of the cells” makes one of an outline or a marker gene",
        label="First group",
    )
    start_annotation: str = setting("", "annotation of the first group", label="Annotation of the first group")


def connected_graph(x: Float[Array, "cells dim"]) -> NeighborGraph:
    """The graph of neighbors. Raises ValueError where the cells are islands."""
    graph = neighbor_graph(x)
    check_connected(graph.connectivities)
    return graph


class Roots(NamedTuple):
    """cells: that which an order begins at, and another that is as good where nothing says which; notes on both, and on
    cells that may be no trajectory."""

    cells: tuple[int, ...]
    notes: tuple[str, ...]


def root_cells(
    frames: SnapshotTensors,
    spec: DataSpec,
    config: RootSettings,
    graph: NeighborGraph,
    scales: Float[Array, "cells axes"],
    seed: int,
) -> Roots:
    """Where an order begins; scales: diffusion components of the cells, the largest first."""
    x = torch.cat(frames.x).double().cpu().numpy()
    first, notes = first_cells(frames, spec, config.start, config.start_annotation), shape_notes(x, graph, seed)
    if first is not None:
        return Roots((in_the_middle(x, first),), notes)
    away = scales[:, 0] - np.median(scales[:, 0])
    ends = sorted((int(away.argmin()), int(away.argmax())), key=lambda cell: -abs(away[cell]))
    return Roots(tuple(ends), (no_root("an end of the first diffusion component"), *notes))


def _tensor(place: Tensor, values: Tensor, cells: int) -> Tensor:
    return torch.sparse_coo_tensor(place, values, (cells, cells), check_invariants=True).coalesce()
