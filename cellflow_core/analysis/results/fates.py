"""Results on where cells end: fates of a population, and the trajectories of a few cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


@dataclass(frozen=True)
class Fates(Result):
    """Which terminal state cells end in, by simulation or by transitions between measured cells.

    names [fates]; share, low, high [fates]: share of the mass that ends in each, with a 95 % interval
    probability [cells, fates]: of each start cell; starts [cells, 2]: where it stands in the view
    centers [fates, 2] of the terminal states in the view; measured [fates]: their share in the last measured
            frame, NaN with one time
    without_growth [fates, 3]: (low, share, high) where each start cell counts once, however much it multiplied; None
            for a model that knows no growth; growth_effect [fates, 3]: what growth adds to each share, (low, points,
            high)
    interval says what the interval covers.
    fate     [cells]: the state that each start cell ends in, in the first simulation of it
    undefined  share of the cells of the last time that define no state; elsewhere: share of the simulated cells that
             end far from every state, and are counted to the nearest; by transitions: of the start cells that reach
             none, and are left out
    of       cells that the shares are of, in words; "": those of the first time, all where none is known
    root [2] place in the view of the cell in the middle of these; None by simulation, and where all cells start
    rows     [cells]: their rows in the data set
    steps    [cells]: mean first passage time, the number of transitions to the first cell of a terminal state; None by
             simulation
    cells    which the probabilities are of: "start cells", or "cells" where they are of every measured cell
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
    fate: Int[Array, " cells"]
    undefined: float
    elsewhere: float
    interval: str
    without_growth: Float[Array, "fates 3"] | None = None
    growth_effect: Float[Array, "fates 3"] | None = None
    cells: str = "start cells"
    rows: Int[Array, " cells"] | None = None
    steps: Float[Array, " cells"] | None = None
    of: str = ""
    root: Float[Array, " 2"] | None = None
    notes: tuple[str, ...] = ()

    @property
    def entropy(self) -> Float[Array, " cells"]:
        """How open the fate of each cell is: -sum p log2 p, 0 to log2 of the number of fates (bits)."""
        return 0.0 - np.where(
            self.probability > 0, self.probability * np.log2(np.maximum(self.probability, 1e-30)), 0
        ).sum(1)


@dataclass(frozen=True)
class FateGenes(Result):
    """Genes whose expression goes with the probability of a fate.

    names [fates]; genes [genes]; estimators: of the velocity, the first is the model
    correlation, low, high [fates, genes]: over the cells, with a 95 % interval, by the model
    counted [fates, genes]: for how many estimators the gene is among those that go most with the fate
    """

    names: tuple[str, ...]
    genes: tuple[str, ...]
    estimators: tuple[str, ...]
    correlation: Float[Array, "fates genes"]
    low: Float[Array, "fates genes"]
    high: Float[Array, "fates genes"]
    counted: Int[Array, "fates genes"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrajectoryEnsemble(Result):
    """Where one cell, or a few, can go: the same start, followed many times.

    kind      "deterministic" (one path), "stochastic", "plan" or "sampler"
    start     which cells, in words; cell: its row in the data set, -1 for several; starts [starts, 2] in the view
    times     [steps], paths [steps, futures, 2] in the view, weight [steps, futures] share of mass (sums to 1 a step)
    mean, covariance  in the view of the futures that end in each fate, [fates, steps, 2] and [fates, steps, 2, 2]; NaN
              for a fate that none ends in
    spread    [steps]: root mean square distance of the futures from their mean (state); measured_times,
              measured_spread [frames]: the same of all measured cells
    ends      [futures]: fate of each, as its place in names
    share, low, high [fates]: share of the mass that ends in each, with a 95 % interval, NaN for a single path
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
