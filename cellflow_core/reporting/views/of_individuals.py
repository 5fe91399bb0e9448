"""Views of individuals that were followed over time."""

from __future__ import annotations

from cellflow_core.analysis.courses.measurements import measurements
from cellflow_core.analysis.results import (
    ForecastErrors,
    IndividualFits,
    IndividualParameters,
    PredictionErrors,
    PredictiveCheck,
    RegimenComparison,
)
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.figures.courses import checks, parameters, regimens
from cellflow_core.figures.courses import measurements as measured_figures
from cellflow_core.reporting.courses import summaries, tables
from cellflow_core.reporting.views.view import Asked, Picture, View


def individual_fits(found: IndividualFits, asked: Asked) -> View:
    every = measurements(Trajectories.from_snapshots(asked.dataset.snapshots()), found.variable)
    names = [f"Individual {each}" for each in found.subjects.tolist()]
    pictures = []
    for place, name in enumerate(names):
        own = every.of(int(found.subjects[place]))
        figure = measured_figures.fit(found, place, own, name, dark=asked.dark)
        words = measured_figures.describe_fit(found, place, own, name)
        pictures.append(Picture(f"individual_{place + 1}", figure, words))
    rows = {"courses": tables.course_rows(found, names)}
    return View(summaries.of_measurements(every), tuple(pictures), rows, found.notes)


def individual_parameters(found: IndividualParameters, asked: Asked) -> View:
    pictures = tuple(
        Picture(f"parameter_{k + 1}", parameters.parameter(found, k, dark=asked.dark), parameters.describe(found, k))
        for k in range(len(found.names))
    )
    return View(summaries.of_parameters(found), pictures, {"parameters": tables.parameter_rows(found)}, found.notes)


def plans(found: RegimenComparison, asked: Asked) -> View:
    picture = Picture("plans", regimens.regimens(found, dark=asked.dark), regimens.describe(found))
    rows = {"numbers": tables.plan_rows(found), "courses": tables.course_rows(found, found.plans)}
    return View(summaries.of_plans(found), (picture,), rows, found.notes)


def predictive_check(found: PredictiveCheck, asked: Asked) -> View:
    words = checks.describe_predictive_check(found)
    pictures = tuple(
        Picture(f"group_{group + 1}", checks.predictive_check(found, group, dark=asked.dark), f"{name}: {words}")
        for group, name in enumerate(found.groups)
    )
    rows = {"percentiles": tables.check_rows(found)}
    return View(summaries.of_predictive_check(found), pictures, rows, found.notes)


def prediction_errors(found: PredictionErrors, asked: Asked) -> View:
    dark, words = asked.dark, checks.describe_errors(found)
    pictures = (
        Picture("npde_over_time", checks.npde_over_time(found, dark=dark), words),
        Picture("npde_quantiles", checks.npde_quantiles(found, dark=dark), words),
        Picture("population", checks.goodness_of_fit(found, "population", dark=dark), words),
        Picture("individual", checks.goodness_of_fit(found, "individual", dark=dark), words),
    )
    return View(summaries.of_npde(found), pictures, {"errors": tables.error_rows(found)}, found.notes)


def forecast(found: ForecastErrors, asked: Asked) -> View:
    one = {"this model": found}
    score = next(iter(checks.SCORES))
    picture = Picture("forecast", checks.forecast(one, score, dark=asked.dark), checks.describe_forecast(one, score))
    return View(
        summaries.of_forecast(one, "this model"), (picture,), {"forecast": tables.forecast_rows(one)}, found.notes
    )
