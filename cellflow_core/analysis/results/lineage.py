"""Results on ancestors, descendants and clones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


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
