"""Flow matching along other paths and pairs, against clouds whose laws are known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.birth_death import BirthDeath, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
CELLS = 1200


def trained(name: str, data: Snapshots, steps: int, **settings):
    model = registry.create(name, settings, data.spec, seed=0)
    changes = {"steps": steps, "batch_size": 256, "validation_fraction": 0.0, "learning_rate": 1e-2, "ema_decay": 0.98}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=0)
    return model.eval()


def exact_cells(mean: np.ndarray, spread: np.ndarray, seed: int) -> np.ndarray:
    """Normal cells with exactly this mean and spread along each axis, and no correlation of the axes."""
    z = np.random.default_rng(seed).normal(size=(CELLS, len(mean)))
    z = (z - z.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, bias=True))).T
    return mean + spread * z


def snapshots(mean: np.ndarray, spread: np.ndarray, times: np.ndarray) -> Snapshots:
    x = [exact_cells(m, s, seed) for seed, (m, s) in enumerate(zip(mean, spread, strict=True))]
    return Snapshots(np.concatenate(x), np.repeat(times, CELLS), AffineSpace.coordinates(("a", "b")))


@pytest.mark.parametrize("sigma", [1.0, 0.5])
def test_sb_cfm_has_the_marginals_of_the_bridge(sigma):
    """N(-0.1, 1) to N(0.1, 1): mean 0.2 t - 0.1 within 0.03, variance within 5 %, at every tenth of the way."""
    data = snapshots(np.full((2, 2), [[-0.1], [0.1]]), np.ones((2, 2)), np.array([0.0, 1.0]))
    model = trained("sb-cfm", data, steps=800, sigma=sigma / data.spec.scale)
    times = np.linspace(0, 1, 11)
    found = simulate(model, data.at(0.0), times.tolist()).x
    variance = times * (1 - times) * np.sqrt(4 + sigma**4) + (1 - times) ** 2 + times**2
    np.testing.assert_allclose(found.mean(axis=1), np.stack([0.2 * times - 0.1] * 2, axis=1), atol=0.03)
    np.testing.assert_allclose(found.var(axis=1), np.stack([variance] * 2, axis=1), rtol=0.05)


def test_sb_cfm_over_uneven_times_in_units_that_are_not_one():
    """Two gaps, 2 and 6, of a cloud that stands still: its spread swells within 4 % of the bridge's in each gap."""
    data = snapshots(np.full((3, 2), 50.0), np.full((3, 2), 4.0), np.array([2.0, 4.0, 10.0]))
    model = trained("sb-cfm", data, steps=800, sigma=0.6)
    noise = 0.6 * data.spec.scale / 4.0**0.5
    times = np.array([2.0, 3.0, 4.0, 7.0, 10.0])
    found = simulate(model, data.at(2.0), times.tolist()).x.std(axis=1)
    for at, (s, gap) in enumerate([(0, 2), (0.5, 2), (0, 6), (0.5, 6), (1, 6)]):
        strength = (noise / 4.0) ** 2 * gap  # sigma^2 of the bridge in spreads of the cloud, over one gap
        spread = 4 * np.sqrt(s * (1 - s) * np.sqrt(4 + strength**2) + (1 - s) ** 2 + s**2)
        np.testing.assert_allclose(found[at], spread, rtol=0.04)


