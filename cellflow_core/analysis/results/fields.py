"""Results over a 2-D embedding: the velocity field, its derivatives and fixed points, and the landscape."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray
SUPPORTED = 10.0
"""Cells behind an arrow from which on it is drawn in full."""


@dataclass(frozen=True)
class FlowField(Result):
    """The velocity of the cells at one time, averaged on a grid over a 2-D view.

    x [columns], y [rows]: the grid. u, v, speed [rows, columns]: speed_axes / time, NaN where there are no cells.
    cells, arrows [cells, 2]: measured cells nearest to this time, which the grid was made from, and the arrow of each.
    speed_axes: "the map", or "the state" where only the direction of an arrow is that of the map.
    growth [cells]: d log mass / dt of each of them at this time (1 / time); None for a model that knows no growth.
    rows [cells]: their rows in the data set; None where cells are drawn between times.
    support [rows, columns]: how many cells an arrow is the mean of (Kish's effective size); agreement [rows, columns]:
    mean cosine between the arrows of each two trainings of this model, None with a single one.
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
    rows: Int[Array, " cells"] | None = None
    support: Float[Array, "rows columns"] | None = None
    agreement: Float[Array, "rows columns"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def opacity(self) -> Float[Array, "rows columns"]:
        """How sure an arrow is, 0 to 1: it rises with the cells behind it, up to SUPPORTED, and with the agreement of
        the trainings; 1 where neither is known, NaN where there are no cells."""
        sure = np.where(np.isfinite(self.speed), 1.0, np.nan)
        if self.support is not None:
            sure = sure * np.clip(self.support / SUPPORTED, 0, 1)
        if self.agreement is not None:
            sure = sure * np.clip(self.agreement, 0, 1)
        return sure


@dataclass(frozen=True)
class FieldDerivatives(Result):
    """How a field changes around cells, in the state, held at one time.

    rows [cells]: in the data set, of the cells that were asked; divergence [cells] (1 / time): below 0 where paths come
    together; rotation [cells] (1 / time): with two axes the curl, its sign included, else its size (Frobenius norm of
    the antisymmetric part of the Jacobian over root two)
    """

    time: float
    time_unit: str
    dim: int
    rows: Int[Array, " cells"]
    divergence: Float[Array, " cells"]
    rotation: Float[Array, " cells"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FixedPoints(Result):
    """Where the field of one time vanishes.

    places [points, 2] in the view; kinds: "attractor", "saddle" or "repeller" of each; rotating [points]: whether cells
    circle it; supported [points]: whether there are cells around it
    rate [points] (1 / time): largest real part of the eigenvalues of the Jacobian, by which a small distance grows
    fastest, or shrinks slowest where it is below 0; unstable [points]: number of directions in which it grows
    nearest [points]: row in the data set of the cell nearest to it in the state
    """

    view: str
    time: float
    time_unit: str
    dim: int
    places: Float[Array, "points 2"]
    kinds: tuple[str, ...]
    rotating: Bool[Array, " points"]
    supported: Bool[Array, " points"]
    rate: Float[Array, " points"]
    unstable: Int[Array, " points"]
    nearest: Int[Array, " points"]
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
