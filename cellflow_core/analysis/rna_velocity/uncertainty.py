"""How sure the velocity of a cell is, of a model that gives draws of it.

After Gayoso, Weiler et al. 2024 (veloVI), doi:10.1038/s41592-023-01994-w. Intrinsic: how far the directions of the
draws scatter. Extrinsic: how far the directions scatter in which the velocity graph expects the cell to go, that is
among neighbors that were measured. Both are 1 - |mean of the unit vectors|: 0 for one direction, near 1 for any.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import cell_blocks
from cellflow_core.analysis.fields.cell_velocities import NEIGHBORS, compared
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocityUncertainty

Array = np.ndarray
DRAWS = 20


def velocity_dispersion(
    model: HasVelocityUncertainty, data: Snapshots, seed: int = 0
) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """(intrinsic, extrinsic) of every cell, 0 to 1. One draw of all cells is held at a time."""
    near = nearest_others(data.x, NEIGHBORS)
    rng = torch.Generator().manual_seed(seed)
    sums: tuple[Array, Array] | None = None
    for _ in range(DRAWS):
        x, v = compared(data.space, data.x, _draw(model, data, rng))
        graph = velocity_graph(x, v, near)
        sums = sums or (np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32))
        for part in cell_blocks(len(x)):
            sums[0][part] += _unit(v[part])
            sums[1][part] += _unit(graph.displacement(x, part))
    assert sums is not None
    intrinsic, extrinsic = (1 - np.linalg.norm(each, axis=1) / DRAWS for each in sums)
    return intrinsic, extrinsic


def _draw(model: HasVelocityUncertainty, data: Snapshots, rng: torch.Generator) -> Float[Array, "cells dim"]:
    assert isinstance(model, DynamicsModel)
    model.eval()
    found = np.empty(data.x.shape, dtype=np.float32)
    for time in data.times if len(data.times) else (first_time(data),):
        rows = np.flatnonzero(cells_of_time(data, float(time)))
        for part in np.array_split(rows, max(len(rows) // 2048, 1)):
            states = torch.from_numpy(np.ascontiguousarray(data.x[part], dtype=np.float32)).to(model.device)
            t = model.clock.position(states.new_full((len(states),), float(time)))
            with torch.no_grad():
                found[part] = model.velocity_samples(t, states, Context(), 1, rng)[0].cpu().numpy()
    return found


def _unit(v: Float[Array, "cells axes"]) -> Float[Array, "cells axes"]:
    return v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-30)
