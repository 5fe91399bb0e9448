"""The disease model against another integration of the published equations, and what another dose would have done."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.individuals.disease import Disease, Settings
from cellflow_core.data.trajectories import DoseEvents

pytestmark = pytest.mark.truth
TIMES = np.linspace(0, 14, 8)


def published(start: np.ndarray, coupling: np.ndarray, day: float, dose: float) -> np.ndarray:
    """[times, latent] of one patient: the equations of the paper, rates of 1 and Hill coefficients of 2, the dose in
    closed form."""

    def change(t: float, z: np.ndarray) -> np.ndarray:
        disease, response, immunity, lung = z[:4]
        plasma = dose * np.exp(-(t - day)) * (t > day)
        return np.array([
            disease - disease * immunity**2 - disease * response,
            disease - response + disease * response + response**2 / (1 + response**2) - lung * response,
            response,
            plasma - lung,
            *np.tanh(z @ coupling),
        ])  # fmt: skip

    before = solve_ivp(change, (0, day), start, dense_output=True, rtol=1e-10, atol=1e-10)
    after = solve_ivp(change, (day, 14), before.y[:, -1], dense_output=True, rtol=1e-10, atol=1e-10)
    return np.array([(before if t <= day else after).sol(t) for t in TIMES])


def test_states_follow_the_published_equations() -> None:
    process = Disease(Settings(subjects=4, seed=3))
    start, doses, *_ = process._study
    found = process.states(TIMES, doses)
    for k in range(4):
        truth = published(start[k], process._system[0], doses.time[k], doses.amount[k])
        np.testing.assert_allclose(found[k], truth, atol=1e-4)


def test_observables_are_standardised_and_half_of_them_missing() -> None:
    data = Disease(Settings(subjects=300)).trajectories()
    assert data.x.shape == (300 * 15, 20) and data.observed.mean() == pytest.approx(0.5, abs=0.01)
    values = data.x[data.observed]
    assert abs(values.mean()) < 0.02 and values.std() == pytest.approx(1.0, abs=0.02)
    assert data.doses.amount.max() < 10 and set(data.doses.time) == set(range(14))


def test_what_was_measured_is_the_true_course_and_noise() -> None:
    process = Disease(Settings(missing=0.0, noise=0.0, subjects=8))
    data = process.trajectories()
    courses = process.counterfactual_courses(data.times, data.doses)
    np.testing.assert_allclose(data.x, courses.reshape(-1, 20), atol=1e-5)


def test_another_dose_changes_nothing_before_it_and_the_immune_response_after() -> None:
    """A dose on day 3 of 0 and of 8 mg: the response comes later, and the disease becomes worse."""
    process, times = Disease(Settings(subjects=20)), np.linspace(0, 14, 57)

    def states(amount: float) -> np.ndarray:
        return process.states(times, DoseEvents(np.arange(20), np.full(20, 3.0), np.full(20, amount)))

    none, dosed = states(0.0), states(8.0)
    np.testing.assert_array_equal(none[:, times <= 3], dosed[:, times <= 3])
    assert (dosed[:, times == 5, 1] < none[:, times == 5, 1]).all()
    assert (dosed[..., 0].max(axis=1) > none[..., 0].max(axis=1)).all()
    assert np.abs(process.counterfactual(8.0) - process.counterfactual(0.0)).max() > 0.5


def test_an_infusion_brings_the_same_amount() -> None:
    """8 mg within a minute are a dose of 8 mg, to 1 %; over five days they are not."""
    process = Disease(Settings(subjects=3))

    def states(duration: float) -> np.ndarray:
        given = DoseEvents(np.arange(3), np.full(3, 2.0), np.full(3, 8.0), np.full(3, duration))
        return process.states(TIMES, given)

    at_once, minute, slowly = states(0.0), states(1 / 1440), states(5.0)
    np.testing.assert_allclose(minute, at_once, rtol=0.01, atol=1e-3)
    assert np.abs(slowly - at_once).max() > 0.2


def test_the_system_is_the_same_for_any_number_of_patients() -> None:
    few, many = (Disease(Settings(subjects=n)) for n in (3, 30))
    for one, other in zip(few._system, many._system, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (few.trajectories().fingerprint == Disease(Settings(subjects=3)).trajectories().fingerprint) and (
        few.trajectories().fingerprint != Disease(Settings(subjects=3, seed=1)).trajectories().fingerprint
    )
