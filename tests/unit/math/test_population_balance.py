"""Population balance on small graphs, against the formulas as they are written."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.population_balance import joined, potential, transitions


def graph(cells: int = 40):
    x = np.random.default_rng(0).normal(size=(cells, 2))
    return joined(nearest_others(x, 6))


def test_the_potential_is_the_pseudoinverse_of_the_laplacian_on_the_rates():
    links, rate = graph(), np.random.default_rng(1).normal(size=40)
    dense = links.toarray()
    laplacian = np.eye(40) - dense / dense.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(potential(links, rate), np.linalg.pinv(laplacian) @ rate, atol=1e-6)


@pytest.mark.parametrize("diffusion", [0.01, 1.0, 50.0])
def test_transitions_are_downhill_by_the_formula(diffusion):
    links, height = graph(), np.random.default_rng(2).normal(size=40)
    found = transitions(links, height, diffusion).toarray()
    drop = (height[:, None] - height[None]) / diffusion
    dense = np.where(links.toarray() > 0, np.exp(drop - drop.max(axis=1, keepdims=True)), 0)
    if diffusion >= 1:
        np.testing.assert_allclose(found, dense / dense.sum(axis=1, keepdims=True), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert ((found > 0) <= (links.toarray() > 0)).all()


def test_adjacency_is_symmetric_and_of_ones():
    links = graph()
    assert (links != links.T).nnz == 0 and set(links.data) == {1.0} and links.diagonal().sum() == 0
    assert (links.sum(axis=1) >= 6).all()
