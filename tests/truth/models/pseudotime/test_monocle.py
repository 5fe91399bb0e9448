"""A tree drawn through forks that are known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.lineages.principal_tree import PrincipalTree, principal_tree
from tests.truth.models.pseudotime.simulated import (
    START,
    branch_f1,
    finished_types,
    islands,
    order,
    other_order,
    ring,
    snapshot,
    trained,
    tree,
)

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def fork():
    """(cells of a fork, place along it, model)."""
    data, place = tree(3, n_branchings=1, n_fates=2)
    return data, place, trained("monocle", data, **START)


def test_order_and_branches_of_a_fork(fork):
    """Spearman with the place along the tree at least 0.97, F1 of the branches at least 0.95."""
    data, place, model = fork
    assert spearmanr(order(model, data), place)[0] >= 0.97 and branch_f1(model, data) >= 0.95
    found = model.lineages(torch.from_numpy(data.x), Context())
    assert len(found.curves) == 2
    for curve in found.curves:
        near = torch.cdist(curve, torch.from_numpy(data.x)).min(dim=1).values
        assert near.max() < 0.3 and torch.equal(curve[0], found.curves[0][0])


def test_three_ends_at_one_fork_in_ten_axes():
    """F1 at least 0.95 with eight axes of noise beside those of the tree."""
    data, _ = tree(3, n_branchings=1, n_fates=3)
    noise = 0.15 * np.random.default_rng(0).normal(size=(len(data.x), 8))
    data = snapshot(np.concatenate([data.x, noise], axis=1), **data.labels)
    assert branch_f1(trained("monocle", data, **START), data) >= 0.95


def test_ends_near_each_other_are_not_joined_across_a_sparse_branch():
    """F1 at least 0.95 where nodes that begin at centers of k-means join two of three ends (F1 0.58)."""
    data, _ = tree(6)
    assert branch_f1(trained("monocle", data, **START), data) >= 0.95


def test_the_map_is_orthonormal_and_leaves_out_an_axis_of_noise():
    """Cells along two lines in the first two of three axes: the third has a loading below 0.1."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 3)) * [3, 0.1, 0.1], rng.normal(size=(60, 3)) * [0.1, 3, 0.1]])
    found = principal_tree(x, 2, x[rng.choice(120, 12, replace=False)], 1e-3, 0.1, 10.0, 20)
    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(2), atol=1e-9)
    assert np.abs(found.axes[2]).max() < 0.1 and len(found.edges) == 11


def test_short_branches_go_and_the_last_edges_are_long():
    nodes = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [2, 0.3], [2, 3], [2, 1.5]], float)
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [2, 5], [5, 7], [7, 6]])
    whole = PrincipalTree(np.zeros(2), np.eye(2), np.vstack([nodes, [1, 0.2]]), np.vstack([edges, [1, 8]]))
    kept = whole.pruned(0.1)
    assert [1, 0.2] not in kept.nodes.tolist() and len(kept.edges) == len(kept.nodes) - 1
    assert len(kept.rooted(0).lineages) == 2
    lengths = np.linalg.norm(np.diff(kept.nodes[kept.edges], axis=1)[:, 0], axis=1)
    ends = np.bincount(kept.edges.ravel())[kept.edges].min(axis=1) == 1
    assert ends.sum() == 3 and lengths[ends].min() > 0.1 * 5


def test_the_same_seed_gives_the_same_tree_and_a_stored_one_answers_alike(fork):
    data, _, model = fork
    np.testing.assert_array_equal(order(trained("monocle", data, **START), data), order(model, data))
    back = registry.create("monocle", START, data.spec, 1)
    back.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(order(back, data), order(model, data))
    assert not model.notes() and other_order(model, data) is None
    both = trained("monocle", data)
    assert any("No root can be found" in each for each in both.notes())
    assert spearmanr(order(both, data), other_order(both, data))[0] < -0.2


def test_islands_and_too_few_cells_are_refused_and_a_ring_is_noted():
    with pytest.raises(ValueError, match="2 islands"):
        trained("monocle", islands())
    with pytest.raises(ValueError, match="11 cells are too few"):
        trained("monocle", snapshot(np.random.default_rng(0).normal(size=(11, 2))))
    for cells, words in ((ring(), "on a cycle"), (finished_types(), "finished types")):
        assert any(words in each for each in trained("monocle", snapshot(cells)).notes())
