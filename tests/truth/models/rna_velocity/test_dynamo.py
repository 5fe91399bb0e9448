"""The kernel field of RNA velocity on a toggle switch whose field is known. Each test states its error."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.analysis.fields.fixed_points import fixed_points
from cellflow_core.analysis.fields.least_action import least_action_path
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.rna_velocity.dynamo import Dynamo
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
OUTLIERS = 0.15


def toggle(x: np.ndarray) -> np.ndarray:
    """Two genes that activate themselves and repress each other; wells near (1.99, 0.06) and (0.06, 1.99)."""
    on, off = x**4 / (1 + x**4), 1 / (1 + x**4)
    return on + off[:, ::-1] - x


def slope(x: np.ndarray) -> np.ndarray:
    """Jacobian of `toggle`."""
    change = 4 * x**3 / (1 + x**4) ** 2
    found = np.empty((len(x), 2, 2))
    found[:, 0, 0], found[:, 1, 1] = change[:, 0] - 1, change[:, 1] - 1
    found[:, 0, 1], found[:, 1, 0] = -change[:, 1], -change[:, 0]
    return found


def cells(times: tuple[float, ...] = (0.0,), seed: int = 0) -> tuple[Snapshots, np.ndarray]:
    """1,000 cells with their velocities, of which OUTLIERS are replaced by random ones; and which these are."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 2.5, (1000, 2))
    v = toggle(x) + 0.02 * rng.normal(size=x.shape)
    wrong = rng.random(len(x)) < OUTLIERS
    v[wrong] = rng.uniform(-3, 3, (wrong.sum(), 2))
    t = np.resize(times, len(x)) if times else None
    return Snapshots(x, t, AffineSpace.of_genes(("A", "B")), "day", velocity=v), wrong


def trained(data: Snapshots, **settings) -> Dynamo:
    model = registry.create("dynamo", settings, data.spec, seed=0)
    assert isinstance(model, Dynamo)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return trained(cells()[0])


