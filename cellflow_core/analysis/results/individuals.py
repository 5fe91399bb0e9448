"""Results on individuals followed over time: fits, regimens, and the checks of pharmacometrics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.results.result import Result

Array = np.ndarray


@dataclass(frozen=True)
class Measurements(Result):
    """The values of one variable, in the order of individual and time, and the doses.

    censored  whether the value is only known to be below `value`, the limit of quantification
    """

    variable: str
    time_unit: str
    subject: Int[Array, " n"]
    t: Float[Array, " n"]
    value: Float[Array, " n"]
    censored: Bool[Array, " n"]
    dose_subject: Int[Array, " doses"]
    dose_time: Float[Array, " doses"]

    def of(self, individual: int) -> Measurements:
        """Of one individual."""
        rows, given = self.subject == individual, self.dose_subject == individual
        kept = {name: getattr(self, name)[rows] for name in ("subject", "t", "value", "censored")}
        return replace(self, **kept, dose_subject=self.dose_subject[given], dose_time=self.dose_time[given])


@dataclass(frozen=True)
class IndividualFits(Result):
    """Courses of some individuals, in the unit of the variable; NaN before the first and after the last measurement
    of an individual.

    subjects    their numbers; until: end of the history that was used, infinite for all of it
    population  median before anything was measured, [subjects, times]; individual: median given the history
    low, high   90 % band of what would be measured, given the history
    held_out    whether an individual was kept from training, [subjects]
    after       time after which measurements were kept from training, infinite for none
    """

    variable: str
    time_unit: str
    until: float
    subjects: Int[Array, " subjects"]
    times: Float[Array, " times"]
    population: Float[Array, "subjects times"]
    individual: Float[Array, "subjects times"]
    low: Float[Array, "subjects times"]
    high: Float[Array, "subjects times"]
    held_out: Bool[Array, " subjects"]
    notes: tuple[str, ...] = ()
    after: float = float("inf")


@dataclass(frozen=True)
class RegimenComparison(Result):
    """The courses under some plans of doses, from `start` on, and their numbers.

    plans       their names; of: the individual, or in words who
    low, middle, high  [plans, times]: 5, 50 and 95 % of the draws, without residual error
    numbers     names; units of each; values [plans, numbers, 3]: 5, 50, 95 % of the draws
    ratio       of each plan to the first, with the same draws, [plans, numbers, 3]
    dose_plan, dose_time, dose_amount, dose_duration, dose_treatment  one row a dose from `start` on
    outside     time from which a plan lies outside the doses that were observed, [plans]; NaN where it does not
    reasons     why, for each plan, sentences
    measured_time, measured_value, measured_censored  of the individual
    """

    variable: str
    time_unit: str
    plans: tuple[str, ...]
    of: str
    start: float
    window: tuple[float, float]
    times: Float[Array, " times"]
    low: Float[Array, "plans times"]
    middle: Float[Array, "plans times"]
    high: Float[Array, "plans times"]
    numbers: tuple[str, ...]
    units: tuple[str, ...]
    values: Float[Array, "plans numbers 3"]
    ratio: Float[Array, "plans numbers 3"]
    treatments: tuple[str, ...]
    dose_plan: Int[Array, " doses"]
    dose_time: Float[Array, " doses"]
    dose_amount: Float[Array, " doses"]
    dose_duration: Float[Array, " doses"]
    dose_treatment: Int[Array, " doses"]
    outside: Float[Array, " plans"]
    reasons: tuple[tuple[str, ...], ...]
    measured_time: Float[Array, " rows"]
    measured_value: Float[Array, " rows"]
    measured_censored: Bool[Array, " rows"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndividualParameters(Result):
    """Parameters of individuals behind what was measured of them: 5, 50 and 95 % of their draws.

    subjects    numbers of the individuals
    values      [individuals, parameters, 3], population [parameters, 3]: of someone of whom nothing was measured
    known       value in the data, NaN where it is not known, [individuals, parameters]
    """

    names: tuple[str, ...]
    subjects: Int[Array, " individuals"]
    values: Float[Array, "individuals parameters 3"]
    population: Float[Array, "parameters 3"]
    known: Float[Array, "individuals parameters"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictiveCheck(Result):
    """Observed percentiles (5, 50, 95 %) over those of simulated data, by bin of time; NaN for a bin of few values.

    center    time of each bin, [groups, bins]; observed [groups, bins, 3]
    bands     of each percentile 2.5, 50 and 97.5 % over the simulated data sets, [groups, bins, 3 percentiles, 3]
    point_... the observed values, corrected as the percentiles are
    after     time after which measurements were kept from training, infinite for none
    rank      share of the simulated data sets of which no more percentiles lie in the bands than of what was observed
    """

    variable: str
    time_unit: str
    groups: tuple[str, ...]
    corrected: bool
    center: Float[Array, "groups bins"]
    observed: Float[Array, "groups bins 3"]
    bands: Float[Array, "groups bins 3 3"]
    point_time: Float[Array, " n"]
    point_value: Float[Array, " n"]
    point_group: Int[Array, " n"]
    point_censored: Bool[Array, " n"]
    notes: tuple[str, ...] = ()
    after: float = float("inf")
    rank: float = float("nan")

    @property
    def inside(self) -> Float[Array, " 3"]:
        """Share of the bins whose observed percentile lies in its band, for each percentile; NaN without bins."""
        there = np.isfinite(self.center)
        low, high = self.bands[there][..., 0], self.bands[there][..., 2]
        seen = self.observed[there]
        return ((low <= seen) & (seen <= high)).mean(axis=0) if there.any() else np.full(3, np.nan)


@dataclass(frozen=True)
class PredictionErrors(Result):
    """Every measured value of a variable beside what a model says of it.

    population  median prediction before anything was measured; individual: given what was until `after`; low, high:
                its 90 % band
    npde        normalised prediction distribution errors, NaN where a value is the same in all simulations
    held_out    whether its individual was kept from training, or it was, since it is later than `after`; dosed: whether
                a dose had been given before
    """

    variable: str
    time_unit: str
    subject: Int[Array, " n"]
    t: Float[Array, " n"]
    observed: Float[Array, " n"]
    censored: Bool[Array, " n"]
    population: Float[Array, " n"]
    individual: Float[Array, " n"]
    low: Float[Array, " n"]
    high: Float[Array, " n"]
    npde: Float[Array, " n"]
    held_out: Bool[Array, " n"]
    dosed: Bool[Array, " n"]
    notes: tuple[str, ...] = ()
    after: float = float("inf")


@dataclass(frozen=True)
class ForecastErrors(Result):
    """Errors of forecasts of held-out individuals from part of their history, by how far ahead they are.

    held_out    whether the values were kept from training; False: none were, so those of all individuals are forecast
    after       time after which the values of all individuals were kept from training; infinite: whole individuals were
    individuals how many; cuts: times at which their histories end
    edges       of the horizons, in the unit of time; the first row of every table is before anything was measured
    count, rmse, rmspe, crps, coverage  [1 + horizons], as in `courses.errors`; NaN where nothing was measured
    """

    variable: str
    time_unit: str
    held_out: bool
    individuals: int
    cuts: Float[Array, " cuts"]
    edges: Float[Array, " edges"]
    count: Int[Array, " rows"]
    rmse: Float[Array, " rows"]
    rmspe: Float[Array, " rows"]
    crps: Float[Array, " rows"]
    coverage: Float[Array, " rows"]
    notes: tuple[str, ...] = ()
    after: float = float("inf")
