"""scTour on cells along a curve, whose order and velocity are known. Each test states its error."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.rna_velocity.sctour import ScTour
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
ARC = 1.5 * np.pi  # so far round that no straight axis has the order


def arc(cells: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(states in four axes, times from 0 to 6 h) of cells along an arc, with noise of 5 % of its radius."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 6, cells)
    angle = ARC * t / 6
    x = np.stack([np.cos(angle), np.sin(angle), 0.3 * t / 6, 0 * t], axis=1) + 0.05 * rng.normal(size=(cells, 4))
    return (10 * x).astype(np.float32), t


def trained(x: np.ndarray, t: np.ndarray | None, seed: int = 0, **settings) -> ScTour:
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b", "c", "d")), "h")
    model = registry.create("sctour", settings, data.spec, seed=seed)
    assert isinstance(model, ScTour)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=400, batch_size=128), seed=seed)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return trained(arc(400)[0], None)


def order(model: ScTour, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.latent_time(torch.from_numpy(x), Context()).numpy()


def velocity(model: ScTour, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.velocity(torch.zeros(len(x)), torch.from_numpy(x), Context()).numpy()


def test_the_order_along_an_arc_is_found_without_times_for_new_cells_too(model):
    """|Spearman| above 0.97 for the cells of training and for others; the best principal component reaches 0.93."""
    for seed in (0, 1):
        x, t = arc(400, seed)
        assert abs(spearmanr(order(model, x), t).statistic) > 0.97
    axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2]
    assert max(abs(spearmanr(x @ axis, t).statistic) for axis in axes) < 0.94


def test_velocity_is_the_derivative_of_the_decoded_path(model):
    """(dec(z + h f(z)) - dec(z - h f(z))) / 2 h, to 0.1 %; and it is a field whose Jacobian autograd finds."""
    x = torch.from_numpy(arc(50, 2)[0])
    exact = copy.deepcopy(model).double()
    with torch.no_grad():
        z = exact.encoder((x.double() - exact.center) / exact.spec.scale)[0].mean
        step = 1e-4 * exact.field(z)
        slope = (exact.decoder(z + step) - exact.decoder(z - step)) / 2e-4 * exact.spec.scale
    found = torch.from_numpy(velocity(model, x.numpy())).double()
    assert (found - slope).norm() < 1e-3 * slope.norm()
    assert np.isfinite(field_geometry(dynamics(model), x.numpy(), 0.0).jacobian).all()


def test_reverse_turns_order_and_velocity_round(model):
    x = arc(400)[0]
    other = trained(x, None, reverse=True)
    np.testing.assert_allclose(order(other, x), 1 - order(model, x), atol=1e-5)
    np.testing.assert_allclose(velocity(other, x), -velocity(model, x), rtol=1e-4, atol=1e-4)
    assert model.notes() == other.notes() and "forward or backward" in model.notes()[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_measured_times_give_direction_and_unit(seed):
    """With four times: order above 0.97, mean cosine with the true velocity above 0.9, mean speed within a fifth, and
    cells of hour 0 turn along the arc, whatever the seed or `reverse`."""
    x, t = arc(400)
    model = trained(x, np.round(t / 2) * 2, seed=seed, reverse=bool(seed))
    assert spearmanr(order(model, x), t).statistic > 0.97 and model.notes() == ()
    angle, speed = ARC * t / 6, 10 * ARC / 6
    truth = np.stack([-np.sin(angle) * speed, np.cos(angle) * speed, 0 * t + 0.5, 0 * t], axis=1)
    found = velocity(model, x)
    sizes = [np.linalg.norm(each, axis=1) for each in (found, truth)]
    assert ((found * truth).sum(axis=1) / sizes[0] / sizes[1]).mean() > 0.9
    assert sizes[0].mean() == pytest.approx(sizes[1].mean(), rel=0.2)
    moved = simulate(model, x[t < 1], [0.0, 4.0]).x[-1]
    assert np.linalg.norm(moved.mean(axis=0) - x[(t > 4) & (t < 5)].mean(axis=0)) < 5
