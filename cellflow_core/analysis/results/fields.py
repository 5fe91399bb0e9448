"""Results over a 2-D embedding: the velocity field, its derivatives and fixed points, and paths of least action."""

from __future__ import annotations

from dataclasses import dataclass

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
class LeastAction(Result):
    """Paths of least action between two states, there ([:, 0]) and back ([:, 1]), in several trainings of one model.

    start, end  the states in words; place "middle" (the measured cell in the middle of a group) or "attractor"
    rows [ends] in the data set: the cell in the middle of each group
    x           [trainings, 2, points, dim]: states evenly spaced along each path, from its own beginning, the first
                training that of the picture; NaN where a training has no path. places [trainings, 2, points, 2]: the
                same on the map; times [trainings, 2, points]: since its beginning, in the held field (time)
    action, line [trainings, 2]: of the path and of the straight line, in `unit`; converged [trainings, 2]
    diffusion   D of the model's noise at this time (state^2 / time); NaN where it has none: the action is then that for
                D = 1, in state^2 / time
    distance    [2, points]: from the path to the nearest measured cell, in units of the largest distance that counts as
                near (`fixed_points.support_radius`); nearest [2, points]: row of that cell
    genes       that change most along the path there, most first; values [trainings, 2, points, genes] (expression)
    span        from the first to the last measured time (time); NaN with fewer than two
    """

    view: str
    axes: tuple[str, str]
    time: float
    time_unit: str
    start: str
    end: str
    place: str
    rows: Int[Array, " ends"]
    x: Float[Array, "trainings 2 points dim"]
    places: Float[Array, "trainings 2 points 2"]
    times: Float[Array, "trainings 2 points"]
    action: Float[Array, "trainings 2"]
    line: Float[Array, "trainings 2"]
    converged: Bool[Array, "trainings 2"]
    diffusion: float
    distance: Float[Array, "2 points"]
    nearest: Int[Array, "2 points"]
    genes: tuple[str, ...]
    values: Float[Array, "trainings 2 points genes"]
    span: float = np.nan
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Of the action; "" where the noise is known."""
        return "" if np.isfinite(self.diffusion) else f"state\u00b2 / {self.time_unit or 'time'}"

    @property
    def share(self) -> Float[Array, " points"]:
        """Of the length of a path that lies behind each point, 0 to 1."""
        return np.linspace(0, 1, self.x.shape[2])

    @property
    def duration(self) -> Float[Array, "trainings 2"]:
        """Of each path in the held field (time)."""
        return self.times[..., -1]

    @property
    def near(self) -> Bool[Array, "2 points"]:
        """Whether measured cells are around each point of the paths of the picture."""
        return self.distance <= 1
