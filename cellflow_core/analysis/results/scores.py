"""Results on how far predictions are from measured cells."""

from __future__ import annotations

from dataclasses import dataclass

from cellflow_core.analysis.results.result import Result


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
    """The baselines without a model, for one time, and what sampling alone costs. One point a cell of the time before.

    previous, next  the cells of the time before, of the time after, as they are
    linear          the cells of the time before, all moved alike, as their mean goes on a straight line to the next
    midpoint        previous and next joined by exact transport, interpolated to this time (McCann 1997): one partner of
                    each cell, mean of several draws; midpoint_plan: all partners, a cloud of more points
    floor           two samples of as many cells of the measured population, see `analysis.sampling_floor`; density and
                    coverage: one half of the measured cells against the other
    """

    time: float
    previous: Distances
    next: Distances
    linear: Distances
    midpoint: Distances
    midpoint_plan: Distances
    floor: Distances


@dataclass(frozen=True)
class Scores(Result):
    """A model against the measured cells of a time that it was not trained on, beside the baselines without a model.

    from_previous, from_first  the model started from the measured cells of the time before, from those of the first
                               time, one point a cell
    from_plan                  from the time before with many partners a cell, where the model is a transport plan; else
                               as from_previous
    """

    time: float
    time_unit: str
    from_previous: Distances
    from_first: Distances
    from_plan: Distances
    previous: Distances
    next: Distances
    linear: Distances
    midpoint: Distances
    midpoint_plan: Distances
    floor: Distances
    notes: tuple[str, ...] = ()
