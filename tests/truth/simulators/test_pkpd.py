"""Dose and response against an integration of the compartments, and what another dose would have done."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.pkpd import AXES, GROUP, Pkpd, Settings
from cellflow_core.data.snapshots import DataRequirement

pytestmark = pytest.mark.truth


def integrated(use: Settings, dose: float, times: np.ndarray) -> np.ndarray:
    """Gut (mg), concentration (mg/L) and activity (%) as differential equations, dose by dose: [times, 2]."""

    def change(_: float, y: np.ndarray) -> list[float]:
        power = y[1] ** use.hill
        aim = 100 * (1 - use.emax * power / (use.ec50**use.hill + power))
        enters = use.absorption * y[0]
        return [-enters, (enters - use.clearance * y[1]) / use.volume, use.turnover * (aim - y[2])]

    found, y, given = (
        np.empty((len(times), 2)),
        np.array([0.0, 0.0, 100.0]),
        use.dosing_interval * np.arange(use.n_doses),
    )
    for start, end in zip(given, [*given[1:], max(times[-1], given[-1]) + 1], strict=True):
        y = y + np.array([dose, 0, 0])
        solved = solve_ivp(change, (start, end), y, dense_output=True, rtol=1e-9, atol=1e-9)
        there = (start <= times) & (times < end)
        found[there], y = solved.sol(times[there])[1:].T, solved.y[:, -1]
    return found


@pytest.mark.parametrize(
    "use",
    [
        Settings(),
        Settings(n_doses=4, dosing_interval=8.0, hill=2.0),
        Settings(absorption=0.1, clearance=2.0, volume=20.0),  # absorbed as fast as it is cleared
        Settings(turnover=2.0, ec50=0.2, n_doses=2),
    ],
)
def test_the_closed_form_is_that_of_the_compartments(use: Settings) -> None:
    times = np.linspace(0, 48, 97)
    made, truth = Pkpd(use).dose_response(times, 120.0), integrated(use, 120.0, times)
    np.testing.assert_allclose(made[:, 0], truth[:, 0], atol=1e-5)
    np.testing.assert_allclose(made[:, 1], truth[:, 1], atol=2e-2)


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
