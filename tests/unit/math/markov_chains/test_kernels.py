"""Kernels of transitions on graphs that are small enough to see through."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.math.markov_chains.kernels import along_order, directed_diffusion, mixture, row_stochastic


def test_rows_sum_to_one_and_a_cell_without_links_stays():
    found = row_stochastic(np.array([[0, 3, 1], [0, 0, 0], [2, 0, 0]])).toarray()
    np.testing.assert_allclose(found, [[0, 0.75, 0.25], [0, 1, 0], [1, 0, 0]])


def test_links_to_earlier_cells_go_but_for_the_strongest():
    """Four links: one of them, the strongest, may lead back."""
    links = np.zeros((5, 5))
    links[2] = [4, 3, 0, 2, 1]
    found = along_order(csr_array(links), np.arange(5.0)).toarray()
    np.testing.assert_allclose(found[2], np.array([4, 0, 0, 2, 1]) / 7)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_palantirs_chain_is_its_formula():
    """On a line, each cell linked to its three nearest: the width is the distance to the first."""
    x = np.array([0.0, 1.0, 2.5, 4.5, 7.0])
    distance = np.abs(x[:, None] - x)
    near = np.argsort(distance, axis=1, kind="stable")[:, 1:4]
    rows = np.repeat(np.arange(5), 3)
    links = csr_array((distance[rows, near.ravel()], (rows, near.ravel())), shape=(5, 5))
    found = directed_diffusion(links, x).toarray()
    width = np.sort(distance, axis=1)[:, 1]
    weight = np.exp(-(distance**2) / 2 / width[:, None] ** 2 - distance**2 / 2 / width[None] ** 2)
    weight *= (links.toarray() > 0) & (x[None] >= x[:, None] - width[:, None])
    np.testing.assert_allclose(found, weight / weight.sum(axis=1, keepdims=True), atol=1e-12)


def test_a_mixture_is_the_mean_by_weight():
    a, b = csr_array(np.eye(3)), csr_array(np.full((3, 3), 1 / 3))
    np.testing.assert_allclose(mixture([(3.0, a), (1.0, b)]).toarray(), 0.75 * np.eye(3) + 0.25 / 3)
    with pytest.raises(ValueError, match="no kernel"):
        mixture([(0.0, a)])
