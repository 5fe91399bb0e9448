"""Transitions along a velocity: rows of probabilities, the direction, and what no direction gives."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import velocity_graph

X = np.random.default_rng(0).uniform(0, 10, (400, 2))
NEAR = nearest_others(X, 12)


def test_transitions_are_probabilities_of_other_cells():
    found = velocity_graph(X, np.tile([1.0, 0.0], (400, 1)), NEAR)
    rows = found.transitions()
    assert rows.shape == (400, 400) and rows.diagonal().max() == 0 and rows.min() >= 0
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-6)
    i, k = 7, 3
    step = X[NEAR[i, k]] - X[i]
    assert found.cosine[i, k] == pytest.approx(step[0] / np.linalg.norm(step), abs=1e-6)


def test_displacement_points_where_the_velocity_does():
    inner = (np.abs(X - 5) < 4).all(axis=1)
    v = np.stack([-(X[:, 1] - 5), X[:, 0] - 5], axis=1)  # a rotation
    found = velocity_graph(X, v, NEAR).displacement(X)[inner]
    cosine = (found * v[inner]).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(v[inner], axis=1)
    assert np.median(cosine) > 0.95
    still = velocity_graph(X, np.zeros_like(X), NEAR)
    np.testing.assert_allclose(still.displacement(X), 0, atol=1e-6)
    np.testing.assert_allclose(still.weight, 1 / 12, rtol=1e-5)


def test_neighbors_are_other_cells_also_among_copies():
    x = np.zeros((5, 2))
    found = nearest_others(x, 10)
    assert found.shape == (5, 4) and all(row not in others for row, others in enumerate(found))
    with pytest.raises(ValueError, match="at least 3"):
        nearest_others(x[:2], 3)


def test_velocities_that_are_no_numbers_are_said():
    x = np.arange(12.0).reshape(6, 2)
    v = np.ones((6, 2))
    v[3] = np.nan
    with pytest.raises(ValueError, match="of 1 of 6 cells are no finite numbers"):
        velocity_graph(x, v, nearest_others(x, 3))
