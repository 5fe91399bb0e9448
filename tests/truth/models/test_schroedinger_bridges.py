"""Schroedinger bridges between Gaussian clouds, for which everything is known. Each test states its error."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.gaussian_bridge import GaussianBridge, Settings
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.gaussians import shrunk_covariance
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def in_units(sigma: float, spec: DataSpec) -> float:
    """The setting that gives a noise of sigma (state / sqrt(time))."""
    return sigma * spec.interval**0.5 / spec.scale


def trained(name: str, data: Snapshots, *, training: dict | None = None, **settings):
    model = registry.create(name, settings, data.spec, seed=0)
    fit(
        model,
        data,
        TrainConfig.preset("standard", type(model), **({"validation_fraction": 0.0} | (training or {}))),
        seed=0,
    )
    return model.eval()


def error(found: torch.Tensor | np.ndarray, truth: torch.Tensor | np.ndarray) -> float:
    """Root mean square of the difference over that of the truth."""
    a, b = (np.asarray(each, dtype=np.float64) for each in (found, truth))
    return float(np.sqrt(np.square(a - b).mean() / np.square(b).mean()))


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_the_gaussian_bridge_has_the_published_marginal(sigma):
    """N(-0.1, I) to N(0.1, I): mean 0.2 t - 0.1 and variance t (1-t) sqrt(4 + sigma^4) + (1-t)^2 + t^2, to 1e-10."""
    spec = DataSpec(dim=3, times=(0.0, 1.0), center=(0.0, 0.0, 0.0), scale=1.0, interval=1.0)
    model = registry.create("gaussian-sb", {"sigma": sigma}, spec, 0)
    model.means[:] = torch.tensor([[-0.1], [0.1]], dtype=torch.float64)  # type: ignore[index]
    t = torch.linspace(0, 1, 7, dtype=torch.float64)
    mean, covariance = model.marginal(t)  # type: ignore[operator]
    variance = t * (1 - t) * np.sqrt(4 + sigma**4) + (1 - t) ** 2 + t**2
    torch.testing.assert_close(mean, (0.2 * t - 0.1)[:, None].expand(7, 3), atol=1e-10, rtol=0)
    torch.testing.assert_close(
        covariance, variance[:, None, None] * torch.eye(3), atol=1e-10, rtol=0, check_dtype=False
    )


def test_the_gaussian_bridge_has_the_fields_of_the_simulator():
    """Turned and stretched clouds: drift, velocity and score to 1e-4, from exact means and covariances."""
    use = Settings(
        anisotropy=3.0,
        rotation_angle=70.0,
        dims=3,
        noise=1.3,
        last_time=2.5,
        initial_sd=0.7,
        final_sd=1.6,
        n_times=2,
    )
    process = GaussianBridge(use)
    data = process.simulate()
    model = registry.create("gaussian-sb", {"sigma": in_units(1.3, data.spec)}, data.spec, 0)
    for k, time in enumerate((0.0, 2.5)):
        mean, covariance = process.marginal(time)
        model.means[k], model.covariances[k] = torch.from_numpy(mean), torch.from_numpy(covariance)  # type: ignore
    moving = dynamics(model)
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * 2
    for time in (0.0, 0.4, 1.9):
        t = torch.full((50,), time)
        assert error(moving.drift(t, torch.from_numpy(x)), process.drift(time, x)) < 1e-4  # type: ignore[misc]
        assert error(moving.velocity(t, torch.from_numpy(x)), process.velocity(time, x)) < 1e-4  # type: ignore[misc]
        assert error(model.score(t, torch.from_numpy(x), Context()), process.score(time, x)) < 1e-4  # type: ignore[operator]


def test_the_gaussian_bridge_goes_through_the_means_and_covariances_of_all_times():
    """Simulated with and without noise from the first cells: mean within 0.1, covariance within 6 % of its size."""
    rng = np.random.default_rng(0)
    shapes = [np.diag([4.0, 1.0]), np.array([[2.0, 1.2], [1.2, 1.5]]), np.diag([0.5, 3.0])]
    middles, times = [[0, 10], [3, 9], [2, 12]], np.array([1.0, 2.0, 5.0])
    x = np.concatenate([rng.multivariate_normal(m, s, 3000) for m, s in zip(middles, shapes, strict=True)])
    data = Snapshots(x, np.repeat(times, 3000), AffineSpace.coordinates(("a", "b")))
    model = trained("gaussian-sb", data, sigma=0.5)
    for noise in (True, False):
        found = simulate(model, data.at(1.0), times, noise=noise, seed=1).x
        for k, time in enumerate(times):
            cells = data.at(time)
            np.testing.assert_allclose(found[k].mean(axis=0), cells.mean(axis=0), atol=0.1)
            assert error(np.cov(found[k].T), np.cov(cells.T)) < 0.06


def test_the_gaussian_bridge_between_close_times_has_the_drift_of_an_ornstein_uhlenbeck_process():
    """Stationary cells seen every 0.1 of a relaxation time, the same each time: the drift -x within 6 %.

    5 % are the gap's: the best bridge looks one gap ahead, exp(-0.1) in place of 1 - 0.1.
    """
    x = np.random.default_rng(0).normal(size=(3000, 2))  # dx = -x dt + sqrt(2) dW has the stationary law N(0, I)
    data = Snapshots(np.tile(x, (3, 1)), np.repeat([0.0, 0.1, 0.2], 3000), AffineSpace.coordinates(("a", "b")))
    model = trained("gaussian-sb", data, sigma=in_units(2**0.5, data.spec))
    at = torch.from_numpy(x[:500].astype(np.float32))
    drift = dynamics(model).drift(torch.full((500,), 0.1), at)  # type: ignore[misc]
    assert error(drift, -at) < 0.06


def test_fewer_cells_than_coordinates_are_enough():
    """Ten cells in thirty coordinates: no singular matrix, and the shrunk covariance is the sample's for many."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(10, 30)), rng.normal(size=(10, 30)) + 1]).astype(np.float32)
    data = Snapshots(x, np.repeat([0.0, 1.0], 10), AffineSpace.coordinates(tuple(f"x{k}" for k in range(30))))
    model = trained("gaussian-sb", data)
    found = simulate(model, data.at(0.0), [0.0, 1.0], seed=0).x[-1]
    assert np.isfinite(found).all() and abs(found.mean() - data.at(1.0).mean()) < 0.15
    many = torch.from_numpy(rng.normal(size=(20_000, 3)) * [1.0, 2.0, 3.0])
    assert error(shrunk_covariance(many), torch.cov(many.T)) < 1e-3
    assert torch.linalg.eigvalsh(shrunk_covariance(torch.zeros(1, 3, dtype=torch.float64))).min() > 0


