"""Models that train through a solver, against Gaussian flows in closed form. Each test states its error."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.stats import multivariate_normal
from torch import Tensor, nn

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.neural_ode.trajectorynet import Settings, TrajectoryNet
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
TIMES = np.array([2.0, 4.0, 8.0])
MEAN = np.array([[0.0, 50.0], [6.0, 48.0], [12.0, 54.0]])
SPREAD = np.array([[4.0, 2.0], [3.0, 3.0], [2.0, 5.0]])
"""Of a cloud that moves, narrows along one axis and widens along the other."""


def snapshots(cells: int = 600) -> Snapshots:
    rng = np.random.default_rng(0)
    x = [mean + spread * rng.normal(size=(cells, 2)) for mean, spread in zip(MEAN, SPREAD, strict=True)]
    return Snapshots(np.concatenate(x), np.repeat(TIMES, cells), AffineSpace.coordinates(("a", "b")))


def trained(name: str, steps: int, rate: float = 5e-3, **settings):
    data = snapshots()
    model = registry.create(name, settings, data.spec, seed=0)
    fit(
        model,
        data,
        TrainConfig.preset("standard", type(model), steps=steps, learning_rate=rate, validation_fraction=0.0),
        seed=0,
    )
    return data, model.eval()


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> Any:
    return multivariate_normal(mean, cast(Any, covariance))


class Linear(nn.Module):
    """v = A (x - c), with its slopes."""

    def __init__(self, a: np.ndarray, center: np.ndarray) -> None:
        super().__init__()
        self.a, self.center = (torch.tensor(each, dtype=torch.float32) for each in (a, center))

    def jvp(self, t: Tensor, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        return (x - self.center) @ self.a.T, directions @ self.a.T


@pytest.mark.parametrize("exact", [10, 0], ids=["exact", "along signs"])
def test_the_density_of_a_linear_flow_is_its_gaussian(exact):
    """Within 1e-3 where the divergence is exact; on the mean of 4,000 cells within 0.02 along random signs."""
    a, center = np.array([[0.3, -0.8, 0.1], [0.5, -0.2, 0.0], [0.2, 0.1, 0.2]]), np.array([1.0, 2.0, 3.0])
    spec = DataSpec(dim=3, times=(0.0, 1.0, 3.0), center=tuple(center), scale=1.0, interval=1.5)
    model = TrajectoryNet(Settings(max_exact_divergence_dim=exact, solver="rk4", substeps=4), spec)
    model.net = cast(Any, Linear(a, center))
    model.mean.copy_(torch.tensor([2.0, 2.0, 2.0]))
    model.spread.copy_(torch.tensor([1.0, 0.5, 2.0]))
    for time in (1.0, 2.2, 3.0):
        flow = expm(a * (time + 1.5))  # since the base, one mean gap before the first time
        law = gaussian(center + flow @ (np.full(3, 2.0) - center), flow @ np.diag([1.0, 0.25, 4.0]) @ flow.T)
        x = law.rvs(4000, random_state=0)
        found = model.log_density(time, torch.tensor(x, dtype=torch.float32)).numpy()
        if exact:
            np.testing.assert_allclose(found, law.logpdf(x), atol=1e-3)
        else:
            assert found.mean() == pytest.approx(law.logpdf(x).mean(), abs=0.02)


class Constant(nn.Module):
    """The same rate everywhere."""

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return torch.full((len(x), 1), 0.4)


def test_growth_changes_the_density_of_mass_from_the_first_time_on():
    """An even rate of 0.4 multiplies it by exp(0.4 t), within 1e-4 of its logarithm, and not before time 0."""
    spec = DataSpec(dim=3, times=(0.0, 1.0, 3.0), center=(0.0,) * 3, scale=1.0, interval=1.5)
    x, found = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), {}
    for growth in ("none", "prior"):
        model = TrajectoryNet(Settings(growth=growth), spec)
        model.net = cast(Any, Linear(np.array([[0.3, -0.8, 0.1], [0.5, -0.2, 0.0], [0.2, 0.1, 0.2]]), np.zeros(3)))
        model.spread.fill_(1.0)
        if growth == "prior":
            model.rate = cast(Any, Constant())
        found[growth] = [model.log_density(time, x) for time in (1.0, 2.2)]
    for time, none, prior in zip((1.0, 2.2), found["none"], found["prior"], strict=True):
        torch.testing.assert_close(prior - none, torch.full((20,), 0.4 * time), atol=1e-4, rtol=0)


def test_trajectorynet_counts_cells_by_given_growth_rates():
    """Two groups 8 standard deviations from each other, which grow from 1:1 to 4:1: within 0.1 of the given rates of
    d log mass / dt (0.24 and -0.46) and 0.03 of the mass at the end, and under 5 % of the cells change sides."""
    rng = np.random.default_rng(0)
    rates = np.log([1.6, 0.4]) / 2
    group = np.repeat([0, 1, 0, 1], [150, 150, 240, 60])
    t = np.repeat([0.0, 2.0], 300)
    x = np.column_stack([8.0 * group, t]) + rng.normal(size=(600, 2))
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b")), growth=rates[group])
    model = registry.create("trajectorynet", {"growth": "prior", "width": 16, "depth": 2}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=250, validation_fraction=0.0), seed=0)
    first = data.at(0.0)
    growth = dynamics(model).growth
    assert growth is not None
    found = growth(torch.zeros(300), torch.from_numpy(first)).detach().numpy()
    assert [found[:150].mean(), found[150:].mean()] == pytest.approx(list(rates), abs=0.1)
    last = simulate(model, first, [0.0, 2.0])
    second = last.x[-1][:, 0] > 4
    assert (second != group[:300]).mean() < 0.05
    assert last.weight[-1][second].sum() == pytest.approx(0.2, abs=0.03)


def test_trajectorynet_finds_the_density_and_lands_where_the_cloud_went():
    """Log density within 0.2 in the mean (entropy 4.9), and mean and spread of landed cells within 0.6."""
    data, model = trained("trajectorynet", 250, rate=1e-2, energy=0.02, jacobian=0.03, input_noise=0.03)
    assert isinstance(model, TrajectoryNet)
    for k, time in enumerate(TIMES[1:], 1):
        x = data.at(time)
        truth = gaussian(MEAN[k], np.diag(SPREAD[k] ** 2)).logpdf(x)
        found = model.log_density(float(time), torch.from_numpy(x)).detach().numpy()
        assert np.abs(found - truth).mean() < 0.2
        landed = simulate(model, data.at(TIMES[k - 1]), TIMES[k - 1 : k + 1]).x[-1]
        np.testing.assert_allclose(landed.mean(axis=0), MEAN[k], atol=0.6)
        np.testing.assert_allclose(landed.std(axis=0), SPREAD[k], atol=0.6)


def test_mioflow_lands_where_the_cloud_went_from_the_time_before_and_from_the_first():
    """Mean of the landed cells within 0.6 and spread within 0.5, of ways of 6 to 9."""
    data, model = trained("mioflow", 300)
    for start in (0, 1):
        landed = simulate(model, data.at(TIMES[start]), [TIMES[start], TIMES[-1]]).x[-1]
        np.testing.assert_allclose(landed.mean(axis=0), MEAN[-1], atol=0.6)
        np.testing.assert_allclose(landed.std(axis=0), SPREAD[-1], atol=0.5)
