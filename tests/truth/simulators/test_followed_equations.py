"""Short equations and the Maillard reactions against another integration, their derivatives and what they conserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.individuals.followed_equations import FollowedEquations, Settings
from cellflow_core.data.simulators.individuals.maillard import ENVIRONMENT, SPECIES, Maillard
from cellflow_core.data.simulators.individuals.maillard import Settings as MaillardSettings

pytestmark = pytest.mark.truth
EQUATIONS = ("gompertz", "selkov", "lorenz")


def processes():
    short = [FollowedEquations(Settings(equation=each, noise=0.0, n_times=11, cells_per_time=3)) for each in EQUATIONS]
    return [*short, Maillard(MaillardSettings(noise=0.0, environments=1, repetitions=1))]


@pytest.mark.parametrize("process", processes(), ids=[*EQUATIONS, "maillard"])
def test_rows_follow_the_equation(process) -> None:
    """Every individual to the third time, as an adaptive solver of high order goes: to 1e-4 of the range."""
    data = process.simulate()
    end = float(data.times[2])
    for start, found in zip(data.at(data.times[0]), data.at(end), strict=True):
        known = solve_ivp(
            lambda t, y: process.drift(t, y[None])[0], (0, end), start.astype(float), rtol=1e-10, atol=1e-10
        )
        np.testing.assert_allclose(found, known.y[:, -1], atol=1e-4 * np.ptp(data.x))


@pytest.mark.parametrize("process", processes(), ids=[*EQUATIONS, "maillard"])
def test_the_network_is_where_the_derivative_is_not_zero(process) -> None:
    x = np.random.default_rng(0).uniform(0.5, 2.0, (1, len(process.axes)))
    steps = 1e-6 * np.eye(len(process.axes))
    slope = np.stack([(process.drift(0.0, x + e) - process.drift(0.0, x - e))[0] / 2e-6 for e in steps], axis=1)
    network = process.network()
    assert ((np.abs(slope) > 1e-6) >= (network != 0)).all()
    missed = (np.abs(slope) > 1e-6) & (network == 0)  # slopes that cancel where all levels are 1
    assert missed.sum() <= 1


def test_noise_is_in_the_measurements() -> None:
    """A tenth of the standard deviation of each variable, to 5 %."""
    plain, noisy = (FollowedEquations(Settings(noise=noise)).simulate().x for noise in (0.0, 0.1))
    np.testing.assert_allclose((noisy - plain).std(axis=0), 0.1 * plain.std(axis=0), rtol=0.05)


def test_bound_lysine_is_conserved() -> None:
    """Lysine, Amadori product, AMP and melanoidin hold one lysine each: their sum stays, to 1e-4."""
    data = Maillard(MaillardSettings(noise=0.0, seed=3)).simulate()
    whole = data.x[:, [SPECIES.index(each) for each in ("Lysine", "Amadori", "AMP", "Melanoidin")]].sum(axis=1)
    for subject in range(15):
        own = whole[data.subject == subject]
        np.testing.assert_allclose(own, own[0], rtol=1e-4)


def test_reactions_of_the_target_are_never_blocked() -> None:
    """Cn is made of triose in every environment, at the same rate; environments begin differently."""
    process = Maillard(MaillardSettings(target=SPECIES.index("Cn") + 1, noise=0.0, environments=6, n_times=200))
    data = process.simulate()
    assert process.true_terms("Cn") == {("Triose",)}
    assert sorted({*data.labels[ENVIRONMENT].tolist()}) == [str(k + 1) for k in range(6)]
    for environment in range(6):
        rows = data.labels[ENVIRONMENT] == str(environment + 1)
        course = replace(data, labels={}, channels={}).take(rows & (data.subject == 3 * environment))
        triose, made = (course.x[:, SPECIES.index(each)].astype(float) for each in ("Triose", "Cn"))
        expected = 0.00439 * np.trapezoid(triose, course.t)
        assert made[-1] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert len(np.unique(data.at(0.0)[:, 0])) == 6
