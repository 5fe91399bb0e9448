"""Figures of individuals: values below the limit are marked, doses are ticks, what was not observed is shaded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from cellflow_core.analysis.results import (
    ForecastErrors,
    IndividualFits,
    Measurements,
    PredictionErrors,
    PredictiveCheck,
    RegimenComparison,
)
from cellflow_core.figures.courses import checks, measurements, regimens
from cellflow_core.reporting.courses import summaries, tables

T = np.array([0.0, 1.0, 2.0])
MEASURED = Measurements(
    "drug (mg/L)",
    "hour",
    np.array([1, 1, 1, 2, 2]),
    np.array([0.0, 1.0, 2.0, 1.0, 2.0]),
    np.array([0.0, 4.0, 2.0, 3.0, 0.5]),
    np.array([False, False, False, False, True]),
    np.array([1, 1, 2]),
    np.array([0.0, 1.0, 0.0]),
)


def compared(**changes) -> RegimenComparison:
    course = np.array([[0.0, 2.0, 1.0], [0.0, 4.0, 2.0]])
    values = np.repeat(np.array([[3.0, 2.0, 1.0, 1.0, 0.5], [6.0, 4.0, 1.0, 2.0, 1.0]])[..., None], 3, axis=2)
    known = {
        "variable": "drug (mg/L)", "time_unit": "hour", "plans": ("A", "B"), "of": "the population", "start": 0.0,
        "window": (1.0, np.inf), "times": T, "low": course / 2, "middle": course, "high": 2 * course,
        "numbers": ("AUC", "Cmax", "Tmax", "Cmin", "time in the window"),
        "units": ("mg/L·hour", "mg/L", "hour", "mg/L", "hour"), "values": values, "ratio": values / values[:1],
        "treatments": ("drug (mg)",), "dose_plan": np.array([0, 1]), "dose_time": np.zeros(2),
        "dose_amount": np.array([1.0, 2.0]), "dose_duration": np.zeros(2), "dose_treatment": np.zeros(2, int),
        "outside": np.array([np.nan, 1.0]), "reasons": ((), ("doses were 1",)), "measured_time": T[:0],
        "measured_value": T[:0], "measured_censored": np.zeros(0, bool),
    }  # fmt: skip
    return RegimenComparison(**(known | changes))


def test_measurements_below_the_limit_are_open_triangles_and_doses_are_ticks():
    figure = measurements.spaghetti(MEASURED)
    assert [each.name for each in figure.data] == ["individuals", "below the limit of quantification"]
    assert figure.data[1].marker.symbol == "triangle-down-open" and len(figure.layout.shapes) == 2
    assert np.isnan(figure.data[0].y).sum() == 1  # no line from one individual to the next
    assert "1 values are below" in measurements.describe_spaghetti(MEASURED)
    parted = measurements.spaghetti(MEASURED, np.array([0, 0, 0, 1, 1]), ("a", "b"), logarithmic=True, dark=True)
    assert len(parted.data) == 3 and parted.layout.yaxis.type == "log"


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_individual_beside_its_predictions(logarithmic):
    line = np.array([[0.0, 3.0, 2.0]])
    result = IndividualFits(
        "drug (mg/L)", "hour", 1.0, np.array([1]), T, line, line, line - 1, line + 1, np.zeros(1, bool)
    )
    figure = measurements.fit(result, 0, MEASURED.of(1), "Individual 1", logarithmic=logarithmic)
    assert [each.name for each in figure.data] == [
        "90 % band", "population prediction", "individual prediction", "measured",
    ]  # fmt: skip
    assert len(figure.layout.shapes) == 3  # two doses, and the end of the history
    assert "3 measured values" in measurements.describe_fit(result, 0, MEASURED.of(1), "Individual 1")


def test_what_lies_outside_the_observed_doses_is_shaded_and_said():
    figure = regimens.regimens(compared())
    assert figure.layout.annotations[0].text == "outside the observed doses"
    assert not regimens.regimens(compared(outside=np.full(2, np.nan))).layout.annotations
    summary = summaries.of_plans(compared())
    assert "With “B”, the population has 2 times the AUC of “A”" in summary.answer
    assert summary.trust == "poor" and "“B” is outside the observed doses from time 1 on: doses were 1" in summary.why
    rows = tables.plan_rows(compared())
    assert rows["B / A"][0] == 2.0 and rows["number"][-1] == "time in the window"
    assert len(tables.plan_rows(compared(window=(-np.inf, np.inf)))["number"]) == 4
    assert "AUC of 3 mg/L·hour" in summaries.of_plans(compared(ratio=np.full((2, 5, 3), np.nan))).answer


def test_a_model_that_does_not_respond_to_doses_compares_no_regimens():
    same = {name: np.repeat(T[None], 2, axis=0) for name in ("low", "middle", "high")}
    summary = summaries.of_plans(compared(**same))
    assert "does not respond to doses" in summary.answer and summary.trust == "poor"
    alike = summaries.of_plans(compared(**same, dose_amount=np.ones(2)))
    assert "times the AUC" in alike.answer  # the same doses have the same course


def test_checks_are_drawn_and_judged():
    bands = np.array([[[[0.0, 0.5, 1.0], [1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]] * 2])
    seen = np.array([[[0.5, 2.0, 4.0], [0.5, 2.0, 6.0]]])
    check = PredictiveCheck(
        "drug", "hour", ("all individuals",), False, np.array([[1.0, 2.0]]), seen, bands, T, T, np.zeros(3, int),
        np.zeros(3, bool),
    )  # fmt: skip
    assert (
        check.inside.tolist() == [1.0, 1.0, 0.5] and len(checks.predictive_check(check, 0, logarithmic=True).data) == 7
    )
    assert summaries.of_predictive_check(check).trust == "fair" and len(tables.check_rows(check)["time"]) == 6
    none = replace(check, center=np.full((1, 2), np.nan))
    assert "too few values" in summaries.of_predictive_check(none).answer

    n = 40
    scores = ndtri((np.arange(n) + 0.5) / n)
    ones, held = np.linspace(1, 2, n), np.arange(n) < 8
    errors = PredictionErrors(
        "drug", "hour", np.arange(n), ones, ones, np.zeros(n, bool), 1.3 * ones, 1.05 * ones, 0.5 * ones, 2 * ones,
        scores, held, ones > 0,
    )  # fmt: skip
    assert len(checks.npde_over_time(errors).data) == 2 and len(checks.goodness_of_fit(errors, "individual").data) == 3
    assert (
        summaries.of_npde(errors).trust == "good"
        and summaries.of_npde(replace(errors, npde=scores + 2)).trust != "good"
    )
    nothing = replace(errors, npde=np.full(n, np.nan))
    assert "none of which has an NPDE" in checks.describe_errors(nothing) and "2.40" not in checks.describe_errors(
        errors
    )


def test_who_repeats_what_was_measured_is_not_trusted_for_it():
    """The population comes first; an error of 0 in values that were seen is fair at best."""
    ones, n = np.linspace(1, 2, 40), 40
    errors = PredictionErrors(
        "drug", "hour", np.arange(n), ones, ones, np.zeros(n, bool), 1.3 * ones, ones, ones, ones, ones, ones > 3,
        ones > 0,
    )  # fmt: skip
    fits = summaries.of_fits(errors)
    assert fits.trust == "fair" and fits.answer == (
        "Predictions of drug for the population are 30% off (RMSPE); those for individuals follow the values that they "
        "have seen to within 0%."
    )
    assert summaries.of_fits(replace(errors, individual=1.4 * ones)).trust == "poor"
    turned = replace(errors, observed=-ones, population=-1.3 * ones, individual=-1.1 * ones)
    assert "0.459 off (RMSE)" in summaries.of_fits(turned).answer and "within 0.153" in summaries.of_fits(turned).answer
    before = replace(errors, population=np.where(np.arange(n) < 3, 5.0, 1.3 * ones), dosed=np.arange(n) >= 3)
    assert summaries.of_fits(before).answer == fits.answer and "3 values before" in summaries.of_fits(before).why
    censored = summaries.of_fits(replace(errors, censored=np.ones(n, bool)))
    assert censored.trust == "poor" and "No value of drug" in censored.answer


def test_a_forecast_is_judged_beside_others():
    def errors(crps: float, coverage: float) -> ForecastErrors:
        rows = np.full(3, crps)
        count = np.array([5, 5, 5])
        return ForecastErrors(
            "drug", "hour", True, 5, np.array([1.0]), np.array([0.0, 1.0, 2.0]), count, rows, rows, rows,
            np.full(3, coverage),
        )  # fmt: skip

    found = {"good": errors(0.5, 0.9), "last value": errors(1.0, 0.9)}
    assert len(checks.forecast(found, "coverage").data) == 2
    summary = summaries.of_forecast(found, "good")
    assert summary.trust == "good" and "better than last value (1)" in summary.answer
    assert summaries.of_forecast({"good": errors(0.5, 0.9)}, "good").trust == "fair"
    assert summaries.of_forecast({"bad": errors(2.0, 0.5), **found}, "bad").trust == "poor"
    assert checks.forecast(found, "crps").layout.yaxis.title.text.startswith("CRPS of ")
    assert tables.forecast_rows(found)["time ahead"][:2] == ["before any measurement", "0 to 1"]
    assert summaries.nearest_forecast({"last value": found["last value"], "good": found["good"]}) == "good"


def test_what_was_held_out_later_is_marked_and_judged_apart():
    """After time 1 values are diamonds behind a dotted line, and the error of forecasts is not that of the fits."""
    line = np.array([[0.0, 3.0, 2.0]])
    result = IndividualFits(
        "drug (mg/L)", "hour", 1.0, np.array([1]), T, line, line, line, line, np.zeros(1, bool), after=1.0
    )
    figure = measurements.fit(result, 0, MEASURED.of(1), "Individual 1")
    assert [(each.name, each.marker.symbol, each.x.tolist()) for each in figure.data[3:]] == [
        ("measured", "circle", [0.0, 1.0]), ("held out", "diamond", [2.0]),
    ]  # fmt: skip
    assert len(figure.layout.shapes) == 3  # two doses and one line, where the history ends and what was held out begins
    assert "1 of them held out" in measurements.describe_fit(result, 0, MEASURED.of(1), "Individual 1")
    every = measurements.spaghetti(MEASURED, after=1.0)
    assert [each.name for each in every.data] == ["individuals", "held out", "below the limit of quantification"]
    assert every.layout.showlegend and "2 values after time 1 were held out" in measurements.describe_spaghetti(
        MEASURED, 1.0
    )
    ones, n = np.ones(40), 40
    later = np.arange(n) >= 30
    errors = PredictionErrors(
        "drug", "hour", np.arange(n), np.arange(n) * 1.0, ones, np.zeros(n, bool), 1.3 * ones,
        np.where(later, 1.2, 1.1), ones, np.where(later, 0.9, 1.0), ones, later, ones > 0, after=29.0,
    )  # fmt: skip
    summary = summaries.of_fits(errors)
    assert summary.answer.endswith("they have seen to within 10% and are 20% off where later values were held out.")
    assert summary.why.startswith("100% of the values that they have seen lie in their 90 % bands, of those held out ")
    assert "later 0%" in summary.why
    assert [each.name for each in checks.npde_over_time(errors).data] == ["in training", "held out"]
    assert "until -1 that fits could follow" in summaries.of_fits(replace(errors, after=-1.0)).answer
