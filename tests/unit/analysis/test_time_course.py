"""Predicted populations, gene trends and flow fields."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis import flow
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.flow import cells_near, flow_field
from cellflow_core.analysis.gene_trend import gene_trend
from cellflow_core.analysis.perturbations.knock_out import (
    perturbation,
)
from cellflow_core.analysis.results.trust import check, check_course
from cellflow_core.analysis.time_course import time_course
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.unit.analysis.splitting import DATA, VIEW, Growing, Plans, Split


@pytest.mark.parametrize("start", ["first", "previous"])
def test_a_course_ends_where_the_cells_were_measured(start):
    made = time_course(Split(), DATA, VIEW, start)
    assert made.predicted.shape == (len(made.times), 120, 2) and set(DATA.times) <= set(made.times)
    assert np.isnan(made.w1[0]) and (made.w1[1:] < 1.3 * made.w1_floor[1:]).all() and (made.w1_previous[1:] > 1.5).all()
    assert made.in_training.all() and ("the time before" in made.started_from) == (start == "previous")
    np.testing.assert_allclose(made.weight.sum(axis=1), 1, rtol=1e-5)


def test_a_held_out_time_is_told_apart():
    class Held(Split):
        def __init__(self):
            super().__init__()
            self.spec = DATA.without(1.0).spec

    made = time_course(Held(), DATA, VIEW)
    assert made.in_training.tolist() == [True, False, True]
    assert any("Time 1 was held out" in each for each in made.notes)


def test_a_gene_rises_as_its_cells_do():
    made = gene_trend(Split(), DATA, "Up")
    np.testing.assert_allclose(made.mean, made.times, atol=0.05)
    np.testing.assert_allclose(made.measured_mean, [0, 1, 2], atol=0.05)
    assert (np.diff(made.quantiles, axis=1) > 0).all()
    with pytest.raises(KeyError, match="not in the model"):
        gene_trend(Split(), DATA, "Down")


def test_the_arrows_are_the_velocity_and_stand_only_where_cells_are(monkeypatch):
    made = flow_field(Split(), DATA, VIEW, 1.0)
    assert any("This plane shows 100% of the squared velocity" in each for each in made.notes)
    there = np.isfinite(made.u)
    assert 0 < there.sum() < 0.7 * there.size
    np.testing.assert_allclose(made.u[there], 1.0, atol=1e-3)
    assert np.abs(made.v[there]).max() == pytest.approx(2.0, abs=1e-3)
    plan = flow_field(Plans(), DATA, VIEW, 0.5)
    assert np.nanmean(plan.u) == pytest.approx(1.0, abs=0.1) and "no velocity field" in plan.notes[0]
    monkeypatch.setattr(flow, "PAIRS", 40)
    few = flow_field(Plans(), DATA, VIEW, 0.5)
    assert len(few.cells) == 40 < len(plan.cells) and few.notes[1].startswith("40 of its ")
    assert "extrapolation" in flow_field(Split(), DATA, VIEW, 3.0).notes[-1]


def test_cells_near_a_time_are_those_on_both_sides():
    assert set(DATA.t[cells_near(DATA, 0.4, enough=10)]) == {0.0, 1.0}
    assert set(DATA.t[cells_near(DATA, 1.0, enough=10)]) == {1.0}
    assert set(DATA.t[cells_near(DATA, 2.0, enough=1000)]) == {0.0, 1.0, 2.0}


def test_growth_is_told_wherever_cells_count_by_their_mass():
    made = (time_course(Growing(), DATA, VIEW), perturbation(Growing(), DATA, VIEW, "Up", states="kind"))
    assert all(any("learnt growth" in each for each in found.notes) for found in made)


def test_error_floor_and_previous_snapshot_are_of_equally_many_cells():
    """A prediction that is another sample of the measured cells lies at the floor, not below it."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 10)).astype(np.float32)
    data = Snapshots(x, np.repeat([0.0, 1.0, 2.0], 300), AffineSpace.coordinates(tuple("abcdefghij")))

    class Rests(Split):
        def __init__(self):
            super().__init__()
            self.spec = data.spec

        def velocity(self, t, x, context):
            return torch.zeros_like(x)

    made = time_course(Rests(), data, Embedding("pca", ("a", "b"), data.x[:, :2], data.x))
    np.testing.assert_allclose(made.w1[1:], made.w1_floor[1:], rtol=0.05)
    np.testing.assert_allclose(made.w1_previous[1:], made.w1_floor[1:], rtol=0.05)
    assert np.isnan(check_course(made).explained).all()  # nothing moves: there is no motion to explain


def test_a_prediction_is_judged_at_its_worst_held_out_time():
    w1, previous, floor = np.array([[np.nan, 0.4, 1.0, 2.2], [np.nan, 2.0, 2.0, 2.0], [0.2, 0.2, 0.2, 0.2]])
    held = np.array([True, False, False, True])
    found = check(np.arange(4.0), w1, previous, floor, held)
    np.testing.assert_allclose(found.explained, [1.6 / 1.8, 1.0 / 1.8, -0.2 / 1.8])
    assert found.worst == 1 and found.failed.tolist() == [False, False, True]
    nothing = check(np.arange(2.0), np.full(2, np.nan), np.ones(2), np.zeros(2), np.ones(2, bool))
    assert nothing.worst is None and not nothing.failed.any()


def test_arrows_of_the_velocity_graph_point_along_the_field_and_keep_the_speed_of_the_state():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(-1, 1, (400, 2)), np.zeros(400)]).astype(np.float32)
    x[:, 1] += np.sign(x[:, 1])
    data = Snapshots(x, None, DATA.space)
    view = Embedding("pca", ("a", "b"), x[:, :2], x)
    made = flow_field(Split(), data, view, projection="graph")
    inner = (np.abs(x[:, 0]) < 0.7) & (np.abs(np.abs(x[:, 1]) - 1.5) < 0.3)
    along = made.arrows[inner] * np.column_stack([np.ones(inner.sum()), 2 * np.sign(x[inner, 1])])
    cosine = along.sum(axis=1) / np.linalg.norm(made.arrows[inner], axis=1) / np.sqrt(5)
    assert np.median(cosine) > 0.95
    np.testing.assert_allclose(np.linalg.norm(made.arrows[inner], axis=1), np.sqrt(5), rtol=1e-3)
    assert made.speed_axes == "the state" and any("have a cosine of 0." in each for each in made.notes)
    with pytest.raises(ValueError, match="no velocity field"):
        flow_field(Plans(), DATA, VIEW, 1.0, projection="graph")
