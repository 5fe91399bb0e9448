"""Nearest cells, exact and in principal components."""

import numpy as np

from cellflow_core.math import neighbors
from cellflow_core.math.neighbors import nearest_others


def test_neighbors_of_cells_in_few_dimensions_are_found_in_components_too(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 200))
    exact = nearest_others(x, 10)
    monkeypatch.setattr(neighbors, "_EXACT_PRODUCTS", 0)
    np.testing.assert_array_equal(np.sort(nearest_others(x, 10), axis=1), np.sort(exact, axis=1))
    assert not (exact == np.arange(300)[:, None]).any()
