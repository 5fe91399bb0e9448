"""Action Matching with noise and with growth, on processes that are known. Each test states its error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import Batch
from cellflow_core.data.simulators.ornstein_uhlenbeck import OrnsteinUhlenbeck, Settings
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.pair_sampler import PairSampler
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def trained(data: Snapshots, steps: int, **settings) -> Any:
    model = registry.create("action-matching", settings, data.spec, seed=0)
    changes = {"steps": steps, "batch_size": 256, "validation_fraction": 0.0, "learning_rate": 1e-2, "ema_decay": 0.98}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=0)
    return model.eval()


def test_entropic_finds_the_drift_of_an_ornstein_uhlenbeck_process():
    """Four gaps of 0.375 relaxation times: drift -x within 25 % over all times, mean and spread within 0.1."""
    process = OrnsteinUhlenbeck(Settings(cells_per_time=500, last_time=1.5))
    data = process.simulate()
    model = trained(data, 800, variant="entropic", noise=0.7 * data.spec.interval**0.5 / data.spec.scale, sigma=0.02)
    assert float(dynamics(model).noise(torch.zeros(1))) == pytest.approx(0.7)
    x, t = torch.from_numpy(data.x[::3]), torch.from_numpy(data.t[::3].astype(np.float32))
    drift = dynamics(model).drift(t, x).detach()
    wrong = float((drift + x).square().mean().sqrt() / x.square().mean().sqrt())
    assert wrong < 0.25
    assert dynamics(model).kind == "stochastic" and dynamics(model).velocity is None
    found = simulate(model, data.at(0.0), data.times, seed=1).x
    for k, time in enumerate(data.times):
        mean, covariance = process.marginal(float(time))
        np.testing.assert_allclose(found[k].mean(axis=0), mean, atol=0.1)
        np.testing.assert_allclose(found[k].std(axis=0), np.sqrt(np.diag(covariance)), atol=0.1)


def test_unbalanced_finds_the_growth_of_two_groups():
    """Groups of 300 and 300 that become 450 and 150 of the shown cells while all cells triple in two days.

    Growth log(4.5) / 2 and log(1.5) / 2 a day within 5 % over the whole way, mass 3 within 5 %, shares of the groups
    within 0.02; each group travels 1 a day along the second axis, within 0.15.
    """
    rng = np.random.default_rng(0)
    group = [np.repeat([0, 1], [300, 300]), np.repeat([0, 1], [450, 150])]
    x = [rng.normal(size=(600, 2)) * 0.3 + np.stack([4 * g, np.full(600, 2.0 * k)], 1) for k, g in enumerate(group)]
    space = AffineSpace.coordinates(("a", "b"))
    data = Snapshots(np.concatenate(x), np.repeat([0.0, 2.0], 600), space, mass=np.array([1000.0, 3000.0]))
    model = trained(data, 800, variant="unbalanced")
    growth, travel = np.zeros((5, 2)), np.zeros((5, 2, 2))
    for at, s in enumerate(np.linspace(0, 1, 5)):
        for k in (0, 1):
            cells = torch.tensor(rng.normal(size=(400, 2)) * 0.3 + [4 * k, 2 * s], dtype=torch.float32)
            t = torch.full((400,), 2 * float(s))
            growth[at, k] = float(dynamics(model).growth(t, cells).detach().mean())
            travel[at, k] = dynamics(model).velocity(t, cells).detach().numpy().mean(axis=0)
    np.testing.assert_allclose(growth.mean(axis=0), np.log([4.5, 1.5]) / 2, rtol=0.05)
    np.testing.assert_allclose(travel.mean(axis=0), [[0, 1], [0, 1]], atol=0.15)
    found = simulate(model, data.at(0.0), [0.0, 2.0])
    assert np.exp(found.log_weight[-1]).mean() == pytest.approx(3.0, rel=0.05)
    assert found.weight[-1][found.x[-1][:, 0] < 2].sum() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("variant", ["entropic", "unbalanced"])
def test_both_estimators_differ_by_a_constant(variant):
    """ "paths" minus "boundaries" is the same for every network, within what the draws leave open."""
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=(60_000, 2))
    ends = torch.tensor(np.stack([x0, x0 * 0.5 + 1.0]), dtype=torch.float32)
    spec = DataSpec(dim=2, times=(0.0, 2.0), center=(0.5, 0.5), scale=1.0, interval=2.0)
    share = torch.full((len(x0),), 1 / len(x0))
    pool = PairSampler.from_plans(
        (TransportPlan(0.0, 2.0, ends[0], ends[1], share, share * 2.0 if variant == "unbalanced" else None),)
    )
    separation = []
    for seed in (0, 1, 2):
        loss = {}
        for estimator in ("paths", "boundaries"):
            settings = {"objective": estimator, "variant": variant, "width": 16, "sigma": 0.3}
            model: Any = registry.create("action-matching", settings, spec, seed)
            with torch.no_grad():
                model.net.layers[-1].weight.mul_(30.0)
                batch = Batch(ends, torch.tensor([0.0, 2.0]), torch.Generator().manual_seed(1), pool)
                loss[estimator] = float(model.loss(batch).total)
        separation.append(loss["paths"] - loss["boundaries"])
        assert abs(loss["boundaries"]) > 0.02  # the network does enter
    assert np.ptp(separation) < 0.03 * np.mean(separation)
