"""Support, agreement, derivatives and fixed points of fields that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields import pictures
from cellflow_core.analysis.flow import agreement, flow_field
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.results import FieldDerivatives, FixedPoints, FlowField
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.figures.fields.colourings import derivative_colouring
from cellflow_core.models.contract import DynamicsModel, HasVelocity
from tests.unit.analysis.splitting import Plans

X = np.random.default_rng(0).normal(size=(1500, 2)).astype(np.float32)
DATA = Snapshots(X, np.zeros(len(X)), AffineSpace.coordinates(("a", "b")), "day", labels={})
VIEW = Embedding("pca", ("a", "b"), X, X)


class Linear(DynamicsModel, HasVelocity):
    """dx/dt = A x, or two wells in the first axis."""

    title = "Linear"
    summary = paper = "For tests."
    Config = Config

    def __init__(self, matrix):
        super().__init__(Config(), DATA.spec)
        self.matrix = torch.tensor(matrix, dtype=torch.float32)

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return x @ self.matrix.T


class Wells(Linear):
    def velocity(self, t, x, context):
        return torch.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], dim=1)


TURNING = [[-0.5, -2.0], [2.0, -0.5]]


def test_support_is_the_number_of_cells_under_the_kernel():
    """A kernel over evenly spread cells has an effective size of density times 4 pi times its widths, to 5 %."""
    points = np.random.default_rng(1).uniform(0, 1, (40_000, 2))
    grid = Grid.over(points, 40)
    middle = grid.support(points)[18:22, 18:22].mean()
    assert middle == pytest.approx(40_000 * 4 * np.pi * grid.width[0] * grid.width[1], rel=0.05)


def test_trainings_that_agree_are_drawn_in_full_and_others_faint():
    alone = flow_field(Linear(TURNING), DATA, VIEW)
    same = flow_field(Linear(TURNING), DATA, VIEW, siblings=[Linear(TURNING)])
    opposite = flow_field(Linear(TURNING), DATA, VIEW, siblings=[Linear(-np.array(TURNING))])
    known = np.isfinite(alone.speed)
    assert alone.agreement is None and same.agreement is not None and opposite.agreement is not None
    np.testing.assert_allclose(same.agreement[known], 1, atol=1e-6)
    np.testing.assert_allclose(opposite.agreement[known], -1, atol=1e-6)
    np.testing.assert_allclose(same.opacity[known], alone.opacity[known], atol=1e-6)
    assert not opposite.opacity[known].any() and alone.opacity[known].max() == 1
    assert np.isnan(alone.opacity[~known]).all() and "2 trainings" in " ".join(same.notes)
    assert alone.rows is not None and (alone.rows == np.arange(len(X))).all()


def test_random_directions_agree_with_none():
    fields = np.random.default_rng(0).normal(size=(5, 30, 30, 2))
    assert abs(agreement(fields).mean()) < 0.02
    with pytest.raises(ValueError, match="two trainings"):
        agreement(fields[:1])


def test_derivatives_of_a_rotation(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(pictures, "CELLS", 100)
    found = pictures.field_derivatives(Linear(TURNING), DATA)
    np.testing.assert_allclose(found.divergence, -1, atol=1e-5)
    np.testing.assert_allclose(found.rotation, 4, atol=1e-5)
    assert len(found.rows) == 100 and "100 of the 1,500" in found.notes[0]
    found.save(tmp_path / "derivatives.npz")
    assert FieldDerivatives.load(tmp_path / "derivatives.npz").dim == 2
    curl = derivative_colouring(flow_field(Linear(TURNING), DATA, VIEW), found, "rotation")
    assert np.isfinite(curl.values).sum() == 100 and curl.title == "curl (1 / day)"


def test_fixed_points_of_two_wells(tmp_path):
    found = pictures.fixed_point_map(Wells(np.eye(2)), DATA, VIEW)
    found.save(tmp_path / "points.npz")
    found = FixedPoints.load(tmp_path / "points.npz")
    assert found.kinds == ("attractor", "attractor", "saddle") and found.supported.all()
    np.testing.assert_allclose(found.places, [[-1, 0], [1, 0], [0, 0]], atol=2e-3)
    np.testing.assert_allclose(found.rate, [-1, -1, 1], atol=1e-2)
    assert found.unstable.tolist() == [0, 0, 1]
    assert np.linalg.norm(X[found.nearest] - found.places, axis=1).max() < 0.2


def test_a_plan_has_neither():
    for ask in (
        lambda: pictures.field_derivatives(Plans(), DATA),
        lambda: pictures.fixed_point_map(Plans(), DATA, VIEW),
    ):
        with pytest.raises(ValueError, match="no velocity field"):
            ask()


def test_nothing_vanishes_where_all_cells_move_on(tmp_path):
    class Wind(Linear):
        def velocity(self, t, x, context):
            return torch.ones_like(x) + 0 * x

    found = pictures.fixed_point_map(Wind(np.eye(2)), DATA, VIEW)
    assert found.kinds == () and found.places.shape == (0, 2)
    flow = flow_field(Wind(np.eye(2)), DATA, VIEW)
    flow.save(tmp_path / "flow.npz")
    assert FlowField.load(tmp_path / "flow.npz").rows is not None
