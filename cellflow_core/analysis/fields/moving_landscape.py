"""The landscape of a population at one time after another: how its basins come and go."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.basins import basin_of, common_labels, find_basins
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.initial_cells import Polygon, labels_of, select_initial_cells
from cellflow_core.analysis.landscape import PARTICLES, SIMULATED, on_surface, surface
from cellflow_core.analysis.results import MovingLandscape
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.trajectories.paths import cut_off_map, off_map_note, path_points
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
SIZE = 80
"""Grid points along each side: fewer than of a single surface, since all of them are sent at once."""
MOST = 12
"""Times at most."""
HELD = (
    "Each surface is that of one time: of the learnt potential, or of where cells would settle if the field of that "
    "time were held for ever. Cells that move while it changes need not be where it is lowest."
)


def moving_landscape(
    model: Model,
    data: Snapshots,
    view: Embedding,
    kind: Literal["auto", "potential", "quasi"] = "auto",
    start_polygon: Polygon = (),
    start_label: tuple[str, str] | None = None,
    by: str = "",
    seed: int = 0,
) -> MovingLandscape:
    """The surface at the measured times, and between them where these are few, from the time at which the cells that
    are followed begin. Basins are named by the cells that were measured then. Settings as of `landscape`. Raises
    ValueError where fewer than two times are left."""
    moving = dynamics(model)
    moving.check_follows()
    start = select_initial_cells(data, view, SIMULATED, polygon=start_polygon, label=start_label, seed=seed)
    times = shown_times(data.times[data.times >= start.time])
    if len(times) < 2:
        raise ValueError(
            "a landscape changes between two measured times or more, and the cells that are followed begin at the last "
            "one: choose earlier cells"
            if len(data.times) > 1
            else "these cells have no two measured times between which a landscape could change"
        )
    rolled = simulate(model, start.x, times, seed=seed)
    made = [surface(model, data, view, kind, float(each), seed, SIZE) for each in times]
    grid, height = made[0].grid, np.stack([each.height for each in made])
    drawn = np.sort(np.random.default_rng(seed).permutation(len(start.x))[:PARTICLES])
    paths = cut_off_map(path_points(view, moving, times, rolled.x[:, drawn]), grid, height[-1])
    on = [
        _named(on_surface(grid, each.height, data, view, view.project(x), ""), grid, data, view, by, float(t))
        for each, t, x in zip(made, times, rolled.x, strict=True)
    ]
    under = [
        np.where(np.isnan(at[:, 0]), np.nan, grid.at(h, np.nan_to_num(at))) for h, at in zip(height, paths, strict=True)
    ]
    return MovingLandscape(
        kind=made[0].kind,
        unit=made[0].unit,
        times=times,
        height=height,
        **{name: on[0][name] for name in ("view", "axes", "x", "y", "cells", "cell_time", "simulated")},
        cell_height=np.stack([each["cell_height"] for each in on]),
        paths=paths,
        path_height=np.stack(under),
        **_basins(on),
        notes=(HELD, f"The particles are {start.text}.", *off_map_note(paths), *view.note, *rolled.notes),
    )


def shown_times(measured: Float[Array, " measured"]) -> Float[Array, " times"]:
    """The measured times, with one between each two where that leaves no more than MOST; MOST of them where there are
    more, the first and the last among them."""
    if len(measured) > MOST:
        return measured[np.unique(np.linspace(0, len(measured) - 1, MOST).round().astype(int))]
    if 2 * len(measured) - 1 > MOST:
        return measured
    return np.union1d(measured, [(a + b) / 2 for a, b in pairwise(measured.tolist())])


def _named(on: dict[str, Any], grid: Grid, data: Snapshots, view: Embedding, by: str, time: float) -> dict[str, Any]:
    """The basins of a time with the names of the cells that stand in them then: of those measured at this time, or at
    the times before and after."""
    if not by:
        return on
    before, after = data.times[data.times <= time], data.times[data.times >= time]
    found = find_basins(on["height"])
    near = np.isin(data.t, [before[-1], after[0]])
    names = common_labels(labels_of(data, by), basin_of(view.points, found, grid), near, len(found.lowest))
    kinds = (sorted(names[each - 1].split(" and ")) for each in on["numbers"])  # in one order at all times
    return on | {"basins": tuple(" and ".join(each) for each in kinds)}


def _basins(on: list[dict[str, Any]]) -> dict[str, Any]:
    """Basins of all times, one after the other."""
    return {
        "basins": tuple(each for found in on for each in found["basins"]),
        "numbers": tuple(each for found in on for each in found["numbers"]),
        "of": np.repeat(np.arange(len(on)), [len(found["basins"]) for found in on]),
        "bottom": np.concatenate([found["bottom"] for found in on]),
        "barrier": np.concatenate([found["barrier"] for found in on]),
        "holds": np.concatenate([found["settled"] for found in on]),
    }
