"""Transport plans between the cells of consecutive times, solved once over all cells."""

from __future__ import annotations

import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import in_blocks
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.ot_problem import OTProblem
from cellflow_core.models.transport.ot_solvers import FusedGromovWasserstein, OTSolver


def plans(solver: OTSolver, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
    """The plan of each interval. Raises KeyError where the cells lack the structure of a fused problem."""
    return tuple(_plan(solver, frames, k, rng) for k in range(len(frames.x) - 1))


def _plan(solver: OTSolver, frames: SnapshotTensors, k: int, rng: torch.Generator) -> TransportPlan:
    """The plan of interval k: of all cells up to the solver's limit, else of random blocks of them."""
    x0, x1 = frames.x[k : k + 2]
    structure0, structure1 = _structure(solver, frames)[k : k + 2]
    t0, t1 = float(frames.times[k]), float(frames.times[k + 1])
    growth = 1.0 if frames.mass is None else float(frames.mass[k + 1] / frames.mass[k])
    row, column, mass, target_mass, converged = [], [], [], [], True
    for i, j in in_blocks(len(x0), len(x1), solver.limit, solver.block, rng):
        found = solver.solve(OTProblem(x0[i], x1[j], t1 - t0, growth, structure0[i], structure1[j]), rng)
        fraction = len(i) / len(x0)
        row.append(i[found.row])
        column.append(j[found.column])
        mass.append(found.mass * fraction)
        if found.target_mass is not None:
            target_mass.append(found.target_mass * fraction)
        converged &= found.converged
    return TransportPlan(
        t0,
        t1,
        x0[torch.cat(row)],
        x1[torch.cat(column)],
        torch.cat(mass),
        torch.cat(target_mass) if target_mass else None,
        converged=converged,
    )


def _structure(solver: OTSolver, frames: SnapshotTensors) -> tuple[torch.Tensor, ...]:
    """What cells of each time are compared by among themselves."""
    if not isinstance(solver, FusedGromovWasserstein) or not solver.structure_key:
        return frames.x
    if solver.structure_key not in frames.cell_data:
        known = ", ".join(frames.cell_data) or "nothing"
        raise KeyError(f"the cells have no {solver.structure_key!r} to be compared by: they have {known}")
    return frames.cell_data[solver.structure_key]
