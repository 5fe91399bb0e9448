"""Tables of individuals followed over time: columns by name. Pure: results in, rows out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellflow_core.analysis.results import (
    ForecastErrors,
    IndividualFits,
    IndividualParameters,
    PredictionErrors,
    PredictiveCheck,
    RegimenComparison,
)
from cellflow_core.time_units import format_time, heading

WINDOW = "time in the window"
_LAST = ("5 %", "95 %", "NPDE", "held out")


def plan_rows(found: RegimenComparison) -> dict[str, list[Any]]:
    """A row for each number: the median under each plan with the interval of 90 %, and the ratio to the first plan."""
    shown = [n for n, name in enumerate(found.numbers) if name != WINDOW or np.isfinite(found.window).any()]
    rows: dict[str, list[Any]] = {
        "number": [found.numbers[n] for n in shown],
        "unit": [found.units[n] for n in shown],
    }
    for k, plan in enumerate(found.plans):
        rows[plan] = [_rounded(found.values[k, n, 1]) for n in shown]
        rows[f"{plan}: 90 %"] = ["{:.4g} to {:.4g}".format(*found.values[k, n, [0, 2]]) for n in shown]
        if k:
            rows[f"{plan} / {found.plans[0]}"] = [_rounded(found.ratio[k, n, 1]) for n in shown]
    return rows


def course_rows(found: RegimenComparison | IndividualFits, names: Sequence[str]) -> dict[str, list[Any]]:
    """The curves themselves. names: of the plans, or of the individuals."""
    rows: dict[str, list[Any]] = {"of": [], heading(found.time_unit): [], "median": [], "5 %": [], "95 %": []}
    middle = found.middle if isinstance(found, RegimenComparison) else found.individual
    for k, name in enumerate(names):
        for j in np.flatnonzero(np.isfinite(middle[k])):
            values = (name, found.times[j], middle[k, j], found.low[k, j], found.high[k, j])
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value if isinstance(value, str) else _rounded(value))
    return rows


def parameter_rows(found: IndividualParameters) -> dict[str, list[Any]]:
    """A row for each individual and parameter; the population stands last."""
    rows: dict[str, list[Any]] = {each: [] for each in ("individual", "parameter", "5 %", "median", "95 %", "known")}
    everyone = [(int(who), found.values[i], found.known[i]) for i, who in enumerate(found.subjects)]
    for who, values, known in [*everyone, ("population", found.population, np.full(len(found.names), np.nan))]:
        for k, name in enumerate(found.names):
            cells = (str(who), name, *map(_rounded, values[k]), _rounded(known[k]) if np.isfinite(known[k]) else None)
            for column, value in zip(rows.values(), cells, strict=True):
                column.append(value)
    return rows


def check_rows(found: PredictiveCheck) -> dict[str, list[Any]]:
    """Every percentile of every bin with its band."""
    rows: dict[str, list[Any]] = {
        each: [] for each in ("group", "time", "percentile", "observed", "low", "median", "high")
    }
    for g, b in np.argwhere(np.isfinite(found.center)):
        for k, name in enumerate(("5 %", "50 %", "95 %")):
            values = (found.groups[g], found.center[g, b], name, found.observed[g, b, k], *found.bands[g, b, k])
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value if isinstance(value, str) else _rounded(value))
    return rows


def error_rows(found: PredictionErrors) -> dict[str, list[Any]]:
    """Every value with its predictions."""
    names = ("subject", "t", "observed", "censored", "population", "individual", "low", "high", "npde", "held_out")
    words = ("individual", "time", "measured", "below the limit", "population prediction", "individual prediction")
    held = {word: getattr(found, name) for word, name in zip((*words, *_LAST), names, strict=True)}
    return {
        word: [_rounded(each) for each in values] if values.dtype.kind == "f" else values.tolist()
        for word, values in held.items()
    }


def forecast_rows(found: Mapping[str, ForecastErrors]) -> dict[str, list[Any]]:
    """Every score of every model, by horizon."""
    rows: dict[str, list[Any]] = {
        each: [] for each in ("model", "time ahead", "values", "RMSE", "RMSPE", "CRPS", "coverage of 90 % bands")
    }
    for name, each in found.items():
        for k in range(len(each.count)):
            ahead = "before any measurement"
            if k:
                ahead = f"{format_time(each.edges[k - 1])} to {format_time(each.edges[k])}"
            scores = (_rounded(getattr(each, score)[k]) for score in ("rmse", "rmspe", "crps", "coverage"))
            for column, value in zip(rows.values(), (name, ahead, int(each.count[k]), *scores), strict=True):
                column.append(value)
    return rows


def _rounded(value: Any) -> float:
    """To four digits, which is more than draws tell."""
    return float(f"{value:.4g}")
