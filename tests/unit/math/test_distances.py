"""Distances of clouds: against closed forms, POT, and sums written out."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest

from cellflow_core.math import distances


def cloud(count: int, dim: int, seed: int = 0, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return shift + spread * np.random.default_rng(seed).normal(size=(count, dim))


def test_wasserstein_of_gaussians_is_the_closed_form():
    """W_2^2 of N(m, s^2 I) and N(n, t^2 I) is |m - n|^2 + dim (s - t)^2 (Dowson & Landau 1982)."""
    x, y = cloud(3000, 2, 1), cloud(3000, 2, 2, shift=3.0, spread=2.0)
    assert distances.wasserstein(x, y, p=2) == pytest.approx(math.sqrt(2 * 9 + 2 * 1), rel=0.02)


def test_above_the_limit_blocks_bound_the_exact_distance_from_above():
    x, y = cloud(700, 2, 1), cloud(650, 2, 2, shift=1.0)
    exact = distances.wasserstein(x, y)
    blocks = distances.wasserstein(x, y, limit=300)
    assert exact < blocks < 1.1 * exact
    weight = np.random.default_rng(0).random(700)
    weighted = distances.wasserstein(x, y, p=2, weight=weight)
    assert distances.wasserstein(x, y, p=2, weight=weight, limit=300) == pytest.approx(weighted, rel=0.1)


def test_sliced_is_that_of_pot():
    x, y = cloud(80, 4, 1), cloud(95, 4, 2, shift=0.7)
    weight = np.random.default_rng(3).random(80)
    axes = np.random.default_rng(5).normal(size=(64, 4))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    for given in (None, weight):
        shares = np.full(80, 1 / 80) if given is None else weight / weight.sum()
        theirs = ot.sliced_wasserstein_distance(x, y, shares, projections=axes.T, p=1)
        assert distances.sliced(x, y, given, 64, seed=5) == pytest.approx(np.asarray(theirs).item(), rel=1e-9)


def test_sliced_of_a_shift_is_its_mean_projection():
    """A cloud moved by a vector of length s: the mean of |s cos| over directions, 2 s / pi in the plane."""
    x = cloud(200, 2)
    assert distances.sliced(x, x + np.array([3.0, 0.0]), directions=4096) == pytest.approx(6 / math.pi, rel=0.03)


def test_mmd_is_the_sum_written_out():
    x, y = cloud(25, 3, 1), cloud(31, 3, 2, shift=0.5)
    weight = np.random.default_rng(4).random(25)
    a, b = weight / weight.sum(), np.full(31, 1 / 31)
    width = np.median([np.linalg.norm(y[i] - y[j]) for i in range(31) for j in range(i)])

    def k(u, v):
        return math.exp(-((u - v) ** 2).sum() / (2 * width**2))

    square = sum(a[i] * a[j] * k(x[i], x[j]) for i in range(25) for j in range(25))
    square += sum(b[i] * b[j] * k(y[i], y[j]) for i in range(31) for j in range(31))
    square -= 2 * sum(a[i] * b[j] * k(x[i], y[j]) for i in range(25) for j in range(31))
    assert distances.mmd(x, y, weight) == pytest.approx(math.sqrt(square), rel=1e-6)
    assert distances.mmd(y, y) == pytest.approx(0.0, abs=1e-7)


def test_mmd_of_gaussians_is_the_closed_form(monkeypatch):
    """E k(x, y) of N(0, I) and N(m, I) with width h is (h^2 / (h^2 + 2))^(d/2) exp(-|m|^2 / 2(h^2 + 2))."""
    x, y = cloud(4000, 2, 1), cloud(4000, 2, 2, shift=1.0)
    monkeypatch.setattr(distances, "BLOCK", 1000)
    some = y[np.random.default_rng(0).choice(4000, 500, replace=False)]
    h2 = float(np.median(np.asarray(ot.dist(some, some))[np.triu_indices(500, 1)]))
    same = h2 / (h2 + 2)
    closed = math.sqrt(2 * same * (1 - math.exp(-2 / (2 * (h2 + 2)))))
    assert distances.mmd(x, y) == pytest.approx(closed, rel=0.05)


def test_measured_cells_in_one_place_have_no_kernel():
    with pytest.raises(ValueError, match="5 measured cells"):
        distances.mmd(cloud(4, 2), np.ones((5, 2)))


@pytest.mark.parametrize(("n", "m"), [(400, 400), (200, 600)])
def test_density_and_coverage_of_one_law_are_what_their_authors_derive(n, m, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 150)
    found = np.array([distances.density_coverage(cloud(n, 3, 2 * k), cloud(m, 3, 2 * k + 1)) for k in range(12)])
    left = math.prod((m - i) / (n + m - i) for i in range(1, 6))
    np.testing.assert_allclose(found.mean(axis=0), [1.0, 1 - left], atol=0.03)


def test_a_cloud_that_collapsed_covers_little_and_one_far_away_nothing():
    y = cloud(300, 2, 1)
    density, coverage = distances.density_coverage(np.zeros((300, 2)), y)
    assert density > 0.5 and coverage < 0.1
    assert distances.density_coverage(cloud(300, 2, shift=50.0), y) == (0.0, 0.0)
    assert all(math.isnan(each) for each in distances.density_coverage(y, y[:4]))


def test_coverage_is_counted_as_written_down():
    """Three measured cells on a line, k = 1: balls of radius 1, 1 and 3; predictions at 0.5 and 5."""
    y, x = np.array([[0.0], [1.0], [4.0]]), np.array([[0.5], [5.0]])
    assert distances.density_coverage(x, y, neighbours=1) == (3 / 2, 1.0)
    assert distances.density_coverage(x, y, np.array([1.0, 1e-9]), neighbours=1) == (2.0, pytest.approx(2 / 3))


def test_equal_cells_stand_for_weighted_ones():
    x = np.arange(6.0)[:, None]
    weight = np.array([1.0, 2.0, 0.0, 3.0, 0.0, 0.0])
    assert distances.equal(x, weight)[:, 0].tolist() == [0, 1, 1, 3, 3, 3]
    assert distances.equal(x, np.full(6, 0.3)) is x
