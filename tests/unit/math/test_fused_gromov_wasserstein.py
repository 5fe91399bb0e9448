"""Fused Gromov-Wasserstein plans are those of another package, and clones hold together."""

from __future__ import annotations

import math

import numpy as np
import ot as pot
import pytest
import torch

from cellflow_core.math import fused_gromov_wasserstein
from cellflow_core.math.fused_gromov_wasserstein import fused_plan
from cellflow_core.math.sinkhorn import entropic_plan
from cellflow_core.models.couplings.moslin import lineage_distance


def clouds(n: int = 50, m: int = 40, clones: int = 12) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cost, and lineage distances within either cloud."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) + 0.5
    cost = torch.from_numpy(((x[:, None] - y[None]) ** 2).sum(-1))
    distance0, distance1 = (lineage_distance(torch.from_numpy(rng.integers(0, clones, size))) for size in (n, m))
    return cost / cost.mean(), distance0, distance1


@pytest.mark.parametrize(("alpha", "epsilon"), [(0.1, 0.05), (0.5, 0.05), (0.1, 0.5)])
def test_is_the_plan_of_another_package(alpha, epsilon):
    cost, distance0, distance1 = clouds()
    c, d0, d1 = (each.numpy() for each in (cost, distance0, distance1))
    wanted = pot.gromov.entropic_fused_gromov_wasserstein(
        c, d0, d1, pot.unif(50), pot.unif(40), epsilon=epsilon, alpha=alpha, solver="PGD", max_iter=500, tol=1e-9
    )
    assert np.abs(fused_plan(cost, distance0, distance1, alpha, epsilon).matrix.numpy() - wanted).sum() < 1e-3


def test_without_structure_is_the_entropic_plan():
    cost, distance0, distance1 = clouds()
    source = torch.linspace(0.5, 1.5, 50, dtype=torch.float64) / 50
    found = fused_plan(cost, distance0, distance1, 0.0, 0.05, 1.0, source).matrix
    torch.testing.assert_close(found, entropic_plan(cost, 0.05, 1.0, source=source).matrix, atol=1e-5, rtol=0)


def test_hard_marginals_hold():
    cost, distance0, distance1 = clouds()
    source = torch.linspace(0.5, 1.5, 50, dtype=torch.float64) / 50
    for rho in (math.inf, 0.5):
        plan = fused_plan(cost, distance0, distance1, 0.3, 0.05, rho, source).matrix
        torch.testing.assert_close(plan.sum(0), torch.full((40,), 1 / 40, dtype=torch.float64), atol=1e-9, rtol=0)
        assert float((plan.sum(1) - source).abs().sum()) < (1e-9 if rho == math.inf else 1.0)
    assert float((plan.sum(1) - source).abs().sum()) > 1e-3


def test_an_error_where_it_does_not_converge(monkeypatch):
    cost, distance0, distance1 = clouds()
    with pytest.raises(ValueError, match="alpha=2"):
        fused_plan(cost, distance0, distance1, 2.0, 0.05)
    monkeypatch.setattr(fused_gromov_wasserstein, "MAX_ITERATIONS", 1)
    with pytest.raises(ValueError, match="larger epsilon"):
        fused_plan(cost, distance0, distance1, 0.5, 0.05)


def test_a_cell_of_no_clone_is_near_itself_alone():
    found = lineage_distance(torch.tensor([3, -1, 3, -1]))
    assert found.tolist() == [[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]]