def unit_clouds(cells: int = 1000) -> Snapshots:
    """N(-0.1, I) and N(0.1, I) with exactly these means and spreads, one unit of time apart."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, cells, 2))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True) + np.array([-0.1, 0.1])[:, None, None]
    return Snapshots(x.reshape(-1, 2), np.repeat([0.0, 1.0], cells), AffineSpace.coordinates(("a", "b")))


QUICKLY = {"learning_rate": 5e-3, "ema_decay": 0.98}


@pytest.mark.parametrize(
    ("name", "settings", "steps"),
    [("sf2m", {"coupling": "sinkhorn"}, 600), ("dsbm", {"coupling": "independent", "n_imf_iterations": 4}, 800)],
    ids=["sf2m", "dsbm"],
)
def test_the_learnt_bridges_have_the_marginals_of_the_gaussian_bridge(name, settings, steps):
    """Noise 1, with and without it in the simulation: mean within 0.06, variance within 8 % of the closed form.

    Random pairs give the variance 0.75 half-way, pairs of optimal transport 1.25, the Schroedinger bridge 1.059.
    """
    data = unit_clouds()
    sigma = in_units(1.0, data.spec)
    exact = trained("gaussian-sb", data, sigma=sigma)
    model = trained(name, data, training=QUICKLY | {"steps": steps}, sigma=sigma, **settings)
    times = np.linspace(0, 1, 5)
    mean, covariance = exact.marginal(torch.from_numpy(times))  # type: ignore[operator]
    variance = torch.diagonal(covariance, dim1=1, dim2=2).numpy()
    np.testing.assert_allclose(variance[2], 0.25 * 5**0.5 + 0.5, rtol=0.01)
    for noise in (True, False):
        found = simulate(model, np.tile(data.at(0.0), (4, 1)), times, seed=1, noise=noise).x
        np.testing.assert_allclose(found.mean(axis=1), mean.numpy(), atol=0.06)
        np.testing.assert_allclose(found.var(axis=1).mean(axis=1), variance.mean(axis=1), rtol=0.08)


def test_the_first_round_from_random_pairs_is_no_bridge():
    """What the other rounds are for: half-way the variance is 0.75 and not 1.059, within 0.08."""
    data = unit_clouds()
    settings = {"sigma": in_units(1.0, data.spec), "coupling": "independent", "n_imf_iterations": 1}
    model = trained("dsbm", data, training=QUICKLY | {"steps": 300}, **settings)
    found = simulate(model, data.at(0.0), [0.0, 0.5], seed=1).x
    assert found[1].var(axis=0).mean() == pytest.approx(0.75, abs=0.08)


def test_a_round_that_was_stopped_goes_on_with_the_same_pairs():
    """Stopped in the second of two rounds and resumed from its checkpoint: the weights of a run without a stop."""
    data = unit_clouds(40)
    config = TrainConfig(steps=12, batch_size=8, log_every=4)
    kept = []

    def fitted(start=None, report=lambda progress: None):
        model = registry.create("dsbm", {"n_imf_iterations": 2, "width": 8, "depth": 1}, data.spec, seed=0)
        fit(model, data, config, report, start=start, seed=0)
        return model

    whole = fitted(report=lambda progress: kept.append(copy.deepcopy(progress.checkpoint())))
    stopped = next(each for each in kept if each.phase == 1 and each.step == 4)
    for one, other in zip(whole.parameters(), fitted(stopped).parameters(), strict=True):
        assert torch.equal(one, other)
