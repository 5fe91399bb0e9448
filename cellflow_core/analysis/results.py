"""What the analyses answer: arrays with their meaning, ready to be drawn, stored and exported. No torch here."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

import numpy as np
from jaxtyping import Bool, Float, Int

Array = np.ndarray


@dataclass(frozen=True)
class Result:
    """Base of every answer. `notes` are sentences a reader must see beside the picture."""

    def save(self, path: Path) -> None:
        """Write to one .npz, which is there whole or not at all: arrays as arrays, the rest as JSON. No pickles."""
        arrays, plain = {}, {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                arrays[each.name] = value
            else:
                plain[each.name] = (
                    dataclasses.asdict(value)
                    if dataclasses.is_dataclass(value) and not isinstance(value, type)
                    else value
                )
        buffer = io.BytesIO()
        np.savez(buffer, __plain__=np.array(json.dumps(plain)), **arrays)
        part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(3)}.part")
        try:
            part.write_bytes(buffer.getvalue())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Lists come back as tuples, nested tables as their dataclass."""
        with np.load(path, allow_pickle=False) as stored:
            values: dict[str, Any] = {k: stored[k] for k in stored.files if k != "__plain__"}
            plain = json.loads(str(stored["__plain__"]))
        hints = get_type_hints(cls)
        for name, value in plain.items():
            kind = hints[name]
            if isinstance(value, dict) and dataclasses.is_dataclass(kind) and isinstance(kind, type):
                value = kind(**{k: _tuples(v) for k, v in value.items()})
            values[name] = _tuples(value)
        return cls(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


@dataclass(frozen=True)
class FlowField(Result):
    """The velocity of the cells at one time, averaged on a grid over a 2-D view.

    x [columns], y [rows]: the grid. u, v, speed [rows, columns]: view / time, NaN where there are no cells.
    cells [cells, 2]: measured cells nearest to this time, which the grid was made from.
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
    growth: Float[Array, " cells"] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Landscape(Result):
    """A surface over a 2-D view, with cells on it and particles that rolled over it.

    kind          "learnt potential" or "quasi-potential -log p"
    height        [rows, columns], NaN where there are no cells; unit says in what
    cell_height   [cells]: height under each cell of cells [cells, 2]; cell_time [cells]
    paths         [steps, particles, 2] in the view, path_height [steps, particles], path_times [steps]
    non_gradient  share of the squared velocity of the cells that no potential explains, 0 to 1; NaN without a field
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
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimeCourse(Result):
    """Cells of the first time, simulated through all times, against the measured ones.

    times     [steps], predicted [steps, cells, 2] in the view, weight [steps, cells] share of mass (sums to 1 a step)
    measured_times [frames]; w1, w1_previous, w1_floor [frames]: exact Wasserstein-1 distance in state space between the
              prediction and the measured cells, of the frame before (nothing moved), and of two halves of the measured
              cells (sampling noise). NaN for the first time. started_from says what the prediction started from.
    seen      [frames]: was this frame in training?
    mass      [steps, 3]: number of cells relative to the first time, with the low and high end of its 95 % interval (of
              the cells followed; one training), as (low, number, high); None for a model that knows no growth
    measured_mass [frames]: the counted numbers relative to the first; None where cell numbers mean nothing
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    started_from: str
    times: Float[Array, " steps"]
    predicted: Float[Array, "steps cells 2"]
    weight: Float[Array, "steps cells"]
    measured_times: Float[Array, " frames"]
    w1: Float[Array, " frames"]
    w1_previous: Float[Array, " frames"]
    w1_floor: Float[Array, " frames"]
    in_training: Bool[Array, " frames"]
    mass: Float[Array, "steps 3"] | None = None
    measured_mass: Float[Array, " frames"] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneTrend(Result):
    """One gene over time: mean and 10 %, 50 %, 90 % quantiles of simulated cells (columns) beside the measured ones."""

    gene: str
    time_unit: str
    times: Float[Array, " steps"]
    mean: Float[Array, " steps"]
    quantiles: Float[Array, "steps 3"]
    measured_times: Float[Array, " frames"]
    measured_mean: Float[Array, " frames"]
    measured_quantiles: Float[Array, "frames 3"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fates(Result):
    """Which terminal state simulated cells end in.

    names [fates]; share, low, high [fates]: share of the mass that ends in each, with a 95 % interval
    probability [cells, fates]: of each start cell; starts [cells, 2]: where it stands in the view
    centers [fates, 2] of the terminal states in the view; measured [fates]: their share in the last measured frame
    ungrown [fates, 3]: (low, share, high) where each start cell counts once, however much it multiplied; None for a
            model that knows no growth; grown [fates, 3]: what growth adds to each share, (low, points, high)
    interval says what the interval covers.
    """

    view: str
    names: tuple[str, ...]
    share: Float[Array, " fates"]
    low: Float[Array, " fates"]
    high: Float[Array, " fates"]
    measured: Float[Array, " fates"]
    centers: Float[Array, "fates 2"]
    starts: Float[Array, "cells 2"]
    probability: Float[Array, "cells fates"]
    interval: str
    without_growth: Float[Array, "fates 3"] | None = None
    growth_effect: Float[Array, "fates 3"] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrajectoryEnsemble(Result):
    """Where one cell, or a few, can go: the same start, followed many times.

    kind      "deterministic" (one way), "stochastic", "plan" or "sampler"
    start     which cells, in words; cell: its row in the data set, -1 for several; starts [starts, 2] in the view
    times     [steps], paths [steps, futures, 2] in the view, weight [steps, futures] share of mass (sums to 1 a step)
    mean, covariance  in the view of the futures that end in each fate, [fates, steps, 2] and [fates, steps, 2, 2]; NaN
              for a fate that none ends in
    spread    [steps]: root mean square distance of the futures from their mean (state); measured_times,
              measured_spread [frames]: the same of all measured cells
    ends      [futures]: fate of each, as its place in names
    share, low, high [fates]: share of the mass that ends in each, with a 95 % interval, NaN where there is one way only
    centers   [fates, 2] of the terminal states in the view; interval says what the interval covers
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    kind: str
    start: str
    cell: int
    starts: Float[Array, "starts 2"]
    times: Float[Array, " steps"]
    paths: Float[Array, "steps futures 2"]
    weight: Float[Array, "steps futures"]
    mean: Float[Array, "fates steps 2"]
    covariance: Float[Array, "fates steps 2 2"]
    spread: Float[Array, " steps"]
    measured_times: Float[Array, " frames"]
    measured_spread: Float[Array, " frames"]
    ends: Int[Array, " futures"]
    names: tuple[str, ...]
    share: Float[Array, " fates"]
    low: Float[Array, " fates"]
    high: Float[Array, " fates"]
    centers: Float[Array, "fates 2"]
    interval: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Perturbation(Result):
    """The same start cells followed with and without a change to one gene.

    before, after, change [fates]: shares and their difference; low, high [fates]: 95 % interval of the change
    before_paths, after_paths [steps, particles, 2] in the view; times [steps]
    before_end, after_end [cells, 2]: where the cells end in the view
    control_change [genes, fates]: change by the same kind of change to randomly chosen other genes (control_genes)
    outside       share of perturbed states farther from every measured cell than 99 % of measured cells are
    """

    view: str
    axes: tuple[str, str]
    gene: str
    kind: str
    level: float
    unit: str
    start: str
    names: tuple[str, ...]
    before: Float[Array, " fates"]
    after: Float[Array, " fates"]
    change: Float[Array, " fates"]
    low: Float[Array, " fates"]
    high: Float[Array, " fates"]
    interval: str
    times: Float[Array, " steps"]
    before_paths: Float[Array, "steps particles 2"]
    after_paths: Float[Array, "steps particles 2"]
    before_end: Float[Array, "cells 2"]
    after_end: Float[Array, "cells 2"]
    control_genes: tuple[str, ...]
    control_change: Float[Array, "genes fates"]
    extrapolated_fraction: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Distances:
    """How far a predicted cloud is from the measured cells of one time; `math/distances.py` has the formulas.

    w1, w2      Wasserstein distances (state); sliced: W1 averaged over random projections (state)
    mmd         maximum mean discrepancy, Gaussian kernel as wide as the median distance of measured cells (no unit)
    mass_error  size of the predicted total mass, relative to the start, less the measured one, over the measured one;
                nan where the number of cells means nothing
    density     predicted cells to a ball around a measured one, 1 for two samples of one law; nan under six cells
    coverage    share of those balls that hold a predicted cell, about 0.97 for two samples of one law
    """

    w1: float
    w2: float
    mmd: float
    sliced: float
    mass_error: float
    density: float
    coverage: float


@dataclass(frozen=True)
class BaselineScores(Result):
    """The answers that need no model, for one time, and what sampling alone costs.

    previous, next  the cells of the time before, of the time after, as they are
    linear          the cells of the time before, all moved alike, as their mean goes on a straight line to the next
    midpoint        previous and next joined by exact transport and stopped on the way at this time (McCann 1997)
    floor           one half of the measured cells against the other, mean of several halvings
    """

    time: float
    previous: Distances
    next: Distances
    linear: Distances
    midpoint: Distances
    floor: Distances


@dataclass(frozen=True)
class Scores(Result):
    """A model against the measured cells of a time that it was not trained on, beside the answers without a model.

    before, first  the model started from the measured cells of the time before, from those of the first time
    """

    time: float
    time_unit: str
    from_previous: Distances
    from_first: Distances
    previous: Distances
    next: Distances
    linear: Distances
    midpoint: Distances
    floor: Distances
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ancestry(Result):
    """Where the mass of some measured cells comes from, and where it goes.

    chosen   which cells, in words; time: when they were measured
    points   [cells, 2] in the view, cell_time [cells], weight [cells]: share of the mass of the chosen cells that each
             cell holds: its own at `time`, that of their descendants after, that which stems from it before; sums to
             one at each of `times` [times]
    mass     [times]: mass of the descendants where the chosen cells have the mass one; NaN before `time`
    names    values of an annotation, share [times, names]: their part of `weight`; no names without an annotation
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    chosen: str
    time: float
    points: Float[Array, "cells 2"]
    cell_time: Float[Array, " cells"]
    weight: Float[Array, " cells"]
    times: Float[Array, " times"]
    mass: Float[Array, " times"]
    names: tuple[str, ...]
    share: Float[Array, "times names"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClonalBias(Result):
    """The fate that a model predicts for early cells, against what became of their clones: a times a, b times b.

    names      the two fates
    predicted  [cells]: a / (a + b) of the mass that a model expects of each early cell; 0.5 where it expects neither
    ungrown    [cells]: the same where each descendant counts once; equal to `predicted` for a model without growth
    observed   [cells]: a / (a + b) among the later cells of its clone, later [cells]: how many these are
    clone, time [cells]; points [cells, 2] in the view
    auroc      [3] (low, value, high): chance that an early cell of a clone that mostly became a is predicted more so
               than one of a clone that mostly became b; ungrown_auroc [3] the same of `ungrown`. NaN where all became
               one of them
    interval says what the interval covers.
    """

    view: str
    axes: tuple[str, str]
    time_unit: str
    names: tuple[str, str]
    predicted: Float[Array, " cells"]
    without_growth: Float[Array, " cells"]
    observed: Float[Array, " cells"]
    later: Float[Array, " cells"]
    clone: Float[Array, " cells"]
    time: Float[Array, " cells"]
    points: Float[Array, "cells 2"]
    auroc: Float[Array, " 3"]
    ungrown_auroc: Float[Array, " 3"]
    interval: str
    notes: tuple[str, ...] = ()
