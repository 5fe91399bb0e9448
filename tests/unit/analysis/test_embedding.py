"""Views and grids."""

import numpy as np
import pytest

from cellflow_core.analysis import embedding
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.grid import Grid

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(800, 5)).astype(np.float32)


def linear() -> Embedding:
    matrix = RNG.normal(size=(5, 2))
    return Embedding("pca", ("PC1", "PC2"), (STATES @ matrix + 3).astype(np.float32), STATES)


def curved() -> Embedding:
    return Embedding("umap", ("UMAP1", "UMAP2"), np.stack([np.tanh(STATES[:, 0]), STATES[:, 1]], axis=1), STATES)


def test_a_linear_view_is_recognised_and_exact_also_far_from_the_cells():
    view = linear()
    assert view.linear is not None and not view.note
    far = 10 * STATES[:7]
    matrix, offset = view.linear
    np.testing.assert_allclose(view.project(far), far @ matrix + offset, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(view.project_velocity(far, STATES[:7]), STATES[:7] @ matrix, rtol=1e-4, atol=1e-4)
    assert view.project(np.stack([far, far])).shape == (2, 7, 2)


def test_a_curved_view_places_states_by_their_neighbours():
    rng = np.random.default_rng(1)
    states = rng.uniform(-1, 1, (3000, 2)).astype(np.float32)
    view = Embedding("umap", ("a", "b"), np.stack([states[:, 0] ** 3 + states[:, 0], states[:, 1]], axis=1), states)
    assert view.linear is None and "UMAP" in view.note[0]
    x = rng.uniform(-0.7, 0.7, (50, 2)).astype(np.float32)
    np.testing.assert_allclose(view.project(x)[:, 0], x[:, 0] ** 3 + x[:, 0], atol=0.06)
    pushed = view.project_velocity(x, np.tile(np.float32([2.0, 0.0]), (50, 1)))
    slope = 2 * (3 * x[:, 0] ** 2 + 1)
    assert np.corrcoef(pushed[:, 0], slope)[0, 1] > 0.8
    assert np.median(pushed[:, 0] / slope) == pytest.approx(1.0, abs=0.25)
    assert (view.project_velocity(x, np.zeros_like(x)) == 0).all()


def test_many_cells_are_stood_for_by_some(monkeypatch):
    monkeypatch.setattr(embedding, "ANCHORS", 400)
    states = np.random.default_rng(0).normal(size=(4000, 2)).astype(np.float32)
    view = Embedding("umap", ("a", "b"), np.stack([states[:, 0] ** 3 + states[:, 0], states[:, 1]], axis=1), states)
    distance, index = view.neighbours(states[:50])
    assert len(np.unique(view.neighbours(states)[1])) == 400
    np.testing.assert_allclose(distance, np.linalg.norm(states[:50, None] - states[index], axis=2), atol=1e-3)
    middle = states[np.abs(states).max(axis=1) < 1]
    expected = np.stack([middle[:, 0] ** 3 + middle[:, 0], middle[:, 1]], axis=1)
    assert np.abs(view.project(middle) - expected).mean() < 0.1


def test_a_view_of_other_cells_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 2\) for 800 cells"):
        Embedding("pca", ("a", "b"), np.zeros((4, 2), np.float32), STATES)


def test_a_density_integrates_to_one_and_an_average_is_an_average():
    points = RNG.normal(size=(2000, 2))
    grid = Grid.over(points, 80)
    area = (grid.x[1] - grid.x[0]) * (grid.y[1] - grid.y[0])
    assert grid.density(points).sum() * area == pytest.approx(1.0, abs=0.01)
    flat = grid.average(points, np.full(2000, -3.0))
    np.testing.assert_allclose(flat[grid.inside], -3.0, rtol=1e-6)
    slope = grid.at(np.where(grid.inside, grid.average(points, points[:, 0]), np.nan), np.array([[0.5, 0.0]]))
    assert slope[0] == pytest.approx(0.5, abs=0.1)
    assert grid.share_inside(points, grid.inside) == pytest.approx(0.98, abs=0.015)


def test_a_height_outside_the_filled_part_is_that_of_the_nearest_filled_place():
    grid = Grid.over(RNG.normal(size=(500, 2)), 20)
    surface = np.full(grid.shape, np.nan)
    surface[10, 10] = 4.0
    assert (grid.at(surface, np.array([[[100.0, -100.0]], [[0.0, 0.0]]])) == 4.0).all()


def test_cells_that_all_stand_on_one_line_still_have_a_grid():
    points = np.stack([np.linspace(0, 1, 50), np.zeros(50)], axis=1)
    grid = Grid.over(points, 20)
    assert grid.inside.any() and np.isfinite(grid.density(points)).all()
