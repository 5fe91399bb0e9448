"""Orders by diffusion on trees that are known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.transitions.fates import absorption, transition_fates
from cellflow_core.models import registry
from tests.truth.models.pseudotime.simulated import (
    START,
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
ORDERS = ("dpt", "palantir")


@pytest.fixture(scope="module", params=ORDERS)
def found(request):
    """(name, cells of a fork, place along it, model)."""
    data, place = tree(3, n_branchings=1, n_fates=2, cells_per_time=150)
    return request.param, data, place, trained(request.param, data, **START)


def test_the_order_is_the_place_along_the_fork(found):
    """Spearman at least 0.95; the order of places that were not measured is that of the cells around."""
    _, data, place, model = found
    assert spearmanr(order(model, data), place)[0] >= 0.95
    between = snapshot((data.x[:-1] + data.x[1:]) / 2)
    assert np.isfinite(order(model, between)).all()


def test_transitions_lead_to_the_end_of_the_own_branch(found):
    """Cells past the fork go to their own end with a mean probability above 0.9."""
    _, data, place, model = found
    fate = np.asarray(data.labels["fate"])
    ends = np.where(place > np.quantile(place, 0.85), fate, "between")
    data = snapshot(data.x, ends=ends)
    found_fates = absorption(model, data, "ends", ("end 1", "end 2"))
    for k, name in enumerate(found_fates.terminal.names):
        assert found_fates.chance[fate == name, k].mean() > 0.9
    step = found_fates.chain @ place - place
    assert step[(place > 0.3) & (place < 2.5)].mean() > 0


@pytest.mark.parametrize("settings", [{}, {"n_branchings": 1, "n_fates": 2}])
def test_palantir_finds_the_ends_of_a_tree_and_how_open_each_fate_is(settings):
    """Every end is found, at most one of them twice; 95 % of the cells past the forks go to their own end, and the
    entropy falls by at least 0.3 bits along the tree."""
    data, place = tree(6, cells_per_time=120, **settings)
    fate, model = np.asarray(data.labels["fate"]), trained("palantir", data, **START)
    view = Embedding("pca", ("x1", "x2"), data.x[:, :2], data.x)
    found = transition_fates(model, data, view)
    ends = [name.split("(")[1].rstrip(")") for name in found.names]
    assert set(ends) == set(fate) - {"undecided"} and len(ends) <= len(set(ends)) + 1
    likeliest, past = np.array(ends)[found.probability.argmax(axis=1)], fate[found.rows] != "undecided"
    assert (likeliest == fate[found.rows])[past].mean() > 0.95
    early = place[found.rows] < 0.5
    assert found.entropy[early].mean() > found.entropy[past].mean() + 0.3
    back = registry.create("palantir", START, data.spec, 1)
    back.load_state_dict(model.state_dict())
    assert back.terminal_cells().equal(model.terminal_cells())


def test_the_same_seed_gives_the_same_model_and_a_stored_one_answers_alike(found):
    name, data, _, model = found
    again = trained(name, data, **START)
    np.testing.assert_array_equal(order(again, data), order(model, data))
    back = registry.create(name, START, data.spec, 1)
    back.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(order(back, data), order(model, data))
    np.testing.assert_array_equal(back.transitions().values().numpy(), model.transitions().values().numpy())


def test_without_a_beginning_both_ends_of_the_first_component_have_their_order(found):
    name, data, place, model = found
    assert not model.notes() and other_order(model, data) is None
    both = trained(name, data)
    assert any("No root can be found" in each for each in both.notes())
    firsts = [place[each.argmin()] for each in (order(both, data), other_order(both, data))]
    assert all(first < np.quantile(place, 0.1) or first > np.quantile(place, 0.8) for first in firsts)
    assert np.abs(np.subtract(*firsts)) > 0.5 or min(firsts) > np.quantile(place, 0.8)


@pytest.mark.parametrize("name", ORDERS)
def test_islands_are_refused_and_a_group_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match="2 islands of 200, 200 cells"):
        trained(name, islands())
    data = snapshot(np.random.default_rng(0).normal(size=(80, 2)), kind=np.full(80, "a"))
    with pytest.raises(ValueError, match="no group 'b'"):
        trained(name, data, start="b", start_annotation="kind")


@pytest.mark.parametrize("name", ORDERS)
def test_a_cycle_and_finished_types_are_noted(name):
    for cells, words in ((ring(), "on a cycle"), (finished_types(), "finished types")):
        assert any(words in each for each in trained(name, snapshot(cells)).notes())
