"""Couplings: against another algorithm, and what each kind of pairing promises."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from cellflow_core.data.frames import Frames
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.space import StateSpace
from cellflow_core.math import ot
from cellflow_core.models import pairs


def clouds(n, m, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, generator=rng), torch.randn(m, 2, generator=rng) + 3


def test_the_exact_plan_is_the_best_assignment():
    x0, x1 = clouds(60, 60)
    row, column, mass = ot.exact_plan(x0, x1, torch.Generator())
    cost = cdist(x0, x1, "sqeuclidean")
    best = cost[linear_sum_assignment(cost)].mean()
    assert (cost[row, column] * mass.numpy()).sum() == pytest.approx(best, rel=1e-6)


def test_a_plan_of_unequal_clouds_has_the_right_marginals():
    row, column, mass = ot.exact_plan(*clouds(30, 45), torch.Generator())
    for index, count in ((row, 30), (column, 45)):
        marginal = torch.zeros(count).index_add_(0, index, mass)
        torch.testing.assert_close(marginal, torch.full((count,), 1 / count))


def test_blocks_keep_the_marginals_and_cost_a_little_more(monkeypatch):
    x0, x1 = clouds(200, 170)
    whole = ot.exact_plan(x0, x1, torch.Generator())
    monkeypatch.setattr(ot, "EXACT_LIMIT", 100)
    row, column, mass = ot.exact_plan(x0, x1, torch.Generator().manual_seed(0))
    marginal = torch.zeros(200).index_add_(0, row, mass)
    torch.testing.assert_close(marginal.sum(), torch.tensor(1.0))
    assert marginal.min() > 0

    def cost(i, j, w):
        return float(((x0[i] - x1[j]).square().sum(1) * w).sum())

    assert cost(*whole) <= cost(row, column, mass) < 1.5 * cost(*whole)


def test_an_empty_side_is_refused():
    with pytest.raises(ValueError, match="needs points on both sides, got 0 and 5"):
        ot.exact_plan(torch.zeros(0, 2), torch.zeros(5, 2), torch.Generator())


@pytest.mark.parametrize("coupling", ["product", "minibatch", "full"])
def test_every_coupling_pairs_cells_of_consecutive_times(coupling):
    rng = np.random.default_rng(0)
    t = np.repeat([0.0, 1.0, 3.0], 40)
    data = Snapshots(rng.normal(size=(120, 2)) + 10 * t[:, None], t, StateSpace.coordinates(("a", "b")))
    frames, generator = Frames.of(data), torch.Generator().manual_seed(0)
    pool = pairs.prepare(coupling, frames, generator)
    drawn = pairs.draw(coupling, frames.batch(16, generator, pool))
    assert drawn.x0.shape == drawn.x1.shape == (32, 2)
    assert drawn.t0.tolist() == [0.0] * 16 + [1.0] * 16
    assert drawn.t1.tolist() == [1.0] * 16 + [3.0] * 16
    for time, x in ((drawn.t0, drawn.x0), (drawn.t1, drawn.x1)):
        assert (x.mean(1) / 10 - time).abs().max() < 0.5


def test_wasserstein_of_shifted_clouds_is_the_shift():
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert ot.wasserstein(x, x + np.array([3.0, 0.0, 4.0])) == pytest.approx(5.0)
    assert ot.wasserstein(x, x + np.array([3.0, 0.0, 4.0]), p=2) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="p=3"):
        ot.wasserstein(x, x, p=3)
