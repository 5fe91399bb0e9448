"""Trees of groups and curves through them, on cells whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.models.lineages.lineage_tree import longest_path, rooted, scaled_distances, spanning_tree
from cellflow_core.models.lineages.principal_curves import arc_length, project, resampled, smooth

CENTERS = np.array([[0.0, 0], [1, 0], [2, 1], [2, -1], [3, 1]])
"""A fork: 0 - 1 - (2 - 4 | 3)."""


def fork():
    distance = np.linalg.norm(CENTERS[:, None] - CENTERS[None], axis=2)
    return spanning_tree(distance)


def test_lineages_begin_together_and_end_apart():
    tree = rooted(CENTERS, fork(), 0)
    assert set(tree.lineages) == {(0, 1, 3), (0, 1, 2, 4)}
    np.testing.assert_allclose(tree.depth, [0, 1, 1 + np.sqrt(2), 1 + np.sqrt(2), 2 + np.sqrt(2)])
    assert tree.separation()[3, 4] == pytest.approx(1 + 2 * np.sqrt(2))
    assert longest_path(CENTERS, fork()) == (3, 4)


def test_a_state_is_projected_onto_the_nearest_edge_and_beyond_the_ends():
    tree = rooted(CENTERS, fork(), 0)
    along, edge, distance = tree.project(np.array([[0.5, 0.2], [-1.0, 0], [4.0, 1], [1.5, -0.5]]))
    np.testing.assert_allclose(along, [0.5, -1, 3 + np.sqrt(2), 1 + np.sqrt(0.5)])
    assert edge.tolist() == [1, 1, 4, 3]
    np.testing.assert_allclose(distance, [0.2, 0, 0, 0], atol=1e-12)


def test_distances_between_groups_are_in_units_of_their_covariances():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 20_000)
    x = rng.normal(size=(40_000, 2)) * [1, 3] + group[:, None] * [2, 0]
    assert scaled_distances(x, group)[0, 1] == pytest.approx(2 / np.sqrt(2), rel=0.02)


def test_a_curve_through_noise_hardly_follows_each_cell():
    """200 cells on a line of length 3 with noise of 1 in 20 axes: after ten rounds not longer than 35; by
    cross-validation alone it is 46, and grows."""
    rng = np.random.default_rng(0)
    place, x = rng.uniform(0, 3, 200), rng.normal(size=(200, 20))
    x[:, 0] += place
    for _ in range(10):
        curve = smooth(place, x, np.ones(200))
        place, _ = project(curve, x)
    assert arc_length(curve)[-1] < 35


def test_a_curve_is_smoothed_and_cells_are_projected_onto_it():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 800)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(800, 2))
    curve = smooth(angle, x, np.ones(800))
    np.testing.assert_allclose(np.linalg.norm(curve, axis=1), 1, atol=0.03)
    along, distance = project(curve, x)
    assert np.corrcoef(along, angle)[0, 1] > 0.99 and distance.mean() < 0.06
    assert arc_length(curve)[-1] == pytest.approx(np.pi, rel=0.03)
    np.testing.assert_allclose(resampled(curve, arc_length(curve)), curve, atol=1e-12)
