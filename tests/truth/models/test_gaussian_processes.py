"""Every family against Gaussian processes whose fields are known in closed form. Each test states its error.

Between Gaussians with diagonal covariance the optimal map is affine, x1 = m1 + (s1 / s0) (x0 - m0), so that paths,
velocities and potentials are known, and with Brownian bridges along its pairs the score as well. (The Schroedinger
bridge proper has entropic pairs, with regularisation 2 sigma^2; these models pair by exact transport, and so does the
truth here.) Cells of different times are drawn independently; gaps are uneven and units of state and time are not 1.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.pair_sampler import PairSampler
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
TIMES = np.array([2.0, 4.0, 10.0])
CARRIED = np.array([[0.0, 50.0], [6.0, 48.0], [12.0, 54.0]]), np.full((3, 2), 4.0)
"""(mean, spread) at each time of a cloud that moves as a whole."""
SQUEEZED = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), np.array([[4.0, 2.0], [2.0, 3.0], [1.0, 5.0]])
"""A cloud that narrows along one axis and widens along the other: cells roll into a valley."""


def snapshots(law: tuple[np.ndarray, np.ndarray], cells: int = 1000) -> Snapshots:
    rng = np.random.default_rng(0)
    x = [mean + spread * rng.normal(size=(cells, 2)) for mean, spread in zip(*law, strict=True)]
    return Snapshots(np.concatenate(x), np.repeat(TIMES, cells), AffineSpace.coordinates(("a", "b")))


def trained(name: str, data: Snapshots, steps: int, **settings):
    model = registry.create(name, settings, data.spec, seed=0)
    changes = {"steps": steps, "batch_size": 128, "validation_fraction": 0.0, "learning_rate": 1e-2, "ema_decay": 0.98}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=0)
    return model.eval()


def sample_interpolation(law: tuple[np.ndarray, np.ndarray], k: int, s: float, noise: float = 0.0):
    """(t, x, velocity, score) of the true cloud at share s of interval k, with Brownian bridges of this noise."""
    (m0, m1), (s0, s1) = (each[k : k + 2] for each in law)
    gap = TIMES[k + 1] - TIMES[k]
    mean, straight = (1 - s) * m0 + s * m1, (1 - s) * s0 + s * s1
    variance = straight**2 + noise**2 * gap * s * (1 - s)
    z = np.random.default_rng(7).normal(size=(2000, 2))
    x = mean + np.sqrt(variance) * z
    score = -(x - mean) / variance
    # d mean / dt + (d variance / dt) / (2 variance) (x - mean): the velocity of a Gaussian that changes along its axes
    change = 2 * straight * (s1 - s0) / gap + noise**2 * (1 - 2 * s)
    velocity = (m1 - m0) / gap - change / 2 * score
    t = torch.full((len(x),), TIMES[k] + s * gap)
    return t, *(torch.tensor(each, dtype=torch.float32) for each in (x, velocity, score))


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Root mean square of the difference over that of the truth."""
    found = found.detach()
    return float((found - truth).square().mean().sqrt() / truth.square().mean().sqrt())


@pytest.mark.parametrize("law", [CARRIED, SQUEEZED], ids=["carried", "squeezed"])
def test_ot_cfm_finds_the_velocity(law):
    """Within 25 % of the root mean square speed, from a plan between 1,000 cells."""
    model = trained("ot-cfm", snapshots(law), steps=500, sigma=0.0)
    for k in (0, 1):
        t, x, velocity, _ = sample_interpolation(law, k, 0.5)
        assert error(dynamics(model).velocity(t, x), velocity) < 0.25


@pytest.mark.parametrize("law", [CARRIED, SQUEEZED], ids=["carried", "squeezed"])
def test_action_matching_finds_the_potential(law):
    """The landscape within 15 % of its own relief, its slope within 25 %, and downhill is where cells go."""
    model = trained("action-matching", snapshots(law), steps=500, sigma=0.0)
    for k in (0, 1):
        t, x, velocity, _ = sample_interpolation(law, k, 0.5)
        assert error(dynamics(model).velocity(t, x), velocity) < 0.25
        middle = x.mean(dim=0)
        drift, stretch = _affine(x, velocity)
        truth = -(x @ drift + stretch @ (x - middle).square().T / 2)
        found = dynamics(model).potential(t, x).detach()
        assert error(found - found.mean(), truth - truth.mean()) < 0.15


