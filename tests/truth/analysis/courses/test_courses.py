"""The checks of individuals, held against the true model of a simulated study: it passes them, a wrong one does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from cellflow_core.analysis.courses.draws import UNKNOWN, at_rows, at_times
from cellflow_core.analysis.courses.errors import crps, errors
from cellflow_core.analysis.courses.exposure import NUMBERS, exposure, time_inside
from cellflow_core.analysis.courses.fits import individual_fits
from cellflow_core.analysis.courses.forecast import forecast_errors
from cellflow_core.analysis.courses.measurements import groups
from cellflow_core.analysis.courses.observed_doses import day_of, observed_doses, outside
from cellflow_core.analysis.courses.plans import compare_plans, last_interval
from cellflow_core.analysis.courses.prediction_errors import prediction_errors
from cellflow_core.analysis.courses.predictive_check import correct, predictive_check
from cellflow_core.analysis.courses.regimen import Plan, Regimen, joined
from cellflow_core.analysis.results import PredictiveCheck, RegimenComparison
from cellflow_core.data.dose_events import DoseEvents
from tests import toy_pk
from tests.toy_pk import CONCENTRATION

AUC, CMAX, TMAX, CMIN, INSIDE = range(len(NUMBERS))


@pytest.fixture(scope="module")
def data():
    return toy_pk.study()


@pytest.fixture(scope="module")
def true(data):
    return (toy_pk.model(data),)


@pytest.fixture(scope="module")
def wrong(data):
    return (toy_pk.model(data, clearance_factor=2.0),)


@pytest.mark.parametrize("corrected", [False, True])
def test_percentiles_of_the_true_model_lie_in_their_bands(data, true, wrong, corrected):
    """95 % bands hold about 95 % of 27 percentiles, which depend on each other: 80 % at least; of a wrong model few."""
    found, other = (predictive_check(each, data, CONCENTRATION, corrected=corrected) for each in (true, wrong))
    assert found.inside.mean() >= 0.8 and other.inside.mean() < 0.6
    assert found.rank > 0.05 and other.rank < 0.05  # a simulated study is as far off, or none is


def test_prediction_errors_of_the_true_model_are_standard_normal(data, true, wrong):
    found = prediction_errors(true, data, CONCENTRATION, np.array([3]))
    scores = found.npde[np.isfinite(found.npde)]
    assert kstest(scores, "norm").pvalue > 0.01 and abs(scores.mean()) < 0.15 and 0.8 < scores.std() < 1.2
    other = prediction_errors(wrong, data, CONCENTRATION, np.array([3])).npde
    assert kstest(other[np.isfinite(other)], "norm").pvalue < 1e-4
    assert found.held_out.sum() == (found.subject == 3).sum()
    first = {each: data.doses.of(np.array([each])).time.min() for each in data.subjects}
    np.testing.assert_array_equal(found.dosed, found.t > [first[each] for each in found.subject])
    turned = replace(data, doses=DoseEvents(*(each[::-1] for each in data.doses.arrays.values())))
    again = prediction_errors(true, turned.take(data.subjects[:2]), CONCENTRATION, np.array([3]))
    np.testing.assert_array_equal(again.dosed, again.t > [first[each] for each in again.subject])
    band = errors(np.stack([found.low, found.individual, found.high]), found.observed)
    inside = np.mean((found.low <= found.observed) & (found.observed <= found.high))
    assert 0.8 < inside <= 1 and band.rmspe < 0.25


def test_values_below_the_limit_keep_the_errors_normal(data, true):
    low = (data.x[:, 0] > 0) & (data.x[:, 0] < 1.5)
    censored = np.stack([low, np.zeros_like(low)], axis=1)
    cut = replace(data, x=np.where(censored, 1.5, data.x).astype(np.float32), censored=censored)
    found = prediction_errors(true, cut, CONCENTRATION, np.zeros(0, int))
    assert found.censored.sum() > 100
    assert kstest(found.npde[np.isfinite(found.npde)], "norm").pvalue > 0.01
    assert float(predictive_check(true, cut, CONCENTRATION).inside.mean()) >= 0.8


def test_the_area_is_the_dose_over_the_clearance(data, true):
    """To infinity, for every person; twice the dose has twice the area, and infusions are asked as they are planned."""
    plans = [Plan("once", (Regimen(100.0),)), Plan("twice as much", (Regimen(200.0),))]
    found = compare_plans(true, data, CONCENTRATION, plans, end=400.0, window=(2.0, 4.0))
    low, middle, high = found.values[0, AUC]
    assert middle == pytest.approx(100 / 2.0, rel=0.1)  # median of D/CL over people
    assert low == pytest.approx(50 * np.exp(-1.645 * 0.3), rel=0.12)
    assert high == pytest.approx(50 * np.exp(1.645 * 0.3), rel=0.12)
    assert found.ratio[1, AUC] == pytest.approx(np.full(3, 2.0), rel=1e-3) and (found.ratio[0, :2] == 1).all()
    assert np.isnan(found.outside).sum() == 0 and "followed" in found.reasons[0][-1]  # 400 hours, and 48 were observed


def test_a_regimen_beyond_the_observed_doses_is_flagged(data, true):
    known = observed_doses(data, 0)
    assert known is not None and known.amount == (50.0, 200.0) and known.daily == (100.0, 400.0) and known.number == 2
    inside, beyond = Plan("inside", (Regimen(200.0, 12.0, 2),)), Plan("beyond", (Regimen(150.0, 6.0, 4, 1.0),))
    found = compare_plans(true, data, CONCENTRATION, [inside, beyond], end=48.0)
    assert np.isnan(found.outside[0]) and not found.reasons[0]
    assert found.outside[1] == 0.0 and len(found.reasons[1]) == 3  # within a day, number of doses, infusion
    moment, reasons = outside(Regimen(300.0, 24.0, 2, loading=100.0).events(0.0), data, 40.0)
    assert moment == 24.0 and len(reasons) == 1


def test_a_day_is_as_long_in_whatever_word_its_unit_is_written(data):
    """1/24 days: "h" and "hours" alike; 12-hourly doses of 100 are 200 a day."""
    for unit in ("hour", "hours", "h"):
        known = observed_doses(replace(data, time_unit=unit), 0)
        assert known is not None and known.daily == (100.0, 400.0)
    assert day_of("week") == pytest.approx(1 / 7) and day_of("min") == pytest.approx(1440) and day_of("stage") == 1


def test_the_trough_is_of_the_interval_of_the_last_dose(data, true):
    """Three doses 6 apart beside one for 24: the last interval ends at 18; a window that is turned round is refused."""
    often, once = Regimen(100.0, 6.0, 3), Regimen(100.0, 24.0, 1)
    plan, start = Plan("both", (often, once)), 0.0
    assert last_interval(plan, joined([each.events(start) for each in plan.regimens]), start, 48.0) == (12.0, 18.0)
    assert last_interval(Plan("given", given=1.0), often.events(start), start, 48.0) == (12.0, 48.0)
    wrong: tuple[dict[str, Any], ...] = ({"window": (4.0, 2.0)}, {"start": float("nan")})
    for each in wrong:
        with pytest.raises(ValueError, match=r"empty|not after"):
            compare_plans(true, data, CONCENTRATION, [plan], end=48.0, **each)


def test_the_correction_is_by_ratio_for_what_is_positive_and_by_difference_for_what_is_not():
    """Bergstrand et al. 2011: y PRED_bin / PRED; one simulated value below 0 changes nothing of that."""
    t, true = np.zeros(3), np.array([[1.0, 2.0, 4.0]])
    observed, simulated = np.array([1.0, 3.0, 2.0]), np.array([[-0.1, 2.0, 4.0]])
    found, drawn = correct(t, true, observed, simulated)
    assert found.tolist() == [2.0, 3.0, 1.0] and drawn.tolist() == [[-0.2, 2.0, 2.0]]
    found, _ = correct(t, true, observed - 4, simulated)
    assert found.tolist() == [-2.0, -1.0, -4.0]


def test_an_individual_keeps_its_history_under_other_plans(data, true):
    subject = int(data.subjects[4])
    plans = [
        Plan("as given", given=1.0),
        Plan("nothing more"),
        Plan("more", (Regimen(200.0, 12.0, 2, missed=(2,)),)),
    ]
    found = compare_plans(true, data, CONCENTRATION, plans, individual=subject, start=12.0, end=48.0)
    assert found.dose_plan.tolist() == [0, 2] and found.dose_time.tolist() == [12.0, 12.0]
    assert found.values[1, CMIN, 1] < found.values[0, CMIN, 1] < found.values[2, CMAX, 1]
    own = data.doses.amount[data.doses.subject == subject][0]
    later = (data.subject == subject) & (data.t > 12)
    assert own == found.dose_amount[0] and len(found.measured_time) == (data.subject == subject).sum()
    at = np.searchsorted(found.times, data.t[later])
    errors_of = np.abs(np.log(found.middle[0, at] / data.x[later, 0]))
    assert np.median(errors_of) < 0.5
    assert [Plan.from_plain(each.plain) for each in plans] == plans
    with pytest.raises(ValueError, match="individual"):
        compare_plans(true, data, CONCENTRATION, plans)


def test_measurements_narrow_the_band_and_lower_the_error(data, true):
    """Whole history: the individual prediction is nearer than that of the population, its band is narrower."""
    found = individual_fits(true, data, CONCENTRATION, data.subjects[:4])
    early = individual_fits(true, data, CONCENTRATION, data.subjects[:4], until=0.0)
    assert np.nanmean(found.high - found.low) < 0.8 * np.nanmean(early.high - early.low)
    k = at_rows(true, data, np.inf, 100).true[..., 0], at_rows(true, data, UNKNOWN, 100).true[..., 0]
    rmse = [np.sqrt(np.mean((np.median(each, axis=0) - data.x[:, 0]) ** 2)) for each in k]
    assert rmse[0] < 0.7 * rmse[1]


def test_forecasts_of_the_true_model_are_calibrated(data, true, wrong):
    found = forecast_errors(true, data, CONCENTRATION, data.subjects[:40])
    assert found.held_out and found.individuals == 40 and found.count[0] == 40 * 9 and len(found.edges) == 5
    assert np.average(found.coverage, weights=found.count) == pytest.approx(0.9, abs=0.05)
    other = forecast_errors(wrong, data, CONCENTRATION, data.subjects[:40])
    assert (found.crps < other.crps).all()


def test_the_score_is_that_of_a_normal():
    """Gneiting & Raftery 2007, eq. 20: of a standard normal at y, y (2 Phi(y) - 1) + 2 phi(y) - 1/sqrt(pi)."""
    drawn = np.random.default_rng(0).normal(size=(20_000, 1))
    assert float(crps(drawn, np.zeros(1))[0]) == pytest.approx(2 / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi), abs=0.01)
    assert errors(drawn, np.array([0.3])).coverage == 1 and errors(drawn[:, :0], np.zeros(0)).count == 0


def test_time_in_a_window_follows_the_lines_between():
    times, course = np.array([0.0, 1.0, 3.0]), np.array([[0.0, 2.0, 2.0], [4.0, 0.0, 0.0]])
    assert time_inside(times, course, (1.0, 2.0)) == pytest.approx([2.5, 0.25])
    numbers = exposure(times, course, (1.0, 3.0), (1.0, 2.0))
    assert pytest.approx(np.array([[5.0, 2.0, 1.0, 2.0], [2.0, 4.0, 0.0, 0.0]])) == numbers[:4].T


def test_groups_are_of_a_label_or_of_the_dose(data, true, tmp_path):
    names, group = groups(data, "dose")
    assert [each.split()[0] for each in names] == ["50", "125", "200"] and np.bincount(group).tolist() == [20, 20, 20]
    data = replace(data, labels={"sex": np.array([*"abc"] * 20)})
    found = predictive_check(true, data, CONCENTRATION, by="sex", draws=50)
    assert len(found.groups) == 3 and found.observed.shape[0] == 3
    found.save(tmp_path / "check.npz")
    assert PredictiveCheck.load(tmp_path / "check.npz").groups == found.groups
    compared = compare_plans(true, data, CONCENTRATION, [Plan("one", (Regimen(100.0),))], end=24.0)
    compared.save(tmp_path / "plans.npz")
    assert RegimenComparison.load(tmp_path / "plans.npz").plans == ("one",)
    with pytest.raises(KeyError, match="sex"):
        groups(data, "no such label")


@pytest.mark.parametrize(
    "settings",
    [
        {"amount": -1.0},
        {"amount": 1.0, "number": 2, "interval": 1.0, "duration": 2.0},
        {"amount": 1.0, "missed": (2,)},
        {"amount": 1.0, "interval": 0.0},
    ],
)
def test_what_no_one_can_be_given_is_refused(settings):
    with pytest.raises(ValueError, match=r"dose|infusion"):
        Regimen(**settings)


def test_the_same_seed_gives_the_same_draws(data, true):
    first, again = (at_times(true, data.take([0, 1]), np.array([1.0, 2.0]), UNKNOWN, 5, seed=3) for _ in range(2))
    assert (first.true == again.true).all() and first.true.shape == (5, 2, 2, 2)
