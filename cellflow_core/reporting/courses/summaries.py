"""What is found of individuals followed over time, in words. Pure: results in, words out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellflow_core.analysis.results import (
    ForecastErrors,
    IndividualParameters,
    Measurements,
    PredictionErrors,
    PredictiveCheck,
    RegimenComparison,
)
from cellflow_core.plural import counted
from cellflow_core.reporting.summaries import Summary, Trust
from cellflow_core.time_units import format_time

WELL, FAIR = 0.9, 0.7
"""Shares of the observed percentiles in their bands from which on a model is trusted, and below which it is not."""
COVERAGE = (0.85, 0.95)
"""Shares of the held-out values that a band of 90 % may cover."""
CENTERED, SPREAD = 0.2, (0.8, 1.2)
"""Mean of the NPDE, and their standard deviation, within which they count as standard normal."""


def of_measurements(found: Measurements) -> str:
    """What was measured, in a sentence."""
    people = len(np.unique(found.subject))
    text = f"{counted(len(found.t), 'value')} of {found.variable} in {counted(people, 'individual')}"
    if below := int(found.censored.sum()):
        text += f", {below} of them below the limit of quantification"
    return f"{text}; {counted(len(found.dose_time), 'dose')}."


def of_fits(found: PredictionErrors) -> Summary:
    """How far off the prediction for the population is, and how closely that of an individual follows the values it has
    seen. Never to be trusted for that alone: who repeats each value follows it without error. Values before the first
    dose are left out where there are others: what a model of the dose says of them is 0."""
    quantified = ~found.censored
    if not quantified.any():
        return Summary(f"No value of {found.variable} was above the limit of quantification.", "poor", "")
    if early := int((~found.dosed & quantified).sum()) if (found.dosed & quantified).any() else 0:
        quantified = quantified & found.dosed
    counts = quantified & (found.observed > 0)
    relative = bool(counts.any())
    counts, seen = counts if relative else quantified, found.t <= found.after
    if not (counts & seen).any():
        until = format_time(found.after)
        return Summary(f"No value of {found.variable} was measured until {until} that fits could follow.", "poor", "")
    name, form = ("RMSPE", ".0%") if relative else ("RMSE", ".3g")
    off = {
        (kind, part): _error(found, kind, rows, relative)
        for kind in ("population", "individual")
        for part, rows in (("all", counts), ("seen", counts & seen), ("later", counts & ~seen))
        if rows.any()
    }
    answer = (
        f"Predictions of {found.variable} for the population are {off['population', 'all']:{form}} off ({name}); those "
        f"for individuals follow the values that they have seen to within {off['individual', 'seen']:{form}}"
    )
    covered = (found.low <= found.observed) & (found.observed <= found.high)
    why = f"{covered[quantified & seen].mean():.0%} of the values that they have seen lie in their 90 % bands"
    if ("individual", "later") in off:
        answer += f" and are {off['individual', 'later']:{form}} off where later values were held out"
        why += f", of those held out later {covered[quantified & ~seen].mean():.0%}"
    answer, why = f"{answer}.", f"{why}. {' '.join(found.notes)}"
    if early:
        why += f" {counted(early, 'value')} before the first dose, of which a dose tells nothing, are left out."
    closer = off["individual", "seen"] < off["population", "seen"]
    return Summary(answer, "fair" if closer else "poor", why)


def _error(found: PredictionErrors, kind: str, rows: np.ndarray, relative: bool) -> float:
    """RMSPE of these rows, else RMSE."""
    observed = found.observed[rows]
    off = getattr(found, kind)[rows] - observed
    return float(np.sqrt(np.mean((off / observed if relative else off) ** 2)))


def of_parameters(found: IndividualParameters) -> Summary:
    """Which parameter the measurements narrow down most and least, and whether known ones lie in their intervals."""
    width = (found.values[..., 2] - found.values[..., 0]).mean(axis=0)
    prior = found.population[:, 2] - found.population[:, 0]
    left = np.divide(width, prior, out=np.ones_like(width), where=prior > 0)
    most, least = int(left.argmin()), int(left.argmax())
    answer = f"Measurements narrow {found.names[most]} down to {left[most]:.0%} of the width of the population"
    answer += f", {found.names[least]} to {left[least]:.0%}." if len(left) > 1 else "."
    known = np.isfinite(found.known)
    if not known.any():
        return Summary(answer, "fair", "Intervals of 90 %; these data do not say whether they hold the truth.")
    held = ((found.values[..., 0] <= found.known) & (found.known <= found.values[..., 2]))[known].mean()
    trust: Trust = "good" if COVERAGE[0] <= held <= 1 else "fair"
    why = f"{held:.0%} of the parameters that are known lie in their intervals of 90 %, for which they were hidden."
    return Summary(answer, trust, why)


def of_plans(found: RegimenComparison) -> Summary:
    """The numbers of the first two plans, and whether a plan is outside what was observed."""
    if _no_response(found):
        answer = f"The course of {found.of} is the same under all plans: this model does not respond to doses."
        return Summary(answer, "poor", "Compare regimens with a model that does.")
    area, peak = found.values[:, 0, 1], found.values[:, 1, 1]
    if len(found.plans) == 1 or not np.isfinite(found.ratio[1, 0, 1]):
        numbers = f"an AUC of {area[0]:.3g} {found.units[0]} and a Cmax of {peak[0]:.3g} {found.units[1]}".rstrip()
        answer = f"With “{found.plans[0]}”, {found.of} has {numbers}."
    else:
        low, middle, high = found.ratio[1, 0]
        first, second = found.plans[:2]
        answer = (
            f"With “{second}”, {found.of} has {middle:.2g} times the AUC of “{first}” (90 %: {low:.2g} to {high:.2g}) "
            f"and a Cmax of {peak[1]:.3g} instead of {peak[0]:.3g}."
        )
    outside = [
        f"“{name}” is outside the observed doses from time {format_time(since)} on: {'; '.join(reasons)}"
        for name, since, reasons in zip(found.plans, found.outside, found.reasons, strict=True)
        if np.isfinite(since)
    ]
    if outside:
        return Summary(answer, "poor", f"{'. '.join(outside)}. The model has learnt nothing there.")
    return Summary(answer, "fair", "All plans lie within the doses that were observed.")


def _no_response(found: RegimenComparison) -> bool:
    """Do plans of unlike doses give the very same courses?"""
    rows = np.stack([found.dose_time, found.dose_amount, found.dose_duration, found.dose_treatment], axis=1)
    doses = [rows[found.dose_plan == k] for k in range(len(found.plans))]
    unlike = any(not np.array_equal(doses[0], each) for each in doses[1:])
    return unlike and all((curves == curves[:1]).all() for curves in (found.low, found.middle, found.high))


def of_predictive_check(found: PredictiveCheck) -> Summary:
    """The share of the observed percentiles that lie in their bands."""
    if not np.isfinite(found.center).any():
        why = "A bin of time needs five values or more."
        return Summary(f"There are too few values of {found.variable} for percentiles.", "poor", why)
    each, share = found.inside, float(found.inside.mean())
    trust: Trust = "good" if share >= WELL else "fair" if share >= FAIR else "poor"
    answer = f"{share:.0%} of the observed percentiles of {found.variable} lie in the bands of simulated data."
    why = (
        f"In their bands of 95 %: {each[0]:.0%} of the 5 % percentiles, {each[1]:.0%} of the medians, {each[2]:.0%} of "
        f"the 95 % percentiles. Of a true model about 95 % do in the mean, in a single study fewer or more: of "
        f"{found.rank:.0%} of the simulated data sets no more do than here. {' '.join(found.notes)}"
    )
    return Summary(answer, trust, why)


def of_npde(found: PredictionErrors) -> Summary:
    """Mean and spread of the NPDE beside those of a true model."""
    scores = found.npde[np.isfinite(found.npde)]
    if len(scores) < 2:
        return Summary("There are too few values for NPDE.", "poor", "Two or more are needed.")
    mean, spread = float(scores.mean()), float(scores.std(ddof=1))
    centered, wide = abs(mean) <= CENTERED, SPREAD[0] <= spread <= SPREAD[1]
    trust: Trust = "good" if centered and wide else "fair" if centered or wide else "poor"
    answer = f"NPDE of {found.variable} have mean {mean:.2f} and standard deviation {spread:.2f}."
    why = "A true model has 0 and 1. A mean below 0: values are predicted too high. A standard deviation above 1: "
    return Summary(answer, trust, why + "the model takes individuals for more alike than they are.")


def of_forecast(found: Mapping[str, ForecastErrors], shown: str) -> Summary:
    """How a model forecasts beside the best of the others, over all horizons. shown: its name in `found`."""
    own = found[shown]
    score = {name: _mean(each, "crps") for name, each in found.items()}
    covered = _mean(own, "coverage")
    calibrated = COVERAGE[0] <= covered <= COVERAGE[1]
    others = {name: each for name, each in score.items() if name != shown}
    answer = f"Forecasts of {own.variable} by {shown} have a CRPS of {score[shown]:.3g}"
    beaten = True
    if others:
        best = min(others, key=lambda name: others[name])
        beaten = score[shown] < others[best]
        answer += f", {'better' if beaten else 'no better'} than {best} ({others[best]:.3g})"
    trust: Trust = "good" if calibrated and beaten and others and own.held_out else "fair" if beaten else "poor"
    why = f"{covered:.0%} of the values lie in the 90 % bands. {' '.join(own.notes)}"
    if not others:
        why += " No reference is trained on these data: a forecast means little without one."
    return Summary(f"{answer}.", trust, why)


def nearest_forecast(found: Mapping[str, ForecastErrors]) -> str:
    """The name of the model whose forecasts are nearest, by their mean CRPS."""
    return min(found, key=lambda name: _mean(found[name], "crps"))


def _mean(found: ForecastErrors, score: str) -> float:
    """Over all forecasts after a history; before any where there is none after."""
    weight = found.count[1:]
    values = getattr(found, score)
    return float(np.average(values[1:], weights=weight)) if weight.sum() else float(values[0])
