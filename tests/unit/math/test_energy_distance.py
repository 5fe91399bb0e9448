"""Energy distance against its definition, and p-values adjusted as scipy adjusts them."""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.metrics.pairwise import euclidean_distances

from cellflow_core.math.energy_distance import (
    energy,
    energy_of_labels,
    permuted_labels,
    sampled_weights,
)
from cellflow_core.math.multiple_testing import benjamini_hochberg


def by_definition(a: np.ndarray, b: np.ndarray) -> float:
    def mean(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        every = np.linalg.norm(x[:, None] - y[None], axis=2)
        return every.sum() / (len(x) * (len(y) - same))

    return 2 * mean(a, b, False) - mean(a, a, True) - mean(b, b, True)


def test_it_is_its_definition():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    label = np.zeros((50, 1))
    label[:20] = 1
    distances = euclidean_distances(x)
    true = by_definition(x[:20], x[20:])
    assert np.isclose(energy(distances, label, 1 - label)[0], true, atol=1e-5)
    assert np.isclose(energy_of_labels(distances, label)[0], true, atol=1e-5)


def test_a_weight_counts_a_cell_again_but_never_with_itself():
    x = np.array([[0.0], [1.0], [5.0], [7.0]])
    first, second = np.array([[2.0], [1.0], [0.0], [0.0]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    across, within = (2 * 5 + 2 * 7 + 4 + 6) / 6, (2 * 1 * 2) / (9 - 5)
    assert np.isclose(energy(euclidean_distances(x), first, second)[0], 2 * across - within - 2)


def test_labels_and_samples_have_their_sizes():
    rng = np.random.default_rng(0)
    assert (permuted_labels(30, 10, 7, rng).sum(axis=0) == 10).all()
    drawn = sampled_weights((10, 20), 5, rng)
    assert (drawn[:10].sum(axis=0) == 10).all() and (drawn[10:].sum(axis=0) == 20).all()


def test_adjusted_p_values_are_those_of_scipy_and_leave_out_what_is_no_test():
    p = np.random.default_rng(0).random((3, 40)) ** 2
    found = benjamini_hochberg(p)
    assert np.allclose(found, [false_discovery_control(each) for each in p])
    p[0, 5] = np.nan
    assert np.isnan(benjamini_hochberg(p)[0, 5])
    assert np.allclose(np.delete(benjamini_hochberg(p)[0], 5), false_discovery_control(np.delete(p[0], 5)))
