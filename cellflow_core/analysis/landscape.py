"""A surface over a view that cells roll down: a learnt potential, or -log p of where simulated cells settle."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.helmholtz import non_gradient_share
from cellflow_core.analysis.fields.horizon import followed_times, horizon_note
from cellflow_core.analysis.fields.time_range import first_time, last_time
from cellflow_core.analysis.flow import cells_near
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.initial_cells import Polygon, select_initial_cells
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.quasi_potential import quasi_potential
from cellflow_core.analysis.results import Landscape
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.trajectories.paths import corner_note, cut_off_map, off_map_note, path_points, path_times
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_time

Array = np.ndarray
PARTICLES = 150
STILL = 1e-4
"""Change of a potential in time, in its span, below which it is numbers rounded and not a change."""


def landscape(
    model: Model,
    data: Snapshots,
    view: Embedding,
    kind: Literal["auto", "potential", "quasi"] = "auto",
    time: float | None = None,
    start_polygon: Polygon = (),
    seed: int = 0,
) -> Landscape:
    """The surface at one time (None: the last measured one), the measured cells and particles that rolled over it.

    potential  U of v = -grad U, at the cells, averaged on the grid: cells roll downhill
    quasi      -log p of the law the population settles in when the field of `time` is held
    auto       the potential where the model has one
    roll       corners of a polygon in the view that the particles start in; () starts them from cells of the first time
    """
    moving = dynamics(model)
    moving.check_follows()
    if kind not in ("auto", "potential", "quasi"):
        raise ValueError(f"kind={kind!r} is not one of auto, potential, quasi")
    if kind == "potential" and moving.potential is None:
        raise ValueError(
            f"{moving.title} has learnt no potential; ask for the quasi-potential, or train Action Matching, "
            "which has one"
        )
    if kind == "auto":
        kind = "quasi" if moving.potential is None else "potential"
    time = last_time(data) if time is None else float(time)
    grid = view.grid(72)
    if kind == "potential":
        height, unit, notes = _potential(moving, data, view, grid, time)
    else:
        height, unit, notes = quasi_potential(model, moving, data, view, grid, time, seed)
    start = select_initial_cells(data, view, PARTICLES, polygon=start_polygon, seed=seed)
    times = path_times(moving, start.time, followed_times(moving, data))
    rolled = simulate(model, start.x, times, seed=seed)
    paths = cut_off_map(path_points(view, moving, times, rolled.x), grid, height)
    path_notes = (*off_map_note(paths), *corner_note(moving), *horizon_note(moving, data))
    share, gradient_note = np.nan, f"{moving.title} has no velocity field, so no part of it can be a gradient or not."
    if moving.kind not in ("plan", "sampler"):
        near = data.x[cells_near(data, time, 1000)]
        share, gradient_note = non_gradient_share(dynamics(InPopulation(model, near)), near, time, seed)
    notes = (*notes, gradient_note, f"The particles are {start.text}.")
    return Landscape(
        view=view.name,
        kind="learnt potential" if kind == "potential" else "quasi-potential -log p",
        unit=unit,
        axes=view.axes,
        x=grid.x,
        y=grid.y,
        height=height,
        cells=view.points,
        cell_height=grid.at(height, view.points),
        cell_time=data.t if len(data.t) else np.full(len(data.x), np.nan),
        paths=paths,
        path_height=np.where(np.isnan(paths[..., 0]), np.nan, grid.at(height, np.nan_to_num(paths))),
        path_times=times,
        non_gradient=share,
        notes=(*notes, *path_notes, *view.note, *rolled.notes),
    )


def _potential(
    moving: Dynamics, data: Snapshots, view: Embedding, grid: Grid, time: float
) -> tuple[Array, str, tuple[str, ...]]:
    potential = moving.potential
    assert potential is not None
    blocks = torch.from_numpy(data.x).to(moving.device).split(2048)

    def heights(at: float) -> Array:
        with torch.no_grad():
            parts = [potential(block.new_full((len(block),), at), block) for block in blocks]
        return torch.cat(parts).cpu().numpy()

    now = heights(time)
    change = heights(first_time(data)) - heights(last_time(data))
    height = grid.average(view.points, now)
    height = np.where(grid.inside, height, np.nan)
    unit = f"state\u00b2 / {data.time_unit or 'time'}"
    what = "averaged over the cells that share a place in this picture: cells roll downhill"
    if np.ptp(change) <= STILL * np.ptp(now):
        notes = (f"Height is the potential {moving.title} learnt, {what}. It is the same at all times.",)
    else:
        notes = (
            f"Height is the potential {moving.title} learnt, at time {format_time(time)}, {what}. The "
            "flow changes with time: "
            "this is the surface of one time.",
            f"At time {format_time(time)} the model has seen cells only where cells were then: "
            "elsewhere the surface is a guess, "
            "and which of two separate valleys is the deeper one is not in the data.",
        )
    return height - np.nanmin(height), unit, notes
