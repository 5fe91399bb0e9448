"""The protocol that leaves a time out, against distances known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.results import Scores
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, HasGrowth, HasVelocity
from cellflow_core.train.trainer import TrainConfig, fit


def shifted(times=(0.0, 1.0, 4.0), cells=40) -> Snapshots:
    """One cloud that moves by 2 in a unit of time along the first axis, the same cells each time."""
    cloud = np.random.default_rng(0).normal(size=(cells, 2))
    t = np.repeat(times, cells)
    x = np.tile(cloud, (len(times), 1)) + np.stack([2 * t, np.zeros_like(t)], axis=1)
    return Snapshots(x, t, AffineSpace.coordinates(("a", "b")), "h")


def test_baselines_of_a_moving_cloud_are_the_paths_it_took():
    found = evaluate.baselines(shifted(), 1.0)
    assert found.previous == pytest.approx(2.0, abs=1e-5)
    assert found.next == pytest.approx(6.0, abs=1e-5)
    assert found.linear == pytest.approx(0.0, abs=1e-5)
    assert found.midpoint == pytest.approx(0.0, abs=1e-5)  # a quarter of the gap, not the half
    assert 0 < found.floor < 2.0


def test_the_displacement_model_scores_as_the_midpoint():
    data = shifted()
    seen = data.without(1.0)
    model = registry.create("ot-displacement", {}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", type(model)))
    assert evaluate.score(model, data, 1.0) == pytest.approx(0.0, abs=1e-5)


def test_every_row_has_one_point_a_cell_and_a_plan_a_second_column():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(time, 1.0, size=(count, 2)) for time, count in ((0, 50), (1, 200), (2, 200))])
    data = Snapshots(
        x.astype(np.float32), np.repeat([0.0, 1.0, 2.0], [50, 200, 200]), AffineSpace.coordinates(("a", "b"))
    )
    seen = data.without(1.0)
    model = registry.create("ot-displacement", {}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", type(model), validation_fraction=0.0))
    found, clouds = evaluate.scores(model, data, 1.0), evaluate._baseline_clouds(data, 1.0, 0)
    sizes = {name: {len(each.x) for each in drawn} for name, drawn in clouds.items()}
    assert sizes.pop("midpoint_plan") == {200} and set(map(frozenset, sizes.values())) == {frozenset({50})}
    assert found.from_previous.w1 == evaluate.score(model, data, 1.0)
    assert found.from_plan.w1 == pytest.approx(found.midpoint_plan.w1, rel=0.05)
    assert found.from_previous.w1 == pytest.approx(found.midpoint.w1, rel=0.15)
    assert found.midpoint.w1 > 1.1 * found.midpoint_plan.w1  # four points a cell are nearer for that reason alone


def test_one_partner_of_each_cell_is_drawn_by_its_mass():
    row, mass = np.array([1, 0, 1, 2, 1]), np.array([0.1, 0.3, 0.2, 0.3, 0.0])
    drawn = np.array([evaluate._one_partner(row, mass, 3, np.random.default_rng(k)) for k in range(2000)])
    assert set(drawn[:, 0]) == {1} and set(drawn[:, 2]) == {3} and set(drawn[:, 1]) == {0, 2}
    assert (drawn[:, 1] == 2).mean() == pytest.approx(2 / 3, abs=0.04)
    assert np.bincount(evaluate._drawn(3, 7, np.random.default_rng(0))).tolist() in ([3, 2, 2], [2, 3, 2], [2, 2, 3])


def test_only_times_between_others_can_be_left_out():
    assert evaluate.middle_times(shifted()) == (1.0,)
    with pytest.raises(ValueError, match="time 4"):
        evaluate.baselines(shifted(), 4.0)
    with pytest.raises(ValueError, match="three"):
        evaluate.middle_times(shifted((0.0, 1.0)))


def test_weights_count_as_copies():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(9, 3))
    copies = np.array([1, 2, 3, 1, 1, 4])
    once = wasserstein(x, y, weight=copies.astype(float))
    assert once == pytest.approx(wasserstein(np.repeat(x, copies, axis=0), y), rel=1e-9)


def test_every_distance_of_the_displacement_model_is_that_of_the_midpoint():
    data = replace(shifted((0.0, 1.0, 2.0, 5.0)), mass=np.array([100.0, 120.0, 160.0, 400.0]))
    seen = data.without(2.0)
    model = registry.create("ot-displacement", {}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", type(model)))
    found = evaluate.scores(model, data, 2.0)
    for name in ("w1", "w2", "mmd", "sliced"):
        assert getattr(found.from_previous, name) == pytest.approx(0.0, abs=1e-3) == getattr(found.from_first, name)
    assert found.from_previous.coverage == found.from_first.coverage == found.linear.coverage == 1.0
    assert [found.previous.w1, found.previous.w2, found.next.w1] == pytest.approx([2.0, 2.0, 6.0], abs=1e-5)
    lacking = [found.from_previous.mass_error, found.from_first.mass_error, found.next.mass_error]
    assert lacking == pytest.approx([1 - 120 / 160, 1 - 100 / 160, 400 / 160 - 1])
    assert (
        found.linear.mass_error
        == pytest.approx(found.midpoint.mass_error)
        == pytest.approx((0.75 * 120 + 0.25 * 400) / 160 - 1)
    )
    assert np.isnan(found.floor.mass_error) and 0 < found.floor.w1 < 2
    assert any("knows no growth" in note for note in found.notes)
    without_numbers = evaluate.scores(model, replace(data, mass=None), 2.0)
    assert np.isnan(without_numbers.from_previous.mass_error) and not any(
        "growth" in each for each in without_numbers.notes
    )


def test_scores_hold_the_score_and_the_baselines_of_the_protocol(tmp_path):
    data = shifted((0.0, 1.0, 2.0), cells=30)
    seen = data.without(1.0)
    model = registry.create("i-cfm", {"width": 8, "depth": 1}, seen.spec, 0)
    fit(model, seen, TrainConfig(steps=5, batch_size=8))
    found = evaluate.scores(model, data, 1.0, seed=3)
    assert (
        found.from_previous.w1 == pytest.approx(evaluate.score(model, data, 1.0, seed=3))
        and found.from_first == found.from_previous
    )
    protocol = evaluate.baselines(data, 1.0, seed=3)
    assert {each: getattr(found, each).w1 for each in vars(protocol)} == pytest.approx(vars(protocol))
    found.save(tmp_path / "scores.npz")
    back = Scores.load(tmp_path / "scores.npz")
    assert repr(back) == repr(found)  # nan is not equal to itself
    blocks = evaluate.scores(model, data, 1.0, limit=10)
    assert blocks.from_previous.w1 > found.from_previous.w1 and any(
        "random blocks of at most 10 cells" in each for each in blocks.notes
    )
    assert not any("axes of the state" in each for each in found.notes)
    space = AffineSpace("pca", ("PC1", "PC2"), ("A", "B"), np.zeros(2, np.float32), np.eye(2, dtype=np.float32))
    axes = evaluate.scores(model, replace(data, space=space), 1.0).notes
    assert any("were made from all cells, those of the time left out too" in each for each in axes)
    seen_all = registry.create("i-cfm", {"width": 8, "depth": 1}, data.spec, 0)
    assert any("was in training" in each for each in evaluate.scores(seen_all, data, 1.0).notes)


def test_a_scaler_that_did_not_see_the_time_reports_in_the_common_unit():
    rng = np.random.default_rng(2)
    t = np.repeat([0.0, 1.0, 2.0], 50)
    x = rng.normal(size=(150, 3)) * [1.0, 5.0, 20.0] + 100 * (t == 1.0)[:, None] + 7
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b", "c")), velocity=x * 2)
    common, own = evaluate.scaling(data), evaluate.scaling(data, without=1.0)
    np.testing.assert_allclose(common.apply(data).x.std(axis=0), 1, rtol=1e-5)
    kept = own.apply(data).without(1.0).x
    np.testing.assert_allclose([kept.mean(axis=0), kept.std(axis=0)], [[0] * 3, [1] * 3], atol=1e-5)
    velocity = own.apply(data).velocity
    assert velocity is not None
    np.testing.assert_allclose(velocity, 2 * x / own.spread, rtol=1e-4)
    one = evaluate.baseline_scores(common.apply(data), 1.0)
    other = evaluate.baseline_scores(own.apply(data), 1.0, unit=own.unit(common))
    for name in ("previous", "next", "linear", "floor"):  # the midpoint's plan depends on the unit
        assert vars(getattr(other, name)) == pytest.approx(vars(getattr(one, name)), rel=1e-3, nan_ok=True)
    flat = replace(data, x=np.zeros_like(data.x), velocity=None)
    np.testing.assert_array_equal(evaluate.scaling(flat).spread, np.ones(3))


class Doubling(DynamicsModel, HasVelocity, HasGrowth):
    """Cells stand still; the right half doubles in a unit of time, the left half does not grow."""

    title, summary, paper, Config = "Doubling", "For tests.", "none", Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return torch.zeros_like(x)

    def growth(self, t, x, context):
        return np.log(2) * (x[:, 0] > 0).float()


def test_mass_that_grows_is_counted_and_weighs():
    x = np.tile([[-1.0, 0.0], [1.0, 0.0]], (60, 1)) + 0.01 * np.random.default_rng(0).normal(size=(120, 2))
    t = np.repeat([0.0, 1.0, 2.0], 40)
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b")), mass=np.array([10.0, 15.0, 25.0]))
    model = Doubling(Config(), data.spec)
    found = evaluate.scores(model, data, 1.0)
    assert found.from_previous.mass_error == pytest.approx(0.0, abs=1e-3)
    assert found.from_previous.w1 == pytest.approx(
        2 * (2 / 3 - 1 / 2), abs=0.02
    )  # a sixth of the mass is on the wrong side
    assert not any("growth" in each for each in found.notes)
    longer = Snapshots(x, np.repeat([0.0, 1.0, 2.0, 3.0], 30), data.space, mass=np.array([10.0, 15.0, 25.0, 1.0]))
    later = evaluate.scores(Doubling(Config(), longer.spec), longer, 2.0)
    assert later.from_first.mass_error == pytest.approx(0.0, abs=1e-3)  # half of it doubles twice
    assert later.from_previous.mass_error == pytest.approx(1 - 15 * 1.5 / 25, abs=1e-3)
