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
    non_gradient  share of the squared velocity of the cells that no potential explains, 0 to 1; NaN without a field;
                  local_non_gradient [rows, columns]: the same share of the cells around each grid point, NaN where
                  there are none of that time; None without a field
    basins        what cells are in each basin that simulated cells end in, "" for no labelled cell, most first;
                  numbers: place of each among all basins of the surface, 1 for the deepest
                  bottom [basins, 3]: place and height of the lowest point; barrier [basins]: what is climbed from there
                  to leave (NaN: no saddle); settled [basins]: share of the `simulated` cells
    saddles       [saddles, 3]: place and height of the lowest paths between these basins; sides [saddles, 2]: which two
                  each parts
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
    numbers: tuple[int, ...] = ()
    saddles: Float[Array, "saddles 3"] = field(default_factory=lambda: np.zeros((0, 3)))
    sides: Int[Array, "saddles 2"] = field(default_factory=lambda: np.zeros((0, 2), int))
    local_non_gradient: Float[Array, "rows columns"] | None = None
    simulated: int = 0
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each basin is called."""
        return distinct_names(self.basins, self.numbers)


@dataclass(frozen=True)
class MovingLandscape(Result):
    """The surface of a landscape at several times, over one grid, and simulated cells on it at each of them.

    times       [times]; height [times, rows, columns]: each from its own lowest point, NaN where there are no cells
    cells, cell_time  as in Landscape; cell_height [times, cells]: under each cell on the surface of each time
    paths       [times, particles, 2] in the view, path_height [times, particles] on the surface of that time
    basins      what cells are in the basins of all times, one time after the other, most first; of [basins]: which time
                each is of; numbers, bottom, barrier as in Landscape; holds [basins]: share of the `simulated` cells
                that are in it at that time
    """

    view: str
    kind: str
    unit: str
    axes: tuple[str, str]
    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    times: Float[Array, " times"]
    height: Float[Array, "times rows columns"]
    cells: Float[Array, "cells 2"]
    cell_time: Float[Array, " cells"]
    cell_height: Float[Array, "times cells"]
    paths: Float[Array, "times particles 2"]
    path_height: Float[Array, "times particles"]
    basins: tuple[str, ...]
    of: Int[Array, " basins"]
    numbers: tuple[int, ...]
    bottom: Float[Array, "basins 3"]
    barrier: Float[Array, " basins"]
    holds: Float[Array, " basins"]
    simulated: int
    notes: tuple[str, ...] = ()

    def at(self, k: int) -> Landscape:
        """The landscape of one time, its paths from then on."""
        own = np.flatnonzero(self.of == k)
        return Landscape(
            **{name: getattr(self, name) for name in ("view", "kind", "unit", "axes", "x", "y", "cells", "cell_time")},
            height=self.height[k],
            cell_height=self.cell_height[k],
            paths=self.paths[k:],
            path_height=self.path_height[k:],
            path_times=self.times[k:],
            non_gradient=np.nan,
            basins=tuple(self.basins[each] for each in own),
            numbers=tuple(self.numbers[each] for each in own),
            bottom=self.bottom[own],
            barrier=self.barrier[own],
            settled=self.holds[own],
            simulated=self.simulated,
        )


@dataclass(frozen=True)
class Barriers(Result):
    """What is climbed from each basin of a landscape to each other, in several trainings of one model.

    basins, numbers  as in Landscape, of the basins with enough measured cells; cells [basins]: how many there are
    climb            [trainings, basins, basins]: height of the lowest path from one to the other above the lowest point
                     of the first, the first training that of the picture; NaN where there is no path, or a training
                     has no such basin
    found            [trainings, basins]: whether a training has a basin of these cells
    unsure           [basins, basins]: whether a path is higher, in one of them, than the law of simulated cells tells
    others           names of basins that other trainings have, and this one has not, with how many have each
    """

    view: str
    kind: str
    unit: str
    basins: tuple[str, ...]
    numbers: tuple[int, ...]
    cells: Int[Array, " basins"]
    climb: Float[Array, "trainings basins basins"]
    found: Bool[Array, "trainings basins"]
    unsure: Bool[Array, "basins basins"]
    others: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each basin is called."""
        return distinct_names(self.basins, self.numbers)

    def spread(self, a: int, b: int) -> tuple[float, float, float, int]:
        """(median, lowest, highest, in how many trainings) of the climb from a to b; NaN and 0 where there is none."""
        known = self.climb[:, a, b][np.isfinite(self.climb[:, a, b])]
        if not len(known):
            return np.nan, np.nan, np.nan, 0
        return float(np.median(known)), float(known.min()), float(known.max()), len(known)


def distinct_names(basins: tuple[str, ...], numbers: tuple[int, ...]) -> tuple[str, ...]:
    """Basins by the cells in them; by their number where these have no name, with it where two hold the same cells."""
    return tuple(
        f"basin {number}" if not name else f"{name} ({number})" if basins.count(name) > 1 else name
        for name, number in zip(basins, numbers, strict=True)
    )
