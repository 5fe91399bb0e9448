"""Dose and response against an integration of the compartments, and what another dose would have done."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.simulators.pkpd import AXES, GROUP, Pkpd, Settings
from cellflow_core.data.snapshots import DataRequirement

pytestmark = pytest.mark.truth


def integrated(use: Settings, doses: DoseEvents, times: np.ndarray) -> np.ndarray:
    """Gut (mg), concentrations (mg/L) and activity (%) as differential equations, from event to event: [times, 2]."""

    def change(_: float, y: np.ndarray, rate: float) -> list[float]:
        power = y[1] ** use.hill
        aim = 100 * (1 - use.emax * power / (use.ec50**use.hill + power))
        enters, exchanged = use.absorption * y[0], use.exchange * (y[1] - y[2])
        central = (rate + enters - use.clearance * y[1] - exchanged) / use.volume
        return [-enters, central, exchanged / use.peripheral_volume, use.turnover * (aim - y[3])]

    ends = doses.time + doses.duration
    stops = np.unique([0.0, *doses.time, *ends, max(times[-1], *ends) + 1])
    found, y = np.empty((len(times), 2)), np.array([0.0, 0.0, 0.0, 100.0])
    for start, end in pairwise(stops):
        now = (doses.time == start) & (doses.duration == 0)
        at_once = doses.amount[now].sum() * np.array([1, 0] if use.route == "oral" else [0, 1 / use.volume])
        y = y + np.array([*at_once, 0, 0])
        during = (doses.time <= start) & (ends >= end) & (doses.duration > 0)
        rate = float((doses.amount[during] / doses.duration[during]).sum())
        solved = solve_ivp(change, (start, end), y, args=(rate,), dense_output=True, rtol=1e-9, atol=1e-9)
        there = (start <= times) & (times < end)
        found[there], y = solved.sol(times[there])[[1, 3]].T, solved.y[:, -1]
    return found


def regular(use: Settings, dose: float) -> DoseEvents:
    """Every dose that is due, for person 0."""
    time = use.dosing_interval * np.arange(use.n_doses)
    length = use.infusion if use.route == "intravenous" else 0.0
    return DoseEvents(np.zeros(len(time), np.int64), time, np.full(len(time), dose), np.full(len(time), length))


@pytest.mark.parametrize(
    "use",
    [
        Settings(),
        Settings(n_doses=4, dosing_interval=8.0, hill=2.0),
        Settings(absorption=0.1, clearance=2.0, volume=20.0),  # absorbed as fast as it is cleared
        Settings(turnover=2.0, ec50=0.2, n_doses=2),
        Settings(exchange=3.0, peripheral_volume=50.0, n_doses=3),
        Settings(route="intravenous", infusion=2.0, n_doses=2),
        Settings(route="intravenous", infusion=8.0, exchange=5.0, n_doses=4),
    ],
)
def test_the_closed_form_is_that_of_the_compartments(use: Settings) -> None:
    times = np.linspace(0, 48, 97)
    made, truth = Pkpd(use).dose_response(times, 120.0), integrated(use, regular(use, 120.0), times)
    np.testing.assert_allclose(made[:, 0], truth[:, 0], atol=1e-5)
    np.testing.assert_allclose(made[:, 1], truth[:, 1], atol=2e-2)


def test_any_doses_of_each_person_are_those_of_the_compartments() -> None:
    """A loading dose, another interval, an infusion beside swallowed doses; the others get none."""
    use = Settings(exchange=2.0, subjects=3, between_subject_sd=0.0)
    time, amount = np.array([0.0, 5.0, 13.0, 30.0]), np.array([200.0, 50.0, 80.0, 50.0])
    doses = DoseEvents(np.ones(4, np.int64), time, amount, np.array([0.0, 0.0, 6.0, 0.0]))
    times = np.linspace(0, 60, 121)
    found = Pkpd(use).counterfactual_courses(times, doses)
    np.testing.assert_allclose(found[1, :, 0], integrated(use, doses, times)[:, 0], atol=1e-5)
    np.testing.assert_allclose(found[1, :, 1], integrated(use, doses, times)[:, 1], atol=2e-2)
    assert (found[[0, 2]] == [0.0, 100.0]).all()


def test_missed_doses_are_no_events_and_have_no_effect() -> None:
    use = Settings(n_doses=6, missed_doses=0.3, residual_error=0.0, subjects=200)
    made = Pkpd(use).trajectories()
    assert len(made.doses.time) / (200 * 6) == pytest.approx(0.7, abs=0.05) and (made.doses.amount > 0).all()
    times = np.linspace(0, use.last_time, use.n_times)
    np.testing.assert_allclose(Pkpd(use).counterfactual_courses(times, made.doses).reshape(-1, 2), made.x, atol=1e-3)
    assert np.abs(made.x - Pkpd(replace(use, missed_doses=0.0)).trajectories().x).max() > 1


def test_an_effect_at_once_is_the_limit_of_a_fast_one() -> None:
    times = np.linspace(0, 48, 97)
    at_once, fast = (
        Pkpd(Settings(effect=kind, turnover=10.0)).dose_response(times, 100.0) for kind in ("direct", "indirect")
    )
    np.testing.assert_allclose(at_once[5:], fast[5:], atol=2.0)
    assert at_once[0].tolist() == [0.0, 100.0]


def test_more_drug_is_more_concentration_in_proportion_and_less_activity() -> None:
    times = np.linspace(1, 48, 20)
    low, high = Pkpd().dose_response(times, 50.0), Pkpd().dose_response(times, 100.0)
    np.testing.assert_allclose(high[:, 0], 2 * low[:, 0])
    assert (high[:, 1] < low[:, 1]).all()
    assert (Pkpd().dose_response(times, 0.0) == [0.0, 100.0]).all()


def test_people_are_followed_and_know_their_dose() -> None:
    made = Pkpd(Settings(residual_error=0.0, between_subject_sd=0.0))
    data = made.simulate()
    assert {
        DataRequirement.SUBJECTS,
        DataRequirement.DOSE,
        DataRequirement.TIMES,
    } <= data.has and DataRequirement.GENES not in data.has
    assert data.space.axes == AXES and data.subject is not None and data.dose is not None
    assert len(data.x) == 60 * 9 and len(np.unique(data.subject)) == 60
    assert sorted(set(data.labels[GROUP])) == ["125 mg", "200 mg", "50 mg"]
    for subject in (0, 1, 2, 59):
        own = data.subject == subject
        dose = float(data.dose[own][0, 0])
        assert (data.dose[own] == dose).all() and (np.diff(data.t[own]) > 0).all()
        np.testing.assert_allclose(data.x[own], made.dose_response(data.t[own], dose), atol=1e-3)


@pytest.mark.parametrize("times", ["common", "irregular"])
def test_another_dose_is_the_same_people_at_the_same_times(times: Literal["common", "irregular"]) -> None:
    made = Pkpd(Settings(residual_error=0.0, n_groups=1, lowest_dose=80.0, times=times))
    data = made.simulate()
    np.testing.assert_allclose(made.counterfactual(80.0), data.x, atol=1e-3)
    doubled = made.counterfactual(160.0)
    np.testing.assert_allclose(doubled[:, 0], 2 * data.x[:, 0], atol=1e-3)
    assert (doubled[data.t > 0, 1] < data.x[data.t > 0, 1]).all()
    assert (len(data.times) == 9) == (times == "common") and (data.t >= 0).all() and (data.t <= 48).all()


def test_errors_and_differences_have_the_stated_size() -> None:
    noisy, clean = (Pkpd(Settings(subjects=2000, residual_error=error, n_times=3)).simulate() for error in (0.1, 0.0))
    ratio = np.log(noisy.x[clean.t > 0] / clean.x[clean.t > 0])
    assert ratio.std() == pytest.approx(0.1, rel=0.05) and abs(ratio.mean()) < 0.01
    again = Pkpd(Settings(subjects=2000, residual_error=0.1, n_times=3)).simulate()
    assert (again.x == noisy.x).all() and again.fingerprint == noisy.fingerprint