def _affine(x: torch.Tensor, velocity: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(a, b) of velocity = a + b (x - mean), axis by axis."""
    away = x - x.mean(dim=0)
    return velocity.mean(dim=0), (away * velocity).sum(dim=0) / away.square().sum(dim=0)


def test_both_estimators_of_the_action_differ_by_a_constant():
    """ "paths" minus "boundaries" is the mean squared speed of the paths, whatever the network."""
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=(60_000, 2))
    ends = torch.tensor(np.stack([x0, x0 * 0.5 + 1.0]), dtype=torch.float32)
    times = torch.tensor([0.0, 2.0])
    spec = DataSpec(dim=2, times=(0.0, 2.0), center=(0.5, 0.5), scale=1.0, interval=2.0)
    pool = PairSampler.from_plans((TransportPlan(0.0, 2.0, ends[0], ends[1], torch.full((len(x0),), 1 / len(x0))),))
    for seed in (0, 1):
        loss = {}
        for estimator in ("paths", "boundaries"):
            model = registry.create("action-matching", {"objective": estimator, "width": 16}, spec, seed)
            with torch.no_grad():
                model.net.layers[-1].weight.mul_(10.0)  # type: ignore[union-attr]
                loss[estimator] = float(model.loss(Batch(ends, times, torch.Generator().manual_seed(1), pool)).total)
        speed = float((ends[1] - ends[0]).square().mean())  # per axis, in squared typical speeds (1 / 2)
        assert loss["paths"] - loss["boundaries"] == pytest.approx(speed, rel=0.02)
        assert abs(loss["paths"] - speed) > 0.05  # the network does enter


def test_sf2m_finds_the_bridge():
    """Score and velocity within 20 % at every share of both intervals; simulated mean within 0.6, spread within 0.5.
    Noise is as large in an interval of 2 as in one of 6."""
    data = snapshots(CARRIED)
    model = trained("sf2m", data, steps=800, sigma=0.6)
    for k, gap in enumerate((2.0, 6.0)):
        noise = float(dynamics(model).noise(torch.tensor([TIMES[k] + 0.1])))
        assert noise == pytest.approx(0.6 * data.spec.scale / gap**0.5)
        for s in (0.2, 0.5, 0.8):
            t, x, velocity, score = sample_interpolation(CARRIED, k, s, noise)
            assert error(model.score(model.clock.position(t), x, Context()), score) < 0.2
            assert error(dynamics(model).velocity(t, x), velocity) < 0.2
    for with_noise in (True, False):
        found = simulate(model, data.at(2.0), [2.0, 3.0, 4.0, 7.0, 10.0], seed=1, noise=with_noise).x
        mean = [[0, 50], [3, 49], [6, 48], [9, 51], [12, 54]]
        spread = [4, np.sqrt(16 + noise**2 / 2), 4, np.sqrt(16 + noise**2 * 1.5), 4]
        np.testing.assert_allclose(found.mean(axis=1), mean, atol=0.6)
        np.testing.assert_allclose(found.std(axis=1), np.stack([spread, spread], axis=1), atol=0.5)


def test_the_neural_ode_lands_where_the_cloud_went():
    """Mean of the landed cells within 0.8 of a way of 6 to 8 that the energy shortens by 5 %, spread within 0.4."""
    data = snapshots(CARRIED)
    model = trained("neural-ode", data, steps=200)
    for k in (0, 1):
        landed = simulate(model, data.at(TIMES[k]), TIMES[k : k + 2]).x[-1]
        np.testing.assert_allclose(landed.mean(axis=0), CARRIED[0][k + 1], atol=0.8)
        np.testing.assert_allclose(landed.std(axis=0), 4.0, atol=0.4)


def test_displacement_is_the_midpoint_of_the_plan():
    """Each cell is half-way to its partner, exactly; the cloud half-way between the Gaussians within 5 %."""
    data = snapshots(SQUEEZED, cells=700)
    model = trained("ot-displacement", data, steps=1)
    plan = model.coupling(0)
    found = simulate(model, plan.x0.numpy(), [2.0, 3.0, 4.0]).x
    np.testing.assert_allclose(found[1], (plan.x0 + plan.x1) / 2, atol=1e-5)
    np.testing.assert_allclose(found[2], plan.x1, atol=1e-5)
    np.testing.assert_allclose(found[1].std(axis=0), [3.0, 2.5], rtol=0.05)
