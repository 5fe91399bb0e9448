"""Absorption and the long run of Markov chains whose answers are known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.math.markov_chains.absorption import absorption_probabilities, long_run, mean_first_passage


def line(cells: int, right: float) -> csr_array:
    """A walk along a line; at both ends it stays."""
    found = np.diag(np.full(cells - 1, right), 1) + np.diag(np.full(cells - 1, 1 - right), -1)
    found[0], found[-1] = 0, 0
    found[0, 0] = found[-1, -1] = 1
    return csr_array(found)


@pytest.mark.parametrize("right", [0.5, 0.6])
def test_a_gambler_is_ruined_as_often_as_known(right):
    cells = 41
    state = np.full(cells, -1)
    state[[0, -1]] = [0, 1]
    found = absorption_probabilities(line(cells, right), state, 2)
    k, odds = np.arange(cells), (1 - right) / right
    exact = k / (cells - 1) if right == 0.5 else (1 - odds**k) / (1 - odds ** (cells - 1))
    np.testing.assert_allclose(found[:, 1], exact, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize("right", [0.5, 0.6])
def test_a_game_lasts_as_long_as_known(right):
    """k (n - k) steps of a fair game to n; those of an unfair one by the chance to win."""
    cells = 41
    absorbing = np.isin(np.arange(cells), [0, cells - 1])
    found = mean_first_passage(line(cells, right), absorbing, np.ones(cells, bool))
    k, n, odds = np.arange(cells), cells - 1, (1 - right) / right
    fair = right == 0.5
    exact = k * (n - k) if fair else (k - n * (1 - odds**k) / (1 - odds**n)) / (1 - 2 * right)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    few = mean_first_passage(line(cells, right), absorbing, k > 3)
    np.testing.assert_array_equal(np.isnan(few), k <= 3)


def test_absorption_is_that_of_the_dense_formula():
    rng = np.random.default_rng(0)
    dense = rng.random((60, 60)) * (rng.random((60, 60)) < 0.2) + np.eye(60) * 0.01
    dense /= dense.sum(axis=1, keepdims=True)
    state = np.full(60, -1)
    state[:9] = np.arange(9) % 3
    found = absorption_probabilities(csr_array(dense), state, 3)
    moving = state < 0
    into = np.stack([dense[moving][:, state == k].sum(axis=1) for k in range(3)], axis=1)
    exact = np.linalg.solve(np.eye(moving.sum()) - dense[np.ix_(moving, moving)], into)
    np.testing.assert_allclose(found[moving], exact, atol=1e-6)
    np.testing.assert_array_equal(found[~moving], np.eye(3)[state[~moving]])


def test_a_cell_that_reaches_no_state_has_no_probability():
    chain = csr_array(np.array([[0.5, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5]]))
    found = absorption_probabilities(chain, np.array([-1, 0, -1, -1]), 1)
    np.testing.assert_array_equal(found[:, 0], [1, 1, np.nan, np.nan])
    with pytest.raises(ValueError, match="no cell belongs"):
        absorption_probabilities(chain, np.full(4, -1), 1)


def test_a_cell_that_hardly_ever_reaches_a_state_has_no_probability():
    """From the middle, 1 % go on to the state and 99 % stay for good elsewhere."""
    chain = csr_array(np.array([[0.0, 0.99, 0.01], [0, 1, 0], [0, 0, 1.0]]))
    found = absorption_probabilities(chain, np.array([-1, -1, 0]), 1)
    np.testing.assert_array_equal(found[:, 0], [np.nan, np.nan, 1])


def test_absorption_that_takes_longer_than_anyone_waits_has_no_probability():
    """Against such a wind a cell takes more than 10^30 steps: the system is singular but for rounding."""
    cells, state = 100, np.full(100, -1)
    chain = line(cells, 0.7).tolil()
    chain[cells - 1, cells - 1], chain[cells - 1, cells - 2] = 0.7, 0.3
    state[0] = 0
    found = absorption_probabilities(csr_array(chain), state, 1)[:, 0]
    np.testing.assert_array_equal(found[[0, 1, 2, 50, 99]], [1, np.nan, np.nan, np.nan, np.nan])


def test_the_long_run_of_two_cells_and_of_a_circle():
    chain = csr_array(np.array([[0.9, 0.1], [0.3, 0.7]]))
    np.testing.assert_allclose(long_run(chain), [0.75, 0.25], atol=1e-3)
    np.testing.assert_allclose(long_run(csr_array(np.roll(np.eye(5), 1, axis=1))), 0.2, atol=1e-6)


@pytest.mark.parametrize("failures", [1, 2])
def test_a_chain_that_does_not_converge_is_solved_with_fuller_factors(failures, monkeypatch):
    import scipy.sparse.linalg as linalg

    solve, tried = linalg.gmres, []

    def stubborn(*system, **settings):
        tried.append(settings["M"])
        found, _ = solve(*system, **settings)
        return found, int(len(tried) <= failures)

    monkeypatch.setattr(linalg, "gmres", stubborn)
    state = np.full(21, -1)
    state[[0, -1]] = [0, 1]
    if failures == 2:
        with pytest.raises(RuntimeError, match="of state 0 did not converge"):
            absorption_probabilities(line(21, 0.5), state, 2)
        return
    found = absorption_probabilities(line(21, 0.5), state, 2)
    np.testing.assert_allclose(found[:, 1], np.arange(21) / 20, atol=1e-6)
    assert len(tried) == 3 and tried[0] is not tried[1] and tried[2] is tried[1], "kept for the second state"
