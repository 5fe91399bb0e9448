"""Lorenz-96 against another integration, its own derivative and what is known of its course."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.lorenz96 import Lorenz96, Settings

pytestmark = pytest.mark.truth


def test_rows_follow_the_equation() -> None:
    """From each row to the next as an adaptive solver of high order goes: to 1e-4."""
    process = Lorenz96(Settings(noise=0.0, n_times=6, cells_per_time=3, interval=0.1))
    data = process.simulate()
    for k in range(5):
        for subject in range(3):
            start, end = (data.x[(data.t == t) & (data.subject == subject)][0] for t in data.times[k : k + 2])
            found = solve_ivp(
                lambda t, y: process.drift(t, y[None])[0], (0, 0.1), start.astype(float), rtol=1e-10, atol=1e-10
            )
            np.testing.assert_allclose(end, found.y[:, -1], atol=1e-4)


def test_the_network_is_where_the_derivative_is_not_zero() -> None:
    """Entries of the Jacobian at a random state, the decay left out."""
    process = Lorenz96(Settings(variables=7))
    x = np.random.default_rng(0).normal(size=(1, 7))
    columns = [(process.drift(0.0, x + 1e-6 * e) - process.drift(0.0, x - 1e-6 * e))[0] / 2e-6 for e in np.eye(7)]
    jacobian = np.stack(columns, axis=1) + np.eye(7)
    np.testing.assert_array_equal(np.abs(jacobian) > 1e-4, process.network() != 0)


def test_it_neither_rests_nor_runs_away() -> None:
    """At F = 10 the mean is between 2 and 3, and energy F sum(x) = sum(x^2) is balanced on average: to 5 %."""
    x = Lorenz96(Settings(noise=0.0, n_times=1500, interval=0.25)).simulate().x.astype(float)
    assert 2 < x.mean() < 3 and x.std() > 3
    assert np.square(x).sum(axis=1).mean() == pytest.approx(10 * x.sum(axis=1).mean(), rel=0.05)


def test_noise_is_in_the_measurements() -> None:
    """The same course with and without: their difference has the standard deviation that was asked for, to 5 %."""
    plain, noisy = (Lorenz96(Settings(noise=noise, n_times=500)).simulate().x for noise in (0.0, 0.5))
    assert (noisy - plain).std() == pytest.approx(0.5, rel=0.05)
