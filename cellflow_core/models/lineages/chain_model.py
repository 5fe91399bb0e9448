"""The ground of models that are a Markov chain over the cells they were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.preprocessing.selection import in_the_middle
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.neighbors import NeighborGraph, neighbor_graph
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime, HasTransitions
from cellflow_core.models.lineages.first_cells import DIRECTION, first_cells
from cellflow_core.models.lineages.tree_model import check_connected
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
        self.found_notes: tuple[str, ...] = ()

    def keep(self, chain: Any) -> None:
        """Answer with these transitions, scipy.sparse [cells, cells]."""
        table = chain.tocoo()
        place = torch.from_numpy(np.stack([table.row, table.col]).astype(np.int64))
        self.chain = _tensor(place, torch.from_numpy(table.data).float(), table.shape[0])

    def notes(self) -> tuple[str, ...]:
        return self.found_notes

    def transitions(self) -> Float[Tensor, "cells cells"]:
        return self.chain

    def get_extra_state(self) -> dict[str, Any]:
        chain = self.chain
        return {
            "indices": chain.indices(),
            "values": chain.values(),
            "cells": chain.shape[0],
            "notes": list(self.found_notes),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.chain = _tensor(state["indices"], state["values"], state["cells"])
        self.found_notes = tuple(state["notes"])


class OrderedChainModel(ChainModel, HasLatentTime):
    """One that also orders the cells: the order of another state is that of the nearest cells."""

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.descent = Interpolation(spec.dim)
        """Place in the order of every cell that was trained on, [cells, 1]."""

    def keep_order(self, frames: SnapshotTensors, order: Float[Array, " cells"]) -> None:
        states = torch.cat(frames.x)
        self.descent.fill(states, torch.from_numpy(order)[:, None].to(states.device))

    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Place in the order (no unit)."""
        return self.descent(x)[:, 0]


@dataclass(frozen=True)
class RootSettings(Config):
    start: str = setting(
        "",
        "group whose middle cell the order begins at; empty: that of the first time, or, without times, an end of the "
        "first diffusion component",
        label="First group",
    )
    start_annotation: str = setting("", "annotation of the first group", label="Annotation of the first group")


def connected_graph(x: Float[Array, "cells dim"]) -> NeighborGraph:
    """The graph of neighbors. Raises ValueError where the cells are islands."""
    graph = neighbor_graph(x)
    check_connected(graph.connectivities)
    return graph


def root_cell(
    frames: SnapshotTensors, spec: DataSpec, config: RootSettings, scales: Float[Array, "cells axes"]
) -> tuple[int, tuple[str, ...]]:
    """(cell that an order begins at, notes on it); scales: diffusion components of the cells, the largest first."""
    first = first_cells(frames, spec, config.start, config.start_annotation)
    if first is not None:
        return in_the_middle(torch.cat(frames.x).double().cpu().numpy(), first), ()
    away = np.abs(scales[:, 0] - np.median(scales[:, 0]))
    return int(away.argmax()), (
        f"Nothing says where the process begins, so the order starts at an end of the first diffusion component: "
        f"{DIRECTION}",
    )


def _tensor(place: Tensor, values: Tensor, cells: int) -> Tensor:
    return torch.sparse_coo_tensor(place, values, (cells, cells), check_invariants=True).coalesce()