def error(found: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square of the difference over that of the truth."""
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("times", [(), (0.0,), (0.0, 1.0, 5.0)], ids=["no time", "one time", "three times"])
def test_velocity_within_3_and_jacobian_within_10_percent(times):
    fitted = trained(cells(times)[0])
    x = np.random.default_rng(1).uniform(0.2, 2.3, (400, 2)).astype(np.float32)
    found = fitted.jacobian(torch.from_numpy(x)).numpy()
    velocity = fitted.velocity(torch.zeros(400), torch.from_numpy(x), Context()).numpy()
    assert error(velocity, toggle(x)) < 0.03
    assert error(found, slope(x)) < 0.10
    geometry = field_geometry(dynamics(fitted), x, 0.0)
    np.testing.assert_allclose(geometry.jacobian, found, atol=1e-5)
    assert error(geometry.divergence, np.trace(slope(x), axis1=1, axis2=2)) < 0.10
    assert error(geometry.acceleration, np.einsum("cij,cj->ci", slope(x), toggle(x))) < 0.10
    assert error(geometry.rotation, slope(x)[:, 1, 0] - slope(x)[:, 0, 1]) < 0.15


def test_outliers_are_counted_and_change_little(model):
    """Wrong velocities of 15 % of the cells: 12 to 18 % counted; a fit that trusts all velocities is twice as wrong."""
    share = int(model.counts[1]) / 1000
    assert 0.12 < share < 0.18
    assert f"{int(model.counts[1])} of 1,000" in model.notes()[0]
    data, wrong = cells()
    x = data.x[~wrong]
    here = model.velocity(torch.zeros(len(x)), torch.from_numpy(x), Context()).numpy()
    clean = trained(data.take(~wrong))
    without = clean.velocity(torch.zeros(len(x)), torch.from_numpy(x), Context()).numpy()
    assert error(here, without) < 0.02


def test_both_wells_and_the_saddle_are_found(model):
    """To 0.05: attractors at (1.99, 0.06) and mirrored, the saddle between them at (1, 1) or thereabouts."""
    data, _ = cells()
    found = [each for each in fixed_points(dynamics(model), data.x, 0.0) if each.supported]
    wells = sorted(each.x.tolist() for each in found if each.kind == "attractor")
    truth = np.array([2.0, 0.0])
    for _ in range(2000):
        truth = truth + 0.05 * toggle(truth[None])[0]
    np.testing.assert_allclose(wells, [truth[::-1], truth], atol=0.05)
    saddles = [each for each in found if each.kind == "saddle"]
    assert len(saddles) == 1 and not saddles[0].rotating
    np.testing.assert_allclose(saddles[0].x, [1.0, 1.0], atol=0.05)
    assert saddles[0].eigenvalues[0].real == pytest.approx(np.linalg.eigvalsh(slope(np.ones((1, 2)))[0])[-1], rel=0.1)


def test_the_least_action_path_goes_through_the_saddle(model):
    moving = dynamics(copy.deepcopy(model).double())
    found = fixed_points(dynamics(model), cells()[0].x, 0.0)
    one, other = (each.x for each in found if each.kind == "attractor" and each.supported)
    saddle = next(each.x for each in found if each.kind == "saddle" and each.supported)
    path = least_action_path(moving, one, other, 0.0)
    assert np.linalg.norm(path.x - saddle, axis=1).min() < 0.1
    assert path.times[0] == 0 and path.duration > 0
    # beyond the saddle the flow leads down by itself
    half = least_action_path(moving, saddle + 0.1 * (other - saddle), other, 0.0)
    assert half.action < 0.05 * path.action
    assert least_action_path(moving, one, other, 0.0, diffusion=2.0).action == pytest.approx(path.action / 2, rel=0.02)
    with pytest.raises(ValueError, match="same"):
        least_action_path(moving, one, one, 0.0)


@pytest.mark.parametrize("times", [(), (0.0,)], ids=["no time", "one time"])
def test_cells_of_one_snapshot_are_followed_into_the_wells(times):
    fitted = trained(cells(times)[0])
    start = np.array([[1.3, 0.9], [0.9, 1.3]], np.float32)
    found = simulate(fitted, start, [0.0, 40.0])
    wells = sorted(
        each.x.tolist() for each in fixed_points(dynamics(fitted), cells()[0].x, 0.0) if each.kind == "attractor"
    )
    np.testing.assert_allclose(found.x[-1], [wells[-1], wells[0]], atol=0.05)
    assert found.step_error < 0.05


def test_velocities_that_are_all_zero_are_refused():
    data, _ = cells()
    still = Snapshots(data.x, data.t, data.space, "day", velocity=np.zeros_like(data.x))
    with pytest.raises(ValueError, match="velocity of every cell is 0"):
        trained(still)


def test_axes_of_unlike_size_have_no_more_outliers():
    """12 axes whose velocities shrink to a hundredth, without outliers: 10 % at most are counted, error below 5 %."""
    rng = np.random.default_rng(0)
    size = np.geomspace(1, 0.01, 12)
    x = rng.normal(size=(800, 12)) * size
    v = np.concatenate([-x[:, 1:2], x[:, :1], -x[:, 2:]], axis=1) + 0.01 * size * rng.normal(size=x.shape)
    data = Snapshots(x, None, AffineSpace.coordinates(tuple(f"PC{k + 1}" for k in range(12))), "h", velocity=v)
    fitted = trained(data)
    inner = data.x[np.square(x / size).sum(axis=1) < 12]
    found = fitted.velocity(torch.zeros(len(inner)), torch.from_numpy(inner), Context()).numpy()
    truth = np.concatenate([-inner[:, 1:2], inner[:, :1], -inner[:, 2:]], axis=1)
    assert int(fitted.counts[1]) <= 0.1 * len(x)
    assert error(found, truth) < 0.05
