"""Results over a 2-D embedding: the velocity field and the landscape."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


@dataclass(frozen=True)
class FlowField(Result):
    """The velocity of the cells at one time, averaged on a grid over a 2-D view.

    x [columns], y [rows]: the grid. u, v, speed [rows, columns]: speed_axes / time, NaN where there are no cells.
    cells, arrows [cells, 2]: measured cells nearest to this time, which the grid was made from, and the arrow of each.
    speed_axes: "the map", or "the state" where only the direction of an arrow is that of the map.
    growth [cells]: d log mass / dt of each of them at this time (1 / time); None for a model that knows no growth.
    """

    view: str
    time: float
    time_unit: str
    axes: tuple[str, str]
    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    u: Float[Array, "rows columns"]
    v: Float[Array, "rows columns"]
    speed: Float[Array, "rows columns"]
    cells: Float[Array, "cells 2"]
    arrows: Float[Array, "cells 2"] | None = None
    speed_axes: str = "the map"
    growth: Float[Array, " cells"] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Landscape(Result):
    """A surface over a 2-D view, with cells on it and particles that rolled over it.

    kind          "learnt potential" or "quasi-potential -log p"
    height        [rows, columns], NaN where there are no cells; unit says in what
    cell_height   [cells]: height under each cell of cells [cells, 2], NaN off the surface; cell_time [cells]
    paths         [steps, particles, 2] in the view, path_height [steps, particles], path_times [steps]; NaN from
                  where a path leaves the map
    non_gradient  share of the squared velocity of the cells that no potential explains, 0 to 1; NaN without a field
    basins        names of the basins that simulated cells are in at the end, "" for no labelled cell, most first;
                  bottom [basins, 3]: place and height of the lowest point; barrier [basins]: what is climbed from there
                  to leave (NaN: no saddle); settled [basins]: share of the `simulated` cells
    """

    view: str
    kind: str
    unit: str
    axes: tuple[str, str]
    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    height: Float[Array, "rows columns"]
    cells: Float[Array, "cells 2"]
    cell_height: Float[Array, " cells"]
    cell_time: Float[Array, " cells"]
    paths: Float[Array, "steps particles 2"]
    path_height: Float[Array, "steps particles"]
    path_times: Float[Array, " steps"]
    non_gradient: float
    basins: tuple[str, ...] = ()
    bottom: Float[Array, "basins 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    barrier: Float[Array, " basins"] = field(default_factory=lambda: np.zeros(0))
    settled: Float[Array, " basins"] = field(default_factory=lambda: np.zeros(0))
    simulated: int = 0
    notes: tuple[str, ...] = ()
