"""Results over time: simulated populations and one gene beside the measured cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


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
