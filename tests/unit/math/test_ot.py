"""Plans between two clouds against other algorithms, other packages and closed forms."""

from __future__ import annotations

import math

import numpy as np
import ot as pot
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from cellflow_core.math import ot, sinkhorn
from cellflow_core.math.graph_geodesics import geodesic_distances
from cellflow_core.math.sinkhorn import entropic_plan


def clouds(n, m, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, generator=rng), torch.randn(m, 2, generator=rng) + 3


def costs(n, m):
    x0, x1 = clouds(n, m)
    return torch.cdist(x0.double(), x1.double()).square()


class TestExact:
    def test_is_the_best_assignment(self):
        x0, x1 = clouds(60, 60)
        row, column, mass = ot.exact_plan(x0, x1, torch.Generator())
        cost = cdist(x0, x1, "sqeuclidean")
        best = cost[linear_sum_assignment(cost)].mean()
        assert (cost[row, column] * mass.numpy()).sum() == pytest.approx(best, rel=1e-6)

    def test_of_unequal_clouds_has_the_right_marginals(self):
        row, column, mass = ot.exact_plan(*clouds(30, 45), torch.Generator())
        for index, count in ((row, 30), (column, 45)):
            marginal = torch.zeros(count).index_add_(0, index, mass)
            torch.testing.assert_close(marginal, torch.full((count,), 1 / count))

    def test_blocks_keep_the_marginals_and_cost_a_little_more(self, monkeypatch):
        x0, x1 = clouds(200, 170)
        whole = ot.exact_plan(x0, x1, torch.Generator())
        monkeypatch.setattr(ot, "EXACT_LIMIT", 150)
        monkeypatch.setattr(ot, "EXACT_BLOCK", 50)
        row, column, mass = ot.exact_plan(x0, x1, torch.Generator().manual_seed(0))
        marginal = torch.zeros(200).index_add_(0, row, mass)
        torch.testing.assert_close(marginal, torch.full((200,), 1 / 200))
        assert len(torch.unique(column)) == 170

        def cost(i, j, w):
            return float(((x0[i] - x1[j]).square().sum(1) * w).sum())

        assert cost(*whole) <= cost(row, column, mass) < 1.5 * cost(*whole)

    def test_refuses_an_empty_side(self):
        with pytest.raises(ValueError, match="0 and 5"):
            ot.exact_plan(torch.zeros(0, 2), torch.zeros(5, 2), torch.Generator())


@pytest.mark.parametrize(("n", "m", "blocks"), [(20, 7, 1), (1000, 300, 100), (50, 3, 3)])
def test_blocks_hold_every_point_once(n, m, blocks):
    found = ot.in_blocks(n, m, 20, 10, torch.Generator().manual_seed(0))
    assert len(found) == blocks
    for side, count in zip(zip(*found, strict=True), (n, m), strict=True):
        assert torch.cat(side).sort().values.tolist() == list(range(count))


