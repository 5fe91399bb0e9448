"""Random forests of RNA velocity on four genes whose equations are known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.rna_velocity.rna_ode import RnaODE, whole_tree
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
GENES = ("A", "B", "C", "D")
ACTS = np.array([[0, -1, 0, 0], [-1, 0, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]])  # targets in rows


def rates(x: np.ndarray) -> np.ndarray:
    """A and B repress each other, A activates C, C represses D; each decays."""
    on, off = x**2 / (1 + x**2), 1 / (1 + x**2)
    return 2 * np.stack([off[:, 1], off[:, 0], on[:, 0], off[:, 2]], axis=1) - x


def cells(group: np.ndarray | None = None) -> Snapshots:
    """800 cells all over the states, velocities with 5 % noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, (800, 4))
    v = rates(x) + 0.05 * rng.normal(size=x.shape)
    if group is not None:
        v[group == "broken", 2] = 1 - x[group == "broken", 2]  # A no longer acts on C
    labels = {} if group is None else {"clone": group}
    return Snapshots(x, None, AffineSpace.of_genes(GENES), "h", velocity=v.astype(np.float32), labels=labels)


def trained(data: Snapshots, **settings) -> RnaODE:
    model = registry.create("rna-ode", settings, data.spec, seed=0)
    assert isinstance(model, RnaODE)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return trained(cells(), network=True)


def velocity(model: RnaODE, x: np.ndarray) -> np.ndarray:
    return model.velocity(torch.zeros(len(x)), torch.from_numpy(x.astype(np.float32)), Context()).numpy()


def test_stored_trees_predict_what_those_of_scikit_learn_predict():
    """Every one of 500 states is in the same leaf, to float32."""
    rng = np.random.default_rng(1)
    x, new = (rng.normal(size=(500, 3)).astype(np.float32) for _ in range(2))
    data = Snapshots(x, None, AffineSpace.coordinates(("a", "b", "c")), velocity=np.sin(2 * x).astype(np.float32))
    model = trained(data, trees=1, tree_depth=6)
    forest = RandomForestRegressor(1, max_depth=6, random_state=0).fit(x, np.sin(x[:, 0]))
    found = whole_tree(forest.estimators_[0].tree_, 6)
    for name, values in zip(("feature", "threshold", "value"), found, strict=True):
        getattr(model, name)[0] = torch.from_numpy(values).to(getattr(model, name))
    np.testing.assert_allclose(velocity(model, new)[:, 0], forest.predict(new), atol=1e-6)


def test_velocity_of_new_states(model):
    """Root mean square error below 20 % of the velocity; cells after an hour differ by 0.1 on average."""
    x = np.random.default_rng(2).uniform(0.2, 1.8, (400, 4))
    assert np.linalg.norm(velocity(model, x) - rates(x)) < 0.2 * np.linalg.norm(rates(x))
    moved = simulate(model, x.astype(np.float32), [0.0, 1.0]).x[-1]
    for _ in range(100):
        x = x + 0.01 * rates(x)
    assert np.abs(moved - x).mean() < 0.1


def test_network_and_its_signs(model):
    """All four edges rank above all that are none (AUROC 1), each with its sign; decay is the diagonal."""
    found = model.network().numpy()
    off = ~np.eye(4, dtype=bool)
    assert np.abs(found)[ACTS != 0].min() > 2 * np.abs(found)[(ACTS == 0) & off].max()
    assert (np.sign(found) == ACTS)[ACTS != 0].all() and (found.diagonal() < 0).all()
    assert (np.abs(found).sum(axis=1) < 1).all() and "explain 9" in model.notes()[0]


def test_network_of_a_group():
    """Where A does not act on C, its influence is a tenth of that in the other cells, or less."""
    group = np.where(np.arange(800) % 2, "whole", "broken")
    model = trained(cells(group), network=True, trees=20)
    found = {name: model.network(name).numpy()[2] for name in ("whole", "broken")}
    assert found["whole"][0] > 0.05 and abs(found["broken"][0]) < 0.1 * found["whole"][0]
    with pytest.raises(KeyError, match="broken, whole"):
        model.network("another")


def test_a_network_needs_genes_as_axes(model):
    data = Snapshots(cells().x, None, AffineSpace.coordinates(("a", "b", "c", "d")), velocity=cells().velocity)
    with pytest.raises(ValueError, match="genes as its axes"):
        trained(data, network=True)
    assert trained(data).notes() == ()


def test_the_jacobian_of_steps_is_zero(model):
    assert not field_geometry(dynamics(model), cells().x[:10], 0.0).jacobian.any()


def test_bad_data_are_refused():
    data = cells()
    still = Snapshots(data.x, None, data.space, "h", velocity=np.zeros_like(data.x))
    with pytest.raises(ValueError, match="velocity of every cell is 0"):
        trained(still)
    wide = Snapshots(
        np.zeros((5, 500)) + np.arange(5)[:, None], None, AffineSpace.coordinates(tuple(map(str, range(500))))
    )
    with pytest.raises(ValueError, match="principal components"):
        registry.create("rna-ode", {}, wide.spec, seed=0)