def test_vp_cfm_keeps_the_spread_where_straight_paths_lose_it():
    """Mean on the line within 0.25, variance cos^2 var0 + sin^2 var1 within 12 %; I-CFM's is half of it half-way."""
    mean, spread = np.array([[10.0, 0.0], [14.0, -5.0], [30.0, -5.0]]), np.array([[2.0, 3.0], [2.0, 3.0], [4.0, 2.0]])
    times = np.array([0.0, 2.0, 5.0])
    data = snapshots(mean, spread, times)
    asked = [0.0, 1.0, 2.0, 3.5, 5.0]
    found = simulate(trained("vp-cfm", data, steps=1000, sigma=0.0), data.at(0.0), asked).x
    for at, (k, s) in enumerate([(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (1, 1.0)]):
        variance = np.cos(np.pi / 2 * s) ** 2 * spread[k] ** 2 + np.sin(np.pi / 2 * s) ** 2 * spread[k + 1] ** 2
        np.testing.assert_allclose(found[at].mean(axis=0), (1 - s) * mean[k] + s * mean[k + 1], atol=0.25)
        np.testing.assert_allclose(found[at].var(axis=0), variance, rtol=0.12)
    straight = simulate(trained("i-cfm", data, steps=600, sigma=0.0), data.at(0.0), asked[:2]).x
    np.testing.assert_allclose(straight[1].var(axis=0), spread[0] ** 2 / 2, rtol=0.15)


def two_groups(rng: np.random.Generator) -> Snapshots:
    """Far apart on the first axis; 300 and 300 of 1000 cells become 450 and 150 of 3000, 2 farther along the second."""
    group = [np.repeat([0, 1], [300, 300]), np.repeat([0, 1], [450, 150])]
    x = [rng.normal(size=(600, 2)) * 0.3 + np.stack([4 * g, np.full(600, 2.0 * k)], 1) for k, g in enumerate(group)]
    space, mass = AffineSpace.coordinates(("a", "b")), np.array([1000.0, 3000.0])
    return Snapshots(np.concatenate(x), np.repeat([0.0, 2.0], 600), space, mass=mass)


def test_uot_cfm_finds_the_growth_of_two_groups():
    """Groups of 300 and 300 that become 450 and 150 of the shown cells while all cells triple in two days.

    Growth log(4.5) / 2 and log(1.5) / 2 a day within 5 % over the whole way and within 10 % at any share of it, mass 3
    within 2 %, shares of the groups within 0.01; each group travels 1 a day along the second axis, within 0.1, and
    none crosses.
    """
    rng = np.random.default_rng(0)
    data = two_groups(rng)
    model = trained("uot-cfm", data, steps=250)
    growth = np.zeros((5, 2))
    for at, s in enumerate(np.linspace(0, 1, 5)):
        for k in (0, 1):
            cells = torch.tensor(rng.normal(size=(400, 2)) * 0.3 + [4 * k, 2 * s], dtype=torch.float32)
            t = torch.full((400,), 2 * float(s))
            growth[at, k] = float(dynamics(model).growth(t, cells).detach().mean())
            np.testing.assert_allclose(
                dynamics(model).velocity(t, cells).detach().numpy().mean(axis=0), [0, 1], atol=0.1
            )
    rates = np.log([4.5, 1.5]) / 2
    np.testing.assert_allclose(growth.mean(axis=0), rates, rtol=0.05)
    np.testing.assert_allclose(growth, [rates] * 5, rtol=0.1)
    found = simulate(model, data.at(0.0), [0.0, 2.0])
    assert np.exp(found.log_weight[-1]).mean() == pytest.approx(3.0, rel=0.02)
    first = found.x[-1][:, 0] < 2
    assert found.weight[-1][first].sum() == pytest.approx(0.75, abs=0.01)
    assert np.array_equal(first, data.at(0.0)[:, 0] < 2)


def test_metric_fm_finds_the_growth_of_two_groups_along_its_own_paths():
    """Cells multiply 4.5 and 1.5 times within 5 %, mass 3 within 2 %, shares within 0.01, and none crosses."""
    data = two_groups(np.random.default_rng(0))
    found = simulate(trained("metric-fm", data, steps=400, coupling="unbalanced"), data.at(0.0), [0.0, 2.0])
    first, times = found.x[-1][:, 0] < 2, np.exp(found.log_weight[-1])
    assert np.array_equal(first, data.at(0.0)[:, 0] < 2)
    np.testing.assert_allclose([times[first].mean(), times[~first].mean()], [4.5, 1.5], rtol=0.05)
    assert times.mean() == pytest.approx(3.0, rel=0.02)
    assert found.weight[-1][first].sum() == pytest.approx(0.75, abs=0.01)


def test_uot_cfm_finds_growth_and_travel_of_birth_and_death():
    """Mean growth over four days within 5 % of the span of the rates, travel within 0.05, mass within 3 %.

    The rates are those of the cells that are shown: of 700 at the last day, only 40 are of the state that dies out.
    """
    truth = BirthDeath(Settings(cells_per_time=700, founders=1_000_000))
    data = truth.simulate()
    model = trained("uot-cfm", data, steps=350)
    shown = np.array([[(truth.fate_of(data.at(t)) == each).mean() for each in truth.fates] for t in (0.0, 4.0)])
    rates = np.log(shown[1] / shown[0] * data.mass[-1] / data.mass[0]) / 4
    np.testing.assert_allclose(rates, truth.birth - truth.death, atol=0.1)
    times = np.linspace(0.2, 3.8, 10)
    rng = np.random.default_rng(1)
    found = np.zeros((len(times), 2, 3))
    for at, t in enumerate(times):
        for k, centre in enumerate(truth.centres(float(t))):
            x = torch.tensor(centre + 0.3 * rng.normal(size=(300, 2)), dtype=torch.float32)
            now = torch.full((300,), float(t))
            found[at, k, 0] = float(dynamics(model).growth(now, x).detach().mean())
            found[at, k, 1:] = dynamics(model).velocity(now, x).detach().numpy().mean(axis=0)
    np.testing.assert_allclose(found[:, :, 0].mean(axis=0), rates, atol=0.05 * np.ptp(rates))
    np.testing.assert_allclose(found[:, :, 1:].mean(axis=0), [[0, 0.5]] * 2, atol=0.05)
    landed = simulate(model, data.at(0.0), [0.0, 4.0])
    assert np.exp(landed.log_weight[-1]).mean() == pytest.approx(truth.mass(4.0), rel=0.03)
