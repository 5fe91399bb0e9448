"""Visual predictive check: do individuals simulated from nothing but their doses spread as those measured do?

Percentiles of the observed values in bins of time over the bands of the same percentiles in simulated data sets of the
same design (Holford 2005; Karlsson & Holford 2008); prediction-corrected after Bergstrand, Hooker, Wallin & Karlsson
2011 (AAPS J. 13:143), so that doses and covariates that differ within a bin do not hide a difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.courses import draws as asking
from cellflow_core.analysis.courses.measurements import groups, place_of
from cellflow_core.analysis.results.individuals import PredictiveCheck
from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray

QUANTILES = (0.05, 0.5, 0.95)
INTERVAL = (0.025, 0.5, 0.975)
"""Of each percentile over the simulated data sets: a band of 95 % with its median."""
MOST_BINS = 10
LEAST_ROWS = 5
"""Values of a bin from which on its percentiles are shown."""


class Values(NamedTuple):
    """The values of one variable that were observed, with what was simulated in their place.

    rows      of the data; t, observed [n]; censored: only known to be below `observed`
    true      draws of the population without residual error, [draws, n]; simulated: with it
    """

    rows: Int[Array, " n"]
    t: Float[Array, " n"]
    observed: Float[Array, " n"]
    censored: Bool[Array, " n"]
    true: Float[Array, "draws n"]
    simulated: Float[Array, "draws n"]


def population_values(models: asking.Models, data: Trajectories, variable: str, draws: int, seed: int) -> Values:
    """What is simulated from doses and covariates alone where `variable` was observed.

    Raises KeyError that lists the variables, ValueError where none was observed.
    """
    k = place_of(variable, data)
    found = asking.at_rows(models, data, asking.UNKNOWN, draws, seed)
    rows = np.flatnonzero(data.observed[:, k])
    if not len(rows):
        raise ValueError(f"no value of {variable} was measured")
    x = data.x[:, k].astype(float)
    return Values(
        rows, data.t[rows], x[rows], data.censored[rows, k], found.true[:, rows, k], found.measured[:, rows, k]
    )


def predictive_check(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    by: str = "",
    corrected: bool = False,
    draws: int = 200,
    seed: int = 0,
    after: float = np.inf,
) -> PredictiveCheck:
    """by: label whose groups are shown apart, "dose" for the amount of the first dose; "": all together.

    after  time after which measurements were kept from training

    Values below a limit of quantification stand at this limit, observed and simulated ones alike.
    """
    values = population_values(models, data, variable, draws, seed)
    observed, simulated = at_limit(values)
    if corrected:
        observed, simulated = correct(values.t, values.true, observed, simulated)
    names, group = groups(data, by)
    group = group[np.searchsorted(data.subjects, data.subject[values.rows])]
    bins = bins_of(values.t)
    shape = (len(names), int(bins.max()) + 1)
    center = np.full(shape, np.nan)
    seen, bands = np.full((*shape, 3), np.nan), np.full((*shape, 3, 3), np.nan)
    inside = np.zeros(
        1 + len(simulated), int
    )  # percentiles in their bands, of what was observed and of each simulation
    for g in range(shape[0]):
        for b in range(shape[1]):
            rows = (group == g) & (bins == b)
            if rows.sum() < LEAST_ROWS:
                continue
            center[g, b] = np.median(values.t[rows])
            seen[g, b] = np.quantile(observed[rows], QUANTILES)
            found = np.quantile(simulated[:, rows], QUANTILES, axis=1)
            bands[g, b] = np.quantile(found, INTERVAL, axis=1).T
            low, _, high = bands[g, b].T
            every = np.concatenate([seen[g, b][:, None], found], axis=1)
            inside += ((low[:, None] <= every) & (every <= high[:, None])).sum(axis=0)
    return PredictiveCheck(
        variable=variable,
        time_unit=data.time_unit,
        groups=names,
        corrected=corrected,
        center=center,
        observed=seen,
        bands=bands,
        point_time=values.t,
        point_value=observed,
        point_group=group,
        point_censored=values.censored,
        notes=_notes(values, draws),
        after=after,
        rank=float((inside[1:] <= inside[0]).mean()),
    )


def at_limit(values: Values) -> tuple[Array, Array]:
    """(observed, simulated), both no lower than the limit of quantification where there is one."""
    if not values.censored.any():
        return values.observed, values.simulated
    limit = float(np.median(values.observed[values.censored]))
    return np.maximum(values.observed, limit), np.maximum(values.simulated, limit)


def correct(t: Array, true: Array, observed: Array, simulated: Array) -> tuple[Array, Array]:
    """Both times the median prediction of their bin over their own; for a variable with negative values, observed or
    predicted, moved by the difference (Bergstrand et al. 2011, eq. 1 and 2). Simulated values do not decide: with an
    additive error some concentrations are below 0."""
    prediction = np.median(true, axis=0)
    bins = bins_of(t)
    aim = np.array([np.median(prediction[bins == b]) for b in range(bins.max() + 1)])[bins]
    if observed.min() < 0 or prediction.min() < 0:
        return observed + aim - prediction, simulated + aim - prediction
    usable = prediction > 1e-6 * max(prediction.max(), 1e-30)
    factor = np.where(usable, aim / np.where(usable, prediction, 1), 1.0)
    return observed * factor, simulated * factor


def bins_of(t: Float[Array, " n"]) -> Int[Array, " n"]:
    """The bin of each time, from 0: bins hold about equally many values; each time is one where there are few times."""
    times = np.unique(t)
    if len(times) <= MOST_BINS:
        return np.searchsorted(times, t)
    inner = np.unique(np.quantile(t, np.linspace(0, 1, MOST_BINS + 1)[1:-1]))
    return np.unique(np.searchsorted(inner, t, side="right"), return_inverse=True)[1]


def _notes(values: Values, draws: int) -> tuple[str, ...]:
    found = [f"{draws} simulated data sets of the same individuals, times and doses; nothing measured is used."]
    if values.censored.any():
        found.append(
            f"{int(values.censored.sum())} of {len(values.rows)} values are below the limit of quantification and "
            "stand at it, observed and simulated ones alike."
        )
    return tuple(found)
