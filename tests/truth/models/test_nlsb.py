"""The neural Lagrangian Schroedinger bridge against motions that are known. Each test states its error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.data.simulators.gaussian_bridge import GaussianBridge
from cellflow_core.data.simulators.gaussian_bridge import Settings as Bridge
from cellflow_core.data.simulators.ornstein_uhlenbeck import OrnsteinUhlenbeck
from cellflow_core.data.simulators.ornstein_uhlenbeck import Settings as Valley
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.bridges.nlsb import KernelDensity
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def trained(data: Snapshots, steps: int, **settings: Any) -> Any:
    model = registry.create("nlsb", settings, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model), validation_fraction=0.0, steps=steps), seed=0)
    return model.eval()


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Root mean square of the difference over that of the truth."""
    return float((found.detach() - truth).square().mean().sqrt() / truth.square().mean().sqrt())


def test_the_schroedinger_bridge_of_two_gaussians():
    """With its noise given, the drift is that of the bridge in closed form within 25 % at every moment."""
    process = GaussianBridge(
        Bridge(cells_per_time=800, n_times=2, initial_mean=-1.0, final_mean=1.0, initial_sd=0.6, final_sd=0.9)
    )
    data = process.simulate()
    known = process.settings.noise / data.spec.scale * data.spec.interval**0.5
    model = trained(data, 250, learn_sigma=False, sigma=known, substeps=16)
    assert float(dynamics(model).noise(torch.zeros(1))) == pytest.approx(1.0, rel=1e-5)
    for t in (0.1, 0.5, 0.9):
        x = np.random.default_rng(0).multivariate_normal(*process.marginal(t), 500).astype(np.float32)
        truth = torch.from_numpy(process.drift(t, x).astype(np.float32))
        assert error(dynamics(model).drift(torch.full((500,), t), torch.from_numpy(x)), truth) < 0.25


def test_cells_follow_their_rna_velocity_where_clouds_say_nothing():
    """A ring that turns looks the same at all times: only RNA velocity, in whatever unit, tells that it turns."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 900)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (2 + 0.1 * rng.normal(size=(900, 1)))
    turn = np.stack([-x[:, 1], x[:, 0]], axis=1)
    data = Snapshots(x, np.repeat([0.0, 1.0, 2.0], 300), AffineSpace.coordinates(("a", "b")), velocity=1000 * turn)
    t, at, truth = torch.ones(300), torch.from_numpy(data.at(1.0)), torch.from_numpy(turn[300:600].astype(np.float32))
    alike = {}
    for how in ("velocity", "potential-free"):
        model = trained(data, 200, lagrangian=how, depth=1, width=32)
        drift = dynamics(model).drift(t, at).detach()
        alike[how] = float(torch.cosine_similarity(drift, truth).mean())
        assert (dynamics(model).potential is None) == (how == "velocity")
    assert alike["velocity"] > 0.9 and alike["potential-free"] < 0.5
    with pytest.raises(ValueError, match="RNA velocity"):
        trained(Snapshots(data.x, data.t, data.space), 2, lagrangian="velocity")


def test_places_without_cells_are_dear():
    """-log p per axis of a standard normal: the slope is x / dim, within 10 % inside two spreads."""
    centres = torch.randn(100_000, 2, generator=torch.Generator().manual_seed(0))
    population = KernelDensity(centres, 0.25)
    x = torch.tensor([[0.5, 0.0], [1.0, 1.0], [-1.5, 0.5]])
    step = torch.tensor([[0.01, 0.0]])
    slope = (population.neg_log_density(x + step) - population.neg_log_density(x - step)) / 0.02
    torch.testing.assert_close(slope, x[:, 0] / 2 / (1 + 0.25**2), rtol=0.1, atol=0.02)


def test_the_laplacian_and_the_equation_of_a_network():
    """Against automatic differentiation, to rounding error."""
    data = OrnsteinUhlenbeck(Valley(cells_per_time=20, dims=3)).simulate()
    model: Any = registry.create("nlsb", {"width": 8, "depth": 3}, data.spec, seed=0)
    x, t = torch.from_numpy(data.x[:6]).double(), torch.linspace(0, 3, 6).double()
    model = model.double()

    def value(each: torch.Tensor) -> torch.Tensor:
        return model.phi(each[:1], each[None, 1:])[0, 0]

    for k in range(6):
        both = torch.cat([t[k : k + 1], x[k]]).requires_grad_()
        (slope,) = torch.autograd.grad(value(both), both)
        second: Any = torch.autograd.functional.hessian(value, both)
        bend = second[1:, 1:].trace()
        torch.testing.assert_close(model.phi.laplacian(t[k : k + 1], x[k : k + 1])[0], bend)
        noise = float(model.noise(t[k : k + 1]).detach())
        left = slope[0] - slope[1:].square().sum() / 2 + noise**2 / 2 * bend
        torch.testing.assert_close(model.residual(t[k : k + 1], x[k : k + 1], None)[0], left)
