"""Slingshot and TSCAN on trees that are known, and on cells that are none. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from cellflow_core.data.simulators.registry import create
from cellflow_core.models import registry
from cellflow_core.models.context import Context
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
TREES = ("slingshot", "tscan")


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("settings", [{"n_branchings": 1, "n_fates": 2}, {}], ids=["two ends", "three ends"])
def test_order_and_branches_of_a_tree_are_found(name, settings):
    """Spearman with the place along the tree at least 0.97, F1 of the branches at least 0.95."""
    for seed in (3, 4):
        data, place = tree(seed, **settings)
        model = trained(name, data, **START)
        assert spearmanr(order(model, data), place)[0] >= 0.97
        assert branch_f1(model, data) >= 0.95


@pytest.mark.parametrize("name", TREES)
def test_lineages_begin_together_and_every_state_is_on_one(name):
    data, place = tree(3, n_branchings=1, n_fates=2)
    model = trained(name, data, **START)
    found = model.lineages(torch.from_numpy(data.x), Context())
    assert found.weight.shape == (len(data.x), 2) and len(found.curves) == 2
    assert float((found.curves[0][0] - found.curves[1][0]).norm()) < 0.05
    assert float(found.weight.min()) >= 0 and float(found.weight.sum(dim=1).min()) > 0
    assert (found.weight.numpy()[place < 0.3] > 0.5).all(axis=1).mean() > 0.95
    assert (np.diff([float((each[-1] - each[0]).norm()) for each in found.curves]) < 0.5).all()


@pytest.mark.parametrize("name", TREES)
def test_named_groups_are_the_nodes_of_the_tree(name):
    data, place = tree(3, n_branchings=1, n_fates=2)
    fate = np.asarray(data.labels["fate"])
    half = np.where(place < 0.5, "early", np.where(place < 1.5, "middle", "late"))
    data = snapshot(data.x, stage=np.where(fate == "undecided", half, fate), fate=fate)
    model = trained(name, data, annotation="stage", start="early")
    assert spearmanr(order(model, data), place)[0] >= 0.95 and branch_f1(model, data) >= 0.95


@pytest.mark.parametrize("name", TREES)
def test_without_a_beginning_both_ends_of_the_longest_path_have_their_order(name):
    data, _ = tree(3, n_branchings=1, n_fates=2)
    model, rooted = trained(name, data), trained(name, data, **START)
    assert any("No root can be found" in each for each in model.notes())
    assert not rooted.notes() and other_order(rooted, data) is None
    other = other_order(model, data)
    assert spearmanr(order(model, data), other)[0] < -0.2
    back = registry.create(name, {}, data.spec, 1)
    back.load_state_dict(model.state_dict())
    assert back.notes() == model.notes() and np.array_equal(order(back, data), order(model, data))
    assert np.array_equal(other_order(back, data), other)


@pytest.mark.parametrize("name", TREES)
def test_islands_are_refused_and_a_cycle_and_a_cloud_are_noted(name):
    with pytest.raises(ValueError, match="2 islands of 200, 200 cells"):
        trained(name, islands())
    population = create("unchanging-population", {"cells_per_time": 500}).simulate().x
    cloud = np.linalg.svd(np.log1p(population) - np.log1p(population).mean(axis=0))[0][:, :5]
    for cells in (ring(), cloud):
        assert any("on a cycle" in each for each in trained(name, snapshot(cells)).notes())
    assert any("finished types" in each for each in trained(name, snapshot(finished_types())).notes())


@pytest.mark.parametrize("name", TREES)
def test_what_is_not_there_is_named(name):
    data, _ = tree(3, n_branchings=1, n_fates=2)
    for settings, words in (
        ({"annotation": "nobody"}, "they have place, fate"),
        ({"annotation": "fate", "start": "nowhere"}, "no group 'nowhere'"),
        ({"start": "first"}, "need an annotation"),
    ):
        with pytest.raises(ValueError, match=words):
            trained(name, data, **settings)
    with pytest.raises(ValueError, match="too few for 12 clusters"):
        trained(name, snapshot(data.x[:20]))
