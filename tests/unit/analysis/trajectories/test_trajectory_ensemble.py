"""Many futures of one cell, on processes whose spread and fates are known."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.trajectories.trajectory_ensemble import fate_proportions, simulate_ensemble
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasDrift, HasGrowth, HasNoise, HasSampler, HasVelocity


def ended() -> Snapshots:
    """Cells at 0 that are at -2 or 2 of the first axis two days later."""
    rng = np.random.default_rng(0)
    side = np.where(np.arange(100) % 2, 2.0, -2.0)
    late = np.stack([side, np.zeros(100)], axis=1)
    x = np.concatenate([np.zeros((100, 2)), late / 2, late]) + 0.05 * rng.normal(size=(300, 2))
    t = np.repeat([0.0, 1.0, 2.0], 100)
    kind = np.where(x[:, 0] > 0, "right", "left")
    return Snapshots(x.astype(np.float32), t, AffineSpace.coordinates(("a", "b")), "day", labels={"kind": kind})


DATA = ended()
VIEW = Embedding("pca", ("a", "b"), DATA.x, DATA.x)


class Made(DynamicsModel):
    title = "Made up"
    summary = "For tests."
    paper = "none"

    def __init__(self):
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()


class Brownian(Made, HasDrift, HasNoise):
    def drift(self, t, x, context):
        return torch.zeros_like(x)

    def noise(self, t):
        return torch.full_like(t, 0.7)


class Uneven(Brownian, HasGrowth):
    """What goes right multiplies: the longer it is there, the more."""

    def growth(self, t, x, context):
        return 4.0 * (x[:, 0] > 0)


class Straight(Made, HasVelocity):
    def velocity(self, t, x, context):
        return torch.ones_like(x) * torch.tensor([1.0, 0.0])


class Back(Straight):
    def velocity(self, t, x, context):
        return -super().velocity(t, x, context)


class Drawing(Made, HasSampler):
    tracks_cells = False

    def sample(self, x0, times, rng, context):
        return torch.stack([x0 for _ in times])


def test_futures_of_one_cell_spread_as_the_noise_says_and_split_evenly():
    made = simulate_ensemble(Brownian(), DATA, VIEW, states="kind", count=400)
    assert made.cell >= 0 and made.starts.shape == (1, 2) and DATA.t[made.cell] == 0
    assert made.paths.shape == (len(made.times), 400, 2)
    np.testing.assert_allclose(made.spread, 0.7 * np.sqrt(2 * made.times), rtol=0.1, atol=1e-6)
    right = made.names.index("right")
    folded = 0.98 * (1 - 2 / np.pi)  # variance of a bell that is cut in half
    np.testing.assert_allclose(made.covariance[right, -1], np.diag([folded, 0.98]), atol=0.2)
    assert made.mean[right, -1, 0] == pytest.approx(np.sqrt(0.98 * 2 / np.pi), abs=0.15)
    share = dict(zip(made.names, made.share, strict=True))
    assert share["right"] == pytest.approx(0.5, abs=0.07)
    assert (made.low < made.share).all() and (made.share < made.high).all()
    assert "one training only" in made.interval and "not measured" in made.notes[0]
    assert np.bincount(made.ends).sum() == 400


def test_the_same_question_has_the_same_answer():
    one, two = (simulate_ensemble(Brownian(), DATA, VIEW, cell=7, states="kind") for _ in range(2))
    np.testing.assert_array_equal(one.paths, two.paths)
    assert one.start == "cell 7 of time 0"


def test_futures_that_multiply_count_for_more():
    made = simulate_ensemble(Uneven(), DATA, VIEW, states="kind")
    assert dict(zip(made.names, made.share, strict=True))["right"] > 0.9
    np.testing.assert_allclose(made.weight.sum(axis=1), 1.0, rtol=1e-5)


def test_a_model_without_noise_follows_a_cell_with_its_nearest_of_the_same_time():
    made = simulate_ensemble(Straight(), DATA, VIEW, cell=7, states="kind", siblings=(Straight(), Back()))
    assert made.cell == 7 and made.start == "cell 7 of time 0 and its 40 nearest cells"
    np.testing.assert_array_equal(made.starts[0], DATA.x[7])
    distance = np.linalg.norm(DATA.x[:100] - DATA.x[7], axis=1)
    reached = np.linalg.norm(made.starts - made.starts[0], axis=1).max()
    assert (distance <= reached + 1e-6).sum() == 41 == made.paths.shape[1]
    np.testing.assert_allclose(made.spread, made.spread[0], rtol=1e-4)  # all are moved alike
    assert np.isfinite(made.low).all() and np.isnan(made.mean[made.names.index("left")]).all()
    assert "2 of 3 trainings that differ by seed or method lead this cell to right." in made.notes
    several = simulate_ensemble(
        Straight(), DATA, VIEW, polygon=((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)), states="kind"
    )
    assert several.cell == -1 and several.paths.shape[1] == len(several.starts) > 50
    assert np.isfinite(several.low).all() and "cells chosen" in several.interval


def test_where_nothing_can_follow_it_is_said():
    with pytest.raises(ValueError, match="last time"):
        simulate_ensemble(Brownian(), DATA, VIEW, cell=250)
    with pytest.raises(ValueError, match="cell 300"):
        simulate_ensemble(Brownian(), DATA, VIEW, cell=300)
    with pytest.raises(ValueError, match="1 to 5000"):
        simulate_ensemble(Brownian(), DATA, VIEW, count=0)
    with pytest.raises(ValueError, match="follows none"):
        simulate_ensemble(Drawing(), DATA, VIEW)


def test_a_fate_that_no_future_reached_is_not_ruled_out():
    mass = np.zeros((1, 50, 2))
    mass[0, :, 0] = 1
    share, low, high = fate_proportions(mass)
    assert share.tolist() == [1, 0] and high[1] == pytest.approx(0.05, abs=0.03) and low[1] == 0
    one, other = (np.eye(2)[np.full(50, k)] for k in (0, 1))
    share, low, high = fate_proportions(np.stack([one, other]))
    assert share.tolist() == [0.5, 0.5] and low[0] < 0.05 and high[0] > 0.95  # the trainings disagree


def test_the_interval_of_a_split_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(100):
        went = rng.random(60) < 0.1
        _, low, high = fate_proportions(np.eye(2)[went.astype(int)][None], seed)
        hits += bool(low[1] <= 0.1 <= high[1])
    assert hits >= 90
