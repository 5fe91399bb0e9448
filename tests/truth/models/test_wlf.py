"""Wasserstein Lagrangian Flows against laws that are known: an affine map, a Brownian bridge, two clumps that grow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.potentials.wlf import WLF
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def trained(data: Snapshots, **settings) -> WLF:
    model = registry.create("wlf", settings, data.spec, seed=0)
    changes = {"steps": 500, "batch_size": 128, "validation_fraction": 0.0, "learning_rate": 1e-2, "ema_decay": 0.98}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=0)
    assert isinstance(model, WLF)
    return model.eval()


def pair(x0: np.ndarray, x1: np.ndarray) -> Snapshots:
    return Snapshots(np.concatenate([x0, x1]), np.repeat([2.0, 6.0], len(x0)), AffineSpace.coordinates(("a", "b")))


def test_the_cheapest_motion_between_gaussians():
    """Velocity half-way within 25 % of its root mean square; mean and spread where cells land within 0.2."""
    rng = np.random.default_rng(0)
    before, after = np.array([2.0, 3.0]), np.array([4.0, 1.0])
    data = pair(rng.normal(size=(800, 2)) * before, [3.0, -2.0] + rng.normal(size=(800, 2)) * after)
    model = trained(data, variant="ot")
    z = np.random.default_rng(1).normal(size=(1000, 2))
    x = torch.tensor([1.5, -1.0] + z * (before + after) / 2, dtype=torch.float32)
    truth = torch.tensor(([3.0, -2.0] + z * (after - before)) / 4, dtype=torch.float32)
    found = dynamics(model).velocity(torch.full((1000,), 4.0), x).detach()
    assert float((found - truth).square().mean().sqrt() / truth.square().mean().sqrt()) < 0.25
    assert dynamics(model).growth is None  # mass is kept
    landed = simulate(model, data.at(2.0), [2.0, 6.0]).x[-1]
    np.testing.assert_allclose(landed.mean(axis=0), [3.0, -2.0], atol=0.2)
    np.testing.assert_allclose(landed.std(axis=0), after, atol=0.2)


def test_the_law_of_the_bridge():
    """N(-0.1, 1) to N(0.1, 1), sigma 1: variance half-way 1.059 within 10 %; without noise it would be 1."""
    rng = np.random.default_rng(0)
    data = pair(rng.normal(size=(1000, 2)) - 0.1, rng.normal(size=(1000, 2)) + 0.1)
    sigma = 1.0 / data.spec.scale  # per square root of the gap, in spreads
    model = trained(data, variant="sb", sigma=sigma)
    middle = simulate(model, data.at(2.0), [2.0, 4.0]).x[-1]
    variance = 0.25 * np.sqrt(5.0) + 0.5
    np.testing.assert_allclose(middle.mean(axis=0), 0.0, atol=0.1)
    np.testing.assert_allclose(middle.var(axis=0), variance, rtol=0.1)


def test_growth_of_an_unbalanced_pair():
    """Half the cells in either clump, later a quarter and three quarters: shares within 5 %, motion within 0.4 of 1.5.

    The rate is that of the clump: log(1/2) / 4 and log(3/2) / 4, within 5 % of the difference.
    """
    rng = np.random.default_rng(0)
    early, late = (np.where(np.arange(800) < count, 0.0, 20.0)[:, None] for count in (400, 200))
    moved = late + np.array([1.5, 0.0])
    data = pair(early + rng.normal(size=(800, 2)), moved + rng.normal(size=(800, 2)))
    model = trained(data)
    found = simulate(model, data.at(2.0), [2.0, 6.0])
    left = data.at(2.0)[:, 0] < 10
    assert float(found.weight[-1][left].sum()) == pytest.approx(0.25, rel=0.05)
    for clump in (left, ~left):
        np.testing.assert_allclose((found.x[-1] - data.at(2.0))[clump].mean(axis=0), [1.5, 0.0], atol=0.4)
    rates = [float(found.log_weight[-1][clump].mean()) / 4 for clump in (left, ~left)]
    assert rates[1] - rates[0] == pytest.approx(np.log(3.0) / 4, rel=0.05)
