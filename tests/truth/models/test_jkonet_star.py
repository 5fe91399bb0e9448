"""JKOnet* finds the energy and the noise of processes that are known. Each test states its error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.simulators.ornstein_uhlenbeck import OrnsteinUhlenbeck
from cellflow_core.data.simulators.ornstein_uhlenbeck import Settings as Valley
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.networks.linear_potential import PolynomialRBFBasis
from cellflow_core.models.potentials.jkonet_star import JKOnetStar, Settings
from cellflow_core.train import checkpoint
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
PLANE = AffineSpace.coordinates(("a", "b"))


def trained(data: Snapshots, **settings) -> Any:
    stationary = {"landscape": "fixed", "diffusion": True}
    model = registry.create("jkonet-star", stationary | settings, data.spec, seed=0)
    training = {"steps": 300, "learning_rate": 5e-3, "validation_fraction": 0.0}
    fit(model, data, TrainConfig.preset("standard", type(model), **training), seed=0)
    return model.eval()


def error(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Root mean square of the difference over that of the truth."""
    return float((found.detach() - truth).square().mean().sqrt() / truth.square().mean().sqrt())


@pytest.mark.parametrize("variant", ["linear", "net"])
def test_the_valley_of_an_ornstein_uhlenbeck_process(variant):
    """grad V = x within 20 %, the noise of 0.7 within 15 %: 800 cells of 5 times, 0.75 of a relaxation time apart."""
    data = OrnsteinUhlenbeck(Valley(cells_per_time=800)).simulate()
    model = trained(data, variant=variant)
    x = torch.from_numpy(data.x[::4])
    t = torch.zeros(len(x))
    assert error(dynamics(model).drift(t, x), -x) < 0.20
    assert float(dynamics(model).noise(torch.zeros(1)).detach()) == pytest.approx(0.7, rel=0.15)
    truth = x.square().sum(dim=1) / 2
    found = dynamics(model).potential(t, x).detach()
    assert error(found - found.mean(), truth - truth.mean()) < 0.20
    assert dynamics(model).kind == "stochastic"


def two_wells() -> Snapshots:
    """dx = -grad ((x^2 - 1)^2 / 2 + y^2 / 2) dt + 0.7 dW from a spot on the pass between them, six times 0.15 apart."""
    rng, step, times, parts = np.random.default_rng(0), 0.01, np.arange(6) * 0.15, []
    for time in times:
        x = 0.2 * rng.normal(size=(1000, 2))
        for _ in range(round(time / step)):
            x = x - step * slope(x) + 0.7 * step**0.5 * rng.normal(size=x.shape)
        parts.append(x)
    return Snapshots(np.concatenate(parts), np.repeat(times, 1000), PLANE)


def slope(x: np.ndarray) -> np.ndarray:
    return np.stack([2 * x[:, 0] * (x[:, 0] ** 2 - 1), x[:, 1]], axis=1)


def test_two_wells_and_the_noise_between_them():
    """Slope within 45 %, noise of 0.7 within 15 %, floors of the wells within 0.25 of -1 and 1, the pass between."""
    data = two_wells()
    model = trained(data, variant="linear")
    x = data.x[data.t > 0.1][::3]
    drift = dynamics(model).drift(torch.zeros(len(x)), torch.from_numpy(x))
    assert error(drift, torch.from_numpy(-slope(x))) < 0.45
    assert float(dynamics(model).noise(torch.zeros(1)).detach()) == pytest.approx(0.7, rel=0.15)
    line = torch.stack([torch.linspace(-1.5, 1.5, 61), torch.zeros(61)], dim=1)
    height = dynamics(model).potential(torch.zeros(61), line)
    left, right = height[:30].argmin(), 31 + height[31:].argmin()
    assert float(line[left, 0]) == pytest.approx(-1, abs=0.25) and float(line[right, 0]) == pytest.approx(1, abs=0.25)
    assert height[30] > height[left] + 0.1 and height[30] > height[right] + 0.1


def test_short_steps_are_nearer_than_the_one_step_of_the_paper():
    """At gaps of 0.75 relaxation times the one step is off by more than 30 %, four by less than half of that."""
    data = OrnsteinUhlenbeck(Valley(cells_per_time=800)).simulate()
    x = torch.from_numpy(data.x[::4])
    one, four = (
        error(dynamics(trained(data, variant="linear", substeps=n)).drift(torch.zeros(len(x)), x), -x) for n in (1, 4)
    )
    assert one > 0.3 and four < one / 2


