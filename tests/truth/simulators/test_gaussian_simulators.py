"""Simulators with a Gaussian law, against another road to the same numbers: Euler steps, derivatives, optimality."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.gaussian_bridge import GaussianBridge
from cellflow_core.data.simulators.gaussian_bridge import Settings as Bridge
from cellflow_core.data.simulators.ornstein_uhlenbeck import OrnsteinUhlenbeck
from cellflow_core.data.simulators.ornstein_uhlenbeck import Settings as Valley

pytestmark = pytest.mark.truth
CELLS = 20_000

PROCESSES = {
    "valley": OrnsteinUhlenbeck(),
    "turning valley": OrnsteinUhlenbeck(Valley(dims=3, anisotropy=3.0, rotation_rate=2.0, stationary_mean=1.0)),
    "valley of 10": OrnsteinUhlenbeck(Valley(dims=10, anisotropy=2.0)),
    "bridge": GaussianBridge(),
    "turned bridge": GaussianBridge(
        Bridge(dims=3, anisotropy=2.0, rotation_angle=50.0, final_sd=0.5, noise=0.7, last_time=2.0)
    ),
    "bridge of 10": GaussianBridge(Bridge(dims=10)),
}
each = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())


@each
def test_euler_steps_reach_the_law(process):
    """Mean and covariance at half-way and at the end within 4.5 standard errors plus the error of a step."""
    rng = np.random.default_rng(0)
    last = process.settings.last_time
    x = rng.multivariate_normal(*process.marginal(0.0), CELLS)
    for begin, end in ((0.0, last / 2), (last / 2, last)):
        x, _ = sde.final_state(process, x, begin, end, rng, step=last / 400)
        mean, covariance = process.marginal(end)
        spread = np.sqrt(np.diag(covariance))
        assert np.abs((x.mean(axis=0) - mean) / spread).max() < 4.5 / np.sqrt(CELLS) + 0.01
        z = (np.cov(x.T) - covariance) / np.outer(spread, spread)
        assert np.abs(z).max() < 4.5 * np.sqrt(2 / CELLS) + 0.02


@each
def test_cells_follow_the_law(process):
    """Means of every time within 4.5 standard errors."""
    data = process.simulate()
    for t in data.times:
        mean, covariance = process.marginal(float(t))
        z = (data.at(t).mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / len(data.at(t)))
        assert np.abs(z).max() < 4.5


@each
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_score_is_the_slope_of_the_log_density(process, share):
    """Central differences of the Gaussian log density, within 1e-5."""
    from scipy.stats import multivariate_normal

    t = share * process.settings.last_time
    mean, covariance = process.marginal(t)
    x = np.random.default_rng(0).multivariate_normal(mean, covariance, 20)
    law, h = multivariate_normal(mean, covariance), 1e-4
    slope = [(law.logpdf(x + h * axis) - law.logpdf(x - h * axis)) / (2 * h) for axis in np.eye(len(mean))]
    np.testing.assert_allclose(process.score(t, x), np.stack(slope, axis=1), rtol=1e-5, atol=1e-5)


@each
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_velocity_carries_the_law(process, share):
    """d mean / dt and d covariance / dt by central differences equal what an affine velocity does, within 1e-6."""
    t, h = share * process.settings.last_time, 1e-5
    (m0, c0), (m1, c1) = process.marginal(t - h), process.marginal(t + h)
    mean, covariance = process.marginal(t)
    np.testing.assert_allclose(process.velocity(t, mean[None])[0], (m1 - m0) / (2 * h), atol=1e-6)
    stretch = (process.velocity(t, mean + np.eye(len(mean))) - process.velocity(t, mean[None])).T
    np.testing.assert_allclose(stretch @ covariance + covariance @ stretch.T, (c1 - c0) / (2 * h), atol=1e-6)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_the_bridge_between_unit_clouds_has_the_published_variance(noise):
    """N(-0.1, I) to N(0.1, I): mean 0.2 t - 0.1, variance t (1 - t) sqrt(4 + sigma^4) + (1 - t)^2 + t^2, exact."""
    process = GaussianBridge(Bridge(initial_mean=-0.1, final_mean=0.1, noise=noise))
    for t in (0.0, 0.25, 0.5, 1.0):
        mean, covariance = process.marginal(t)
        variance = t * (1 - t) * np.sqrt(4 + noise**4) + (1 - t) ** 2 + t**2
        np.testing.assert_allclose(mean, 0.2 * t - 0.1, atol=1e-12)
        np.testing.assert_allclose(covariance, variance * np.eye(2), atol=1e-12)


def test_the_ends_of_the_bridge_are_coupled_by_entropic_transport():
    """log density = f(x0) + g(x1) - |x0 - x1|^2 / (2 sigma^2 T): the mixed precision is -I / (sigma^2 T)."""
    process = PROCESSES["turned bridge"]
    joint = np.block([[process._ends[0], process._joint], [process._joint.T, process._ends[1]]])
    assert np.linalg.eigvalsh(joint).min() > 0
    np.testing.assert_allclose(np.linalg.inv(joint)[:3, 3:], -np.eye(3) / (0.7**2 * 2.0), atol=1e-9)


def test_a_turn_is_what_the_landscape_cannot_show():
    """Without a turn the drift is the slope of the landscape; with one, turn^2 / (rate^2 + turn^2) of it is not."""
    assert PROCESSES["valley"].non_gradient() == pytest.approx(0.0, abs=1e-12)
    turning = OrnsteinUhlenbeck(Valley(rotation_rate=2.0))
    assert turning.non_gradient() == pytest.approx(0.8)
    for process in (PROCESSES["valley"], turning):
        land = process.landscape(41)
        row, column = np.unravel_index(land.height.argmin(), land.height.shape)
        np.testing.assert_allclose([land.x[column], land.y[row]], land.stable[0], atol=1e-9)
        np.testing.assert_allclose(process.drift(0.0, land.stable), 0.0, atol=1e-12)
        assert land.height[0, 0] == pytest.approx(16.0)  # 4 standard deviations along both axes


def test_rest_is_reached():
    """After 20 times the time of return the law is the one the landscape shows."""
    process = PROCESSES["turning valley"]
    mean, covariance = process.marginal(20.0)
    np.testing.assert_allclose(mean, 1.0, atol=1e-6)
    np.testing.assert_allclose(covariance, process._rest, atol=1e-6)


@pytest.mark.parametrize("clamp", [None, {"x1": 0.5}, {"x3": -1.0, "x2": 2.0}])
def test_the_mean_cell_of_a_valley_also_with_axes_held(clamp):
    """The mean of Euler steps within 4.5 standard errors plus the error of a step; without a clamp, of the law."""
    process = OrnsteinUhlenbeck(Valley(dims=3, anisotropy=3.0, rotation_rate=2.0, stationary_mean=1.0))
    last = process.settings.last_time
    found = process.mean_trajectory(np.array([0.0, last / 2, last]), clamp)
    x = np.random.default_rng(0).multivariate_normal(*process.marginal(0.0), CELLS)
    for k, (begin, end) in enumerate(((0.0, last / 2), (last / 2, last)), 1):
        rng = np.random.default_rng(k)
        x, _ = sde.final_state(process, x, begin, end, rng, step=last / 400, clamp=clamp)
        free = x.std(axis=0) > 0
        assert np.abs(found[k] - x.mean(axis=0))[free].max() < 4.5 * x.std(axis=0).max() / np.sqrt(CELLS) + 0.01
        np.testing.assert_allclose(found[k][~free], x[0][~free])
        if clamp is None:
            np.testing.assert_allclose(found[k], process.marginal(end)[0])


def test_every_axis_of_a_valley_can_be_held():
    process = OrnsteinUhlenbeck()
    assert (process.mean_trajectory(np.linspace(0, 3, 4), {"x1": 0.5, "x2": -1.0}) == [0.5, -1.0]).all()
