"""Goodness of fit: population and individual predictions beside what was measured, and NPDE.

Normalised prediction distribution errors after Brendel, Comets, Laffont, Laveille & Mentré 2006 (Pharm. Res. 23:2036):
the values of an individual are decorrelated by mean and covariance of those simulated for it, and the rank of each
among the simulated ones is taken to a standard normal. Values below a limit of quantification are first drawn from what
was simulated below it (Nguyen, Comets & Mentré 2012, J. Pharmacokinet. Pharmacodyn. 39:499).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from cellflow_core.analysis.courses import draws as asking
from cellflow_core.analysis.courses.errors import BAND
from cellflow_core.analysis.courses.measurements import place_of
from cellflow_core.analysis.courses.predictive_check import Values, population_values
from cellflow_core.analysis.results.individuals import PredictionErrors
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.time_units import format_duration

Array = np.ndarray

SIMULATED = 500
"""Draws of the population, from which ranks and covariances are taken."""
INDIVIDUAL = 200


def prediction_errors(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    held_out: Array,
    seed: int = 0,
    after: float = np.inf,
) -> PredictionErrors:
    """held_out: numbers of the individuals that were kept from training.

    after  time after which all measurements were: individual predictions use what was measured until then
    """
    k = place_of(variable, data)
    values = population_values(models, data, variable, SIMULATED, seed)
    fitted = asking.at_rows(models, data, after, INDIVIDUAL, seed)
    rows = values.rows
    low, _, high = np.quantile(fitted.measured[:, rows, k], BAND, axis=0)
    return PredictionErrors(
        variable=variable,
        time_unit=data.time_unit,
        subject=data.subject[rows],
        t=values.t,
        observed=values.observed,
        censored=values.censored,
        population=np.median(values.true, axis=0).astype(float),
        individual=np.median(fitted.true[:, rows, k], axis=0).astype(float),
        low=low,
        high=high,
        npde=npde(values, data.subject[rows], np.random.default_rng(seed)),
        held_out=np.isin(data.subject[rows], held_out) | (values.t > after),
        dosed=_dosed(data, rows),
        notes=_notes(after, data.time_unit),
        after=after,
    )


def _notes(after: float, unit: str) -> tuple[str, ...]:
    if np.isfinite(after):
        return (
            f"The individual prediction has seen the values until {format_duration(after, unit)}: there it shows how "
            "closely a course can be followed, later, where values were held out, how well it is predicted. NPDE and "
            "population prediction use nothing that was measured of the individual.",
        )
    return (
        "The individual prediction has seen the values that it is held against: it shows how closely a course can "
        "be followed, not how well it is predicted. NPDE, population prediction and forecasts do not.",
    )


def _dosed(data: Trajectories, rows: Array) -> Array:
    """Whether the individual of each row had been given a dose before it."""
    first = np.full(len(data.subjects), np.inf)
    doses = data.doses.of(data.subjects)
    np.minimum.at(first, np.searchsorted(data.subjects, doses.subject), doses.time)
    return data.t[rows] > first[np.searchsorted(data.subjects, data.subject[rows])]


def npde(values: Values, subject: Array, rng: np.random.Generator) -> Float[Array, " n"]:
    """Of every value; standard normal where the model is true."""
    found = np.full(len(subject), np.nan)
    observed, simulated = _imputed(values, rng)
    for each in np.unique(subject):
        rows = np.flatnonzero(subject == each)
        found[rows] = _of_one(observed[rows], simulated[:, rows], rng)
    return found


def _imputed(values: Values, rng: np.random.Generator) -> tuple[Array, Array]:
    """(observed, simulated), each value below the limit replaced by one of those simulated below it at its time.

    Simulated values are drawn anew as well, so that both lose what links values below the limit to the others.
    """
    observed, simulated = values.observed.astype(float), values.simulated.astype(float)
    if not values.censored.any():
        return observed, simulated
    limit = float(np.median(observed[values.censored]))
    for k in range(len(observed)):
        below = simulated[:, k] < limit
        if not below.any():
            continue
        if values.censored[k]:
            observed[k] = rng.choice(simulated[below, k])
        simulated[below, k] = rng.permutation(simulated[below, k])
    return observed, simulated


def _of_one(observed: Array, simulated: Array, rng: np.random.Generator) -> Array:
    count = len(simulated)
    center = simulated.mean(axis=0)
    spread = np.atleast_2d(np.cov(simulated, rowvar=False))
    varies = np.diag(spread) > 0
    scores = np.full(len(observed), np.nan)  # of a value that is the same in all simulated data nothing can be said
    if not varies.any():
        return scores
    root = _root(spread[np.ix_(varies, varies)])
    first = np.linalg.solve(root, (observed - center)[varies])
    drawn = np.linalg.solve(root, (simulated - center)[:, varies].T).T
    below = (drawn < first).sum(axis=0)
    rank = (below + rng.uniform(size=len(first))) / (count + 1)
    scores[varies] = ndtri(rank)
    return scores


def _root(covariance: Array) -> Array:
    """Lower Cholesky root; with a little added to the diagonal where draws are too few or too alike for one."""
    scale = np.diag(np.sqrt(np.diag(covariance)))
    inverse = np.diag(1 / np.diag(scale))
    correlation = inverse @ covariance @ inverse
    for nugget in (0.0, 1e-8, 1e-6, 1e-4, 1e-2):
        try:
            return scale @ np.linalg.cholesky(correlation + nugget * np.eye(len(correlation)))
        except np.linalg.LinAlgError:
            continue
    raise ValueError("what the model simulates for an individual is not finite, so no errors can be ranked")