def test_an_interval_counts_by_its_displacement_however_long_it_is():
    """Cells move by 3 in 1 hour and by 3 in 10: both count alike, as they would on even times."""
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    data = Snapshots(
        np.concatenate([x, x + 3, x + 6]), np.repeat([0.0, 1.0, 11.0], 50), AffineSpace.coordinates(("a", "b"))
    )
    model = JKOnetStar(Settings(diffusion=False), data.spec)
    found = model.conditions(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))
    assert sorted(set(found.gap.numpy().round(4))) == pytest.approx([1 / 5.5, 10 / 5.5], abs=1e-4)
    torch.testing.assert_close(found.velocity * found.gap[:, None] * 5.5, torch.full_like(found.y, 3.0))


def test_cells_that_gather_around_each_other():
    """A cloud that moves on and gathers: with interaction the velocity within 8 %, without it above 12 %."""
    rng, times = np.random.default_rng(0), np.arange(5) * 0.25
    parts = [np.array([4.0 * time, 0.0]) + np.exp(-time) * rng.normal(size=(800, 2)) for time in times]
    data = Snapshots(np.concatenate(parts), np.repeat(times, 800), PLANE)
    x = data.x[::4]
    truth = torch.from_numpy(np.stack([4 - (x[:, 0] - 4 * data.t[::4]), -x[:, 1]], axis=1).astype(np.float32))
    t = torch.from_numpy(data.t[::4].astype(np.float32))
    found = []
    for each in (True, False):
        model = trained(data, variant="linear", diffusion=False, interaction=each)
        found.append(error(dynamics(model).velocity(t, torch.from_numpy(x)), truth))
    assert found[0] < 0.08 and found[1] > 0.12


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"landscape": "moving"},
        {"landscape": "fixed", "diffusion": True},
        {"interaction": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("variant", ["linear", "net"])
def test_every_variant_is_downhill_of_its_potential_and_reads_back(variant, changes, tmp_path):
    data = OrnsteinUhlenbeck(Valley(cells_per_time=60, n_times=3)).simulate()
    model: Any = registry.create("jkonet-star", {"variant": variant, "width": 8, **changes}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=20, batch_size=32), seed=0)
    x = torch.from_numpy(data.x[:20]).requires_grad_()
    t = torch.linspace(0.1, 2.9, 20)
    (slope,) = torch.autograd.grad(dynamics(model).potential(t, x).sum(), x)
    torch.testing.assert_close(dynamics(model).field(t, x.detach()), -slope, rtol=1e-3, atol=1e-4)
    checkpoint.write(tmp_path / "weights", model.state_dict())
    back = registry.create("jkonet-star", model.config.as_dict(), data.spec, seed=1)
    back.load_state_dict(checkpoint.read(tmp_path / "weights"))
    start, times = data.at(0.0), [0.0, 1.0, 3.0]
    np.testing.assert_array_equal(simulate(model, start, times).x, simulate(back, start, times).x)


@pytest.mark.parametrize("landscape", ["moving", "by_interval"])
def test_a_landscape_that_moves_is_not_learnt_with_noise(landscape):
    with pytest.raises(ValueError, match="choose a fixed landscape"):
        registry.find("jkonet-star").Config.from_dict({"landscape": landscape, "diffusion": True})


def test_only_a_landscape_that_changes_by_intervals_counts_them():
    """Times 0, 1, 11: as positions 0, 1, 2, or as measured; predictions are in measured time."""
    data = Snapshots(np.random.default_rng(0).normal(size=(60, 2)), np.repeat([0.0, 1.0, 11.0], 20), PLANE)
    measured, positions = (0, 1, 11), (0, 1, 2)
    known = {"fixed": measured, "moving": measured, "by_interval": positions, "auto": positions}
    for landscape, times in known.items():
        settings = {"landscape": landscape, "width": 8}
        model = registry.create("jkonet-star", settings, data.spec, seed=0)
        assert model.spec.times == times
        assert dynamics(model).spec.times == measured
    assert registry.create("jkonet-star", {"diffusion": True}, data.spec, seed=0).spec.times == measured


def test_polynomials_lead_no_cell_beyond_the_measured_box():
    data = OrnsteinUhlenbeck(Valley(cells_per_time=60, n_times=3)).simulate()
    basis = PolynomialRBFBasis(data.spec)
    basis.fit(torch.from_numpy(data.x), torch.Generator().manual_seed(0))
    far = torch.tensor([[50.0, -50.0]])
    assert torch.equal(basis.gradient(far), torch.zeros_like(basis.gradient(far)))
    height, away = basis.box_penalty(far)
    assert height > 0 and away[0, 0] > 0 > away[0, 1]
    inside = torch.from_numpy(data.x[:5]).double().requires_grad_()
    for k in range(0, len(basis), 7):
        (slope,) = torch.autograd.grad(basis.value(inside)[:, k].sum(), inside)
        torch.testing.assert_close(basis.gradient(inside.detach())[..., k], slope)
