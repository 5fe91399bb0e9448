"""Tumours by hand, who is treated, who is measured, and what another sequence of treatments would have done."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators.individuals.tumour import DEATH, TREATMENTS, Settings, Tumour, diameter
from cellflow_core.data.trajectories import DoseEvents

pytestmark = pytest.mark.truth


def test_a_tumour_by_hand() -> None:
    """Chemotherapy on day 0 and radiation on day 1, without noise: the equation of the paper, number by number."""
    process = Tumour(Settings(subjects=3, process_noise=0.0, days=20, seed=2))
    who = process._patients
    doses = DoseEvents(np.array([0, 0]), np.array([0.0, 1.0]), np.array([5.0, 2.0]), treatment=np.array([0, 1]))
    found = process.counterfactual_courses(np.arange(4.0), doses)[..., 0]
    for k, (first, second) in enumerate([((5.0, 0.0), (2.5, 2.0)), ((0.0, 0.0), (0.0, 0.0))]):
        volume = who.volume[k]
        for day, (drug, gray) in enumerate([first, second]):
            assert found[k, day] == pytest.approx(volume)
            kill = who.beta_c[k] * drug + who.alpha[k] * gray + who.alpha[k] / 10 * gray**2
            volume *= 1 + who.rho[k] * np.log(np.pi / 6 * 27_000 / volume) - kill
            volume = min(max(volume, 0.0), np.pi / 6 * DEATH**3)
        assert found[k, 2] == pytest.approx(volume)


def test_the_doses_that_were_given_give_what_was_measured() -> None:
    for kappa in (0.0, 10.0):
        process = Tumour(Settings(subjects=60, kappa=kappa))
        data = process.trajectories()
        courses = process.counterfactual_courses(np.arange(60.0), data.doses)
        np.testing.assert_allclose(data.x[:, 0], courses[data.subject, data.t.astype(int), 0], rtol=1e-5)


def test_larger_tumours_are_treated_more_the_larger_gamma() -> None:
    """Doses of radiation a day in tumours above and below 6.5 cm; without confounding half of the days."""
    difference = {}
    for gamma in (0.0, 4.0, 10.0):
        data = Tumour(Settings(subjects=1000, gamma=gamma, kappa=0.0)).trajectories()
        treated = np.zeros(len(data.t))
        given = {(s, t) for s, t, k in zip(data.doses.subject, data.doses.time, data.doses.treatment, strict=True) if k}
        treated[[k for k, row in enumerate(zip(data.subject, data.t, strict=True)) if row in given]] = 1
        large = diameter(data.x[:, 0]) > 6.5
        difference[gamma] = treated[large].mean() - treated[~large].mean()
    assert abs(difference[0.0]) < 0.03 and difference[4.0] > 0.1 and difference[10.0] > difference[4.0] + 0.1
    assert data.treatments == TREATMENTS and set(data.labels) == {"stage", "patient type"}


def test_treatment_helps_and_seems_to_harm() -> None:
    """Radiation on five days makes every tumour smaller, and yet those that are treated more are larger."""
    process = Tumour(Settings(subjects=200, gamma=6.0, kappa=0.0))
    five = np.arange(5.0)
    doses = DoseEvents(
        np.repeat(np.arange(200), 5), np.tile(five, 200), np.full(1000, 2.0), treatment=np.ones(1000, np.int64)
    )
    treated, untreated = (process.counterfactual_courses(np.array([5.0]), each) for each in (doses, DoseEvents()))
    assert (treated <= untreated).all() and treated.mean() < 0.9 * untreated.mean()
    data = process.trajectories()
    count = np.bincount(data.doses.subject, minlength=200) / np.bincount(data.subject, minlength=200)
    mean = np.bincount(data.subject, data.x[:, 0]) / np.bincount(data.subject)
    assert np.corrcoef(count, mean)[0, 1] > 0.3


def test_larger_tumours_are_measured_more_often() -> None:
    dense, thin = (Tumour(Settings(subjects=200, kappa=kappa)) for kappa in (10.0, 1.0))
    every = Tumour(Settings(subjects=200, kappa=0.0)).trajectories()
    some, few = dense.trajectories(), thin.trajectories()
    assert len(few.t) < 0.8 * len(some.t) < 0.2 * len(every.t)
    assert set(some.subjects) == set(few.subjects) == set(range(200))
    large = {len(each.t): (diameter(each.x[:, 0]) > 5).mean() for each in (some, every)}
    assert large[len(some.t)] > large[len(every.t)] + 0.1


def test_patients_are_followed_until_the_end() -> None:
    """No one is measured after a tumour of 13 cm or none; the course without treatment stays where it ended."""
    process = Tumour(Settings(subjects=300, kappa=0.0))
    data = process.trajectories()
    last = np.array([data.x[data.subject == k][-1, 0] for k in range(300)])
    short = np.bincount(data.subject) < 60
    largest = np.pi / 6 * DEATH**3
    assert short.any() and (np.isclose(last[short], largest) | (last[short] == 0)).all()
    course = process.counterfactual_courses(np.arange(0.0, 90.0), DoseEvents())[..., 0]
    ended = course >= largest - 1e-6
    assert ended.any() and (ended[:, 1:] >= ended[:, :-1]).all()
