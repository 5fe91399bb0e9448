"""Macrostates of chains whose answers are known."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.math.markov_chains import gpcca
from cellflow_core.math.markov_chains.gpcca import macrostates
from cellflow_core.math.markov_chains.schur import slow_subspace


def wells(sizes: tuple[int, ...], leak: float = 0.01, seed: int = 0) -> tuple[csr_array, np.ndarray]:
    """(a chain that is fast within sets of cells and seldom leaves them, set of each cell)."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(sizes)), sizes)
    inside = rng.random((len(which), len(which))) * (which[:, None] == which)
    across = rng.random((len(which), len(which)))
    inside, across = (each / each.sum(axis=1, keepdims=True) for each in (inside, across))
    return csr_array((1 - leak) * inside + leak * across), which


def irreversible(cells: int = 60, leak: float = 0.02) -> tuple[csr_array, np.ndarray]:
    """(a chain of three sets, the first of which leads to the other two, and seldom back; set of each cell)."""
    which = np.repeat([0, 1, 2], cells)
    jump = np.array([[1 - 2 * leak, leak, leak], [leak / 100, 1 - leak / 100, 0], [leak / 100, 0, 1 - leak / 100]])
    return csr_array(jump[which][:, which] / cells), which


@pytest.mark.parametrize("sizes", [(40, 60), (30, 50, 70), (20, 30, 40, 50, 60), (300, 400)])
def test_sets_that_are_seldom_left_are_the_macrostates(sizes):
    """Memberships within 0.05 of the sets; the coarse chain stays with its probability within 0.01."""
    chain, which = wells(sizes)
    found = macrostates(chain)
    assert found.membership.shape[1] == len(sizes)
    order = [int(found.membership[which == k].mean(axis=0).argmax()) for k in range(len(sizes))]
    assert sorted(order) == list(range(len(sizes)))
    assert np.abs(found.membership[:, order] - np.eye(len(sizes))[which]).max() < 0.05
    stay = 1 - 0.01 * (1 - np.array(sizes) / sum(sizes))
    np.testing.assert_allclose(np.diag(found.coarse)[order], stay, atol=0.01)
    np.testing.assert_allclose(found.membership.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(found.coarse.sum(axis=1), 1, atol=1e-9)
    assert found.membership.min() >= 0 and found.crispness > 0.9


def test_the_process_begins_in_the_state_that_is_left_for_good():
    """The set that leads to both others, of which the coarse chain is in the first in 1/102 of the time (exact: the
    flows between the sets balance); with sets that are all left alike none is the beginning."""
    chain, which = irreversible()
    found = macrostates(chain, 3)
    assert found.initial is not None and found.membership[which == 0, found.initial].min() > 0.9
    jump = np.array([[0.96, 0.02, 0.02], [0.0002, 0.9998, 0], [0.0002, 0, 0.9998]])
    exact = np.linalg.matrix_power(jump, 2**30)[0]
    order = [int(found.membership[which == k].mean(axis=0).argmax()) for k in range(3)]
    np.testing.assert_allclose(found.stationary[order], exact, atol=1e-3)
    assert macrostates(wells((40, 60))[0]).initial is None


def test_the_subspace_is_that_of_a_dense_schur_decomposition(monkeypatch):
    """The projector onto it is the same by Arnoldi, by all eigenvectors and by LAPACK, also for conjugate pairs."""
    from scipy.linalg import schur

    cells, rng = 80, np.random.default_rng(0)
    step = np.roll(np.eye(cells), 1, axis=1) + 0.2 * rng.random((cells, cells)) / cells
    chain = csr_array(step / step.sum(axis=1, keepdims=True))
    values = np.sort(np.linalg.eigvals(chain.toarray()).real)[::-1]
    _, q, _ = schur(chain.toarray(), sort=lambda re, im: re > (values[4] + values[5]) / 2)
    wanted = q[:, :5] @ q[:, :5].T
    for dense in (500, 0):
        monkeypatch.setattr("cellflow_core.math.markov_chains.schur.DENSE", dense)
        space = slow_subspace(chain, 5)
        np.testing.assert_allclose(space.basis @ space.basis.T / cells, wanted, atol=1e-8)
        np.testing.assert_allclose(space.basis.T @ space.basis / cells, np.eye(5), atol=1e-9)
        np.testing.assert_allclose(space.basis[:, 0], 1)
        assert space.parts_a_pair(2) and not space.parts_a_pair(3)
    assert len(slow_subspace(chain, 4).values) == 3
    with pytest.raises(ValueError, match="part a pair"):
        macrostates(chain, 2)


def test_ends_are_states_that_are_stable_and_do_not_empty():
    chain, which = irreversible()
    found = macrostates(chain, 3)
    order = [int(found.membership[which == k].mean(axis=0).argmax()) for k in range(3)]
    assert found.terminal[order].tolist() == [False, True, True]
    assert found.filled[order[0]] < 0.02 and found.filled.sum() == pytest.approx(1)


def test_memberships_are_crisper_than_those_of_a_search_without_gradients():
    """The published search (Nelder-Mead from the same simplex) on a chain with wide borders gives no more."""
    from scipy.optimize import minimize

    x = np.random.default_rng(1).normal(size=(250, 2))
    near = np.exp(-4 * np.square(x[:, None] - x).sum(axis=2))
    space = slow_subspace(csr_array(near / near.sum(axis=1, keepdims=True)), 4)
    begin = np.linalg.inv(space.basis[gpcca.inner_simplex(space.basis)])

    def of(block: np.ndarray) -> np.ndarray:
        whole = begin.copy()
        whole[1:, 1:] = block.reshape(3, 3)
        return gpcca.feasible(whole, space.basis)

    searched = minimize(lambda each: -gpcca.crispness(of(each)), begin[1:, 1:].ravel(), method="Nelder-Mead")
    ours = gpcca.crispness(gpcca.rotation(space.basis))
    assert ours >= -searched.fun - 1e-6 and ours > gpcca.crispness(of(begin[1:, 1:].ravel()))


def test_sets_that_are_never_left_are_refused():
    chain = csr_array(np.kron(np.eye(2), np.full((3, 3), 1 / 3)))
    with pytest.raises(ValueError, match=r"never leaves 2 sets of cells \(3, 3\)"):
        macrostates(chain)
    with pytest.raises(ValueError, match="at least 3"):
        macrostates(csr_array(np.full((2, 2), 0.5)))
