"""A surface over a view that cells roll down: a learnt potential, or -log p of where simulated cells settle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics, values_at
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.basins import basin_names, basin_of, find_basins
from cellflow_core.analysis.fields.helmholtz import non_gradient
from cellflow_core.analysis.fields.horizon import followed_times, horizon_note
from cellflow_core.analysis.fields.time_range import first_time, last_time
from cellflow_core.analysis.flow import cells_near
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.initial_cells import Polygon, labels_of, select_initial_cells
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.quasi_potential import quasi_potential
from cellflow_core.analysis.results import Landscape
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.trajectories.paths import corner_note, cut_off_map, off_map_note, path_points, path_times
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_time

Array = np.ndarray
SIMULATED, PARTICLES = 600, 150
"""Cells that are followed to where they settle, and those whose paths are kept."""
SIZE = 120
"""Grid points along each side."""
HELD = 0.02
"""Share of the simulated cells that a basin holds at the end, at least."""
STILL = 1e-4
"""Change of a potential in time, in its span, below which it is numbers rounded and not a change."""


def landscape(
    model: Model,
    data: Snapshots,
    view: Embedding,
    kind: Literal["auto", "potential", "quasi"] = "auto",
    time: float | None = None,
    start_polygon: Polygon = (),
    start_label: tuple[str, str] | None = None,
    by: str = "",
    seed: int = 0,
) -> Landscape:
    """The surface at one time (None: the last measured one), the measured cells, particles that rolled over it and the
    basins that they end in.

    potential  U of v = -grad U, at the cells, averaged on the grid: cells roll downhill
    quasi      -log p of the law the population settles in when the field of `time` is held
    auto       the potential where the model has one
    start_polygon  corners of a polygon in the view that the particles start in; (): from cells of the first time
    start_label    annotation and value of the cells that the particles start from
    by         annotation whose values name the basins; "" for no names
    """
    moving = dynamics(model)
    moving.check_follows()
    time = last_time(data) if time is None else float(time)
    made = surface(model, data, view, kind, time, seed)
    grid, height = made.grid, made.height
    start = select_initial_cells(data, view, SIMULATED, polygon=start_polygon, label=start_label, seed=seed)
    times = path_times(moving, start.time, followed_times(moving, data))
    rolled = simulate(model, start.x, times, seed=seed)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(start.x))[:PARTICLES])
    paths = cut_off_map(path_points(view, moving, times, rolled.x[:, drawn]), grid, height)
    path_notes = (*off_map_note(paths), *corner_note(moving), *horizon_note(moving, data))
    share, local = np.nan, None
    gradient_note = f"{moving.title} has no velocity field, so no part of it can be a gradient or not."
    if moving.has_field:
        near = cells_near(data, time, 1000)
        rest = non_gradient(dynamics(InPopulation(model, data.x[near])), data.x[near], time, seed)
        share, gradient_note = rest.share, rest.note
        local = np.where(np.isfinite(height), rest.around(grid, view.points[near]), np.nan)
    notes = (*made.notes, gradient_note, f"The particles are {start.text}.")
    return Landscape(
        kind=made.kind,
        unit=made.unit,
        paths=paths,
        path_height=np.where(np.isnan(paths[..., 0]), np.nan, grid.at(height, np.nan_to_num(paths))),
        path_times=times,
        non_gradient=share,
        local_non_gradient=local,
        **on_surface(grid, height, data, view, view.project(rolled.x[-1]), by),
        notes=(*notes, *path_notes, *view.note, *rolled.notes),
    )


class Surface(NamedTuple):
    """Heights [rows, columns] over a grid, NaN where there are no cells; what they are, in what unit, and notes."""

    grid: Grid
    height: Array
    kind: str
    unit: str
    notes: tuple[str, ...]


def surface(
    model: Model, data: Snapshots, view: Embedding, kind: str, time: float, seed: int = 0, size: int = SIZE
) -> Surface:
    """The surface of `landscape` alone, with `size` grid points along each side."""
    moving = dynamics(model)
    grid = view.grid(size)
    if _checked(kind, moving) == "potential":
        return Surface(grid, *_potential(moving, data, view, grid, time))
    height, unit, notes = quasi_potential(model, moving, data, view, grid, time, seed)
    return Surface(grid, height, "quasi-potential -log p", unit, notes)


def _checked(kind: str, moving: Dynamics) -> Literal["potential", "quasi"]:
    """The kind of surface that is made. Raises ValueError for one that there is not, or the model does not have."""
    if kind not in ("auto", "potential", "quasi"):
        raise ValueError(f"kind={kind!r} is not one of auto, potential, quasi")
    if kind == "potential" and moving.potential is None:
        raise ValueError(
            f"{moving.title} has learnt no potential; ask for the quasi-potential, or train Action Matching, "
            "which has one"
        )
    return "quasi" if kind == "quasi" or moving.potential is None else "potential"


def on_surface(grid: Grid, height: Array, data: Snapshots, view: Embedding, ends: Array, by: str) -> dict[str, Any]:
    """What `Landscape` has of a surface: its grid, the measured cells on it, and the basins that simulated cells end
    in, at `ends` [cells, 2]."""
    cell_height = np.where(grid.covered(view.points, np.isfinite(height)), grid.at(height, view.points), np.nan)
    return {
        "view": view.name,
        "axes": view.axes,
        "x": grid.x,
        "y": grid.y,
        "height": height,
        "cells": view.points,
        "cell_height": cell_height,
        "cell_time": data.t if len(data.t) else np.full(len(data.x), np.nan),
        **_settled(grid, height, data, view, cell_height, ends, by),
    }


def _settled(
    grid: Grid, height: Array, data: Snapshots, view: Embedding, cell_height: Array, ends: Array, by: str
) -> dict[str, Any]:
    """The basins that simulated cells end in."""
    found = find_basins(height)
    ended = basin_of(ends, found, grid)
    share = np.bincount(ended[ended >= 0], minlength=len(found.lowest)) / len(ends)
    kept = np.argsort(-share, kind="stable")[: int((share >= HELD).sum())]

    def place(flat: Array) -> Array:
        rows, columns = np.unravel_index(flat, height.shape)
        return np.stack([grid.x[columns], grid.y[rows], height[rows, columns]], axis=-1)

    bottom, names = place(found.lowest[kept]), ("",) * len(kept)
    if by:
        own = basin_of(view.points, found, grid)
        every = basin_names(found, height, own, cell_height, labels_of(data, by))
        names = tuple(every[k] for k in kept)
    saddles, sides = _parted(found.saddle[np.ix_(kept, kept)], bottom, place)
    values = {"basins": names, "bottom": bottom, "barrier": found.barrier[kept], "settled": share[kept]}
    values |= {"numbers": tuple(int(k) + 1 for k in kept), "saddles": saddles, "sides": sides}
    return {**values, "simulated": len(ends)}


def _parted(saddle: Array, bottom: Array, place: Callable[[Array], Array]) -> tuple[Array, Array]:
    """(place and height of each saddle between the basins, the two basins on its sides: those nearest to it)."""
    flats = np.unique(saddle[saddle >= 0])
    sides = []
    for flat in flats.tolist():
        away = np.linalg.norm(bottom[:, :2] - place(np.array(flat))[:2], axis=1)
        pairs = np.argwhere(np.triu(saddle == flat))
        sides.append(pairs[away[pairs].sum(axis=1).argmin()])
    return place(flats), np.array(sides, int).reshape(-1, 2)


def _potential(
    moving: Dynamics, data: Snapshots, view: Embedding, grid: Grid, time: float
) -> tuple[Array, str, str, tuple[str, ...]]:
    potential = moving.potential
    assert potential is not None
    now, first, last = (
        values_at(potential, data.x, each, moving.device) for each in (time, first_time(data), last_time(data))
    )
    change = first - last
    height = grid.average(view.points, now)
    height = np.where(grid.near, height, np.nan)
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
    return height - np.nanmin(height), "learnt potential", unit, notes