class TestEntropic:
    @pytest.mark.parametrize("share", [1.0, 0.05, 0.01])
    def test_is_the_plan_of_another_package(self, share):
        cost = costs(60, 40)
        epsilon = share * float(cost.mean())
        wanted = pot.bregman.sinkhorn_log(
            pot.unif(60), pot.unif(40), cost.numpy(), epsilon, numItermax=100_000, stopThr=1e-11
        )
        assert np.abs(entropic_plan(cost, epsilon).matrix.numpy() - wanted).sum() < 2e-3

    @pytest.mark.parametrize("share", [10.0, 0.1, 0.002])
    def test_keeps_both_marginals_and_sums_to_one(self, share):
        cost = costs(80, 50)
        plan = entropic_plan(cost, share * float(cost.mean())).matrix
        assert float(plan.sum()) == pytest.approx(1, abs=1e-12) and (plan >= 0).all()
        torch.testing.assert_close(plan.sum(1), torch.full((80,), 1 / 80, dtype=torch.float64), atol=1e-14, rtol=0)
        torch.testing.assert_close(plan.sum(0), torch.full((50,), 1 / 50, dtype=torch.float64), atol=1e-14, rtol=0)

    def test_lies_between_the_product_and_the_exact_plan(self):
        cost = costs(60, 60)
        best = float(cost.numpy()[linear_sum_assignment(cost)].mean())
        found = [
            float((entropic_plan(cost, share * float(cost.mean())).matrix * cost).sum()) for share in (0.003, 0.1, 1e4)
        ]
        assert found[0] == pytest.approx(best, rel=0.02) and found[0] >= best
        assert found[0] < found[1] < found[2] == pytest.approx(float(cost.mean()), rel=1e-3)

    def test_a_cost_moved_by_a_constant_a_row_is_the_same_plan(self):
        cost = costs(30, 30)
        moved = cost + 1e4 * torch.arange(30.0)[:, None]
        torch.testing.assert_close(entropic_plan(moved, 0.5).matrix, entropic_plan(cost, 0.5).matrix, atol=1e-5, rtol=0)

    @pytest.mark.parametrize(
        ("rho0", "rho1", "total"), [(1.0, math.inf, 1.0), (2.0, math.inf, 3.0), (1.0, 0.5, 0.5), (20.0, 5.0, 2.0)]
    )
    def test_unbalanced_is_the_plan_of_another_package(self, rho0, rho1, total):
        cost = costs(60, 40)
        found = entropic_plan(cost, 1.0, rho0, rho1, total).matrix.numpy()
        a, b = pot.unif(60), total * pot.unif(40)
        wanted = pot.unbalanced.sinkhorn_unbalanced(
            a, b, cost.numpy(), 1.0, (rho0, rho1), reg_type="kl", numItermax=100_000, stopThr=1e-12
        )
        assert np.abs(found - wanted).sum() < 2e-3
        if math.isinf(rho1):
            np.testing.assert_allclose(found.sum(axis=0), b, rtol=1e-12)

    @pytest.mark.parametrize(("rho0", "rho1", "total"), [(1.0, 50.0, 1.0), (2.0, math.inf, 3.0), (math.inf, 5.0, 1.5)])
    def test_with_masses_of_the_source_is_the_plan_of_another_package(self, rho0, rho1, total):
        """POT measures entropy against the masses themselves: the same with a cost that is moved by their logarithm."""
        cost, mass = costs(60, 40), torch.rand(60, dtype=torch.float64) + 0.1
        mass /= mass.sum()
        found = entropic_plan(cost, 1.0, rho0, rho1, total, mass).matrix.numpy()
        wanted = pot.unbalanced.sinkhorn_unbalanced(
            mass.numpy(),
            total * pot.unif(40),
            (cost + (60 * mass).log()[:, None]).numpy(),
            1.0,
            (rho0, rho1),
            reg_type="kl",
            numItermax=100_000,
            stopThr=1e-12,
        )
        assert np.abs(found - wanted).sum() < 2e-3
        if math.isinf(rho0):
            np.testing.assert_allclose(found.sum(axis=1), mass.numpy(), rtol=1e-12)

    def test_a_large_penalty_is_no_growth_and_a_small_one_is_all_growth(self):
        cost = torch.tensor([[0.0, 9.0], [9.0, 0.0], [9.0, 0.0]], dtype=torch.float64)  # 1 against 2, then 1 against 1
        large = entropic_plan(cost, 0.05, rho0=1e4).matrix.sum(1)
        torch.testing.assert_close(large, torch.full((3,), 1 / 3, dtype=torch.float64), atol=1e-3, rtol=0)
        small = entropic_plan(cost, 0.05, rho0=1.0).matrix.sum(1)
        torch.testing.assert_close(small, torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64), atol=1e-3, rtol=0)

    def test_errors_of_impossible_problems(self, monkeypatch):
        with pytest.raises(ValueError, match="epsilon=0"):
            entropic_plan(costs(3, 3), 0.0)
        with pytest.raises(ValueError, match="source.*3"):
            entropic_plan(costs(3, 3), 1.0, source=torch.ones(3))
        with pytest.raises(ValueError, match="balanced"):
            entropic_plan(costs(3, 3), 1.0, total=2.0)
        monkeypatch.setattr(sinkhorn, "MAX_ITERATIONS", 10)
        with pytest.raises(ValueError, match="larger epsilon"):
            entropic_plan(costs(200, 150), 1e-3)


class TestGeodesicDistances:
    def test_on_a_circle_are_arcs(self):
        """Between opposite points within 1 % of pi, where the straight line is 2."""
        angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        found = geodesic_distances(x[:100], x[100:], neighbours=2)
        assert found.shape == (100, 100)
        assert np.diag(found) == pytest.approx(np.pi, rel=0.01)

    def test_with_all_as_neighbours_are_distances(self):
        x0, x1 = (each.double().numpy() for each in clouds(20, 30))
        np.testing.assert_allclose(geodesic_distances(x0, x1, neighbours=60), cdist(x0, x1))

    def test_far_pieces_are_joined_by_their_shortest_gap(self):
        x0, x1 = np.array([[0.0], [1.0], [2.0]]), np.array([[10.0], [11.0], [30.0]])
        np.testing.assert_allclose(geodesic_distances(x0, x1, neighbours=1), cdist(x0, x1))

    def test_cells_in_one_place_are_no_obstacle(self):
        x = np.zeros((30, 2))
        np.testing.assert_allclose(geodesic_distances(x, x + 3.0, neighbours=4), np.sqrt(18), rtol=1e-6)


def test_wasserstein_of_shifted_clouds_is_the_shift():
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert ot.wasserstein(x, x + np.array([3.0, 0.0, 4.0])) == pytest.approx(5.0)
    assert ot.wasserstein(x, x + np.array([3.0, 0.0, 4.0]), p=2) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="p=3"):
        ot.wasserstein(x, x, p=3)


@pytest.mark.parametrize("relaxed_target", [False, True])
def test_a_plan_at_large_penalties_converges_where_the_masses_balance(relaxed_target):
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 50, generator=rng), torch.randn(80, 50, generator=rng) + 1
    cost = torch.cdist(x, y).square().double()
    epsilon, rho = 0.01 * float(cost.mean()), 200 * float(cost.mean())
    plan = entropic_plan(cost, epsilon, rho, rho if relaxed_target else math.inf, total=1.3).matrix
    assert float(plan.sum()) == pytest.approx(math.sqrt(1.3) if relaxed_target else 1.3, rel=1e-2)
    assert plan.sum(1) == pytest.approx((plan.sum() / 60).expand(60), rel=2e-2)
