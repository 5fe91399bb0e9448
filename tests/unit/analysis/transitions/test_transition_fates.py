"""Fates from transitions between measured cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csc_array

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.transitions.drivers import fate_genes
from cellflow_core.analysis.transitions.ends import root_cells, settled_cells
from cellflow_core.analysis.transitions.fates import transition_fates
from cellflow_core.analysis.transitions.kernel import transitions
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import HasTransitions
from tests.unit.analysis.splitting import DATA as CLUMPS
from tests.unit.analysis.splitting import VIEW as CLUMPED
from tests.unit.analysis.splitting import Made, Plans, Split


def spread_out(cells: int = 600) -> Snapshots:
    """The cells that part in two, measured all along the way: three times, without gaps between."""
    rng = np.random.default_rng(0)
    height = np.sort(rng.uniform(0, 3, cells))
    side = np.where(np.arange(cells) % 4, 1.0, -1.0)
    x = np.stack([height, side * (0.2 + 2 * height), np.zeros(cells)], axis=1) + 0.1 * rng.normal(size=(cells, 3))
    kind = np.where(side > 0, "right <b>", "left")
    return Snapshots(x.astype(np.float32), np.floor(height), CLUMPS.space, "day", labels={"kind": kind})


DATA = spread_out()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)
TIMELESS = replace(DATA, t=None)


class Chain(Made, HasTransitions):
    """Each cell goes to the nearest cells of the next time."""

    def transitions(self):
        x, t = torch.from_numpy(DATA.x), torch.from_numpy(DATA.t)
        later = (t[None] == t[:, None] + 1).float() * (-4 * torch.cdist(x, x)).exp()
        later[t == 2] = torch.eye(len(t))[t == 2]
        return (later / later.sum(dim=1, keepdim=True)).to_sparse()


@pytest.mark.parametrize("kind", [Split, Chain])
def test_cells_go_to_the_state_of_their_side(kind):
    made = transition_fates(kind(), DATA, VIEW, "kind")
    assert made.names == ("right <b>", "left") and made.cells == "cells" and len(made.fate) == len(DATA.x)
    side = DATA.x[:, 1]
    assert made.probability[side > 1, 0].min() > 0.9 and made.probability[side < -1, 1].min() > 0.9
    np.testing.assert_allclose(made.share, [0.75, 0.25], atol=0.1)
    np.testing.assert_allclose(made.probability.sum(axis=1), 1.0, atol=1e-6)
    assert (made.low <= made.share).all() and (made.share <= made.high).all()
    assert f"{(DATA.t == 0).sum()} cells of time 0" in " ".join(made.notes)


def test_without_times_the_chain_finds_its_ends_and_its_roots():
    chain = transitions(Split(), TIMELESS)[0]
    ends, roots = settled_cells(chain), root_cells(chain)
    assert np.median(DATA.x[ends, 0]) > 2.5 and np.median(DATA.x[roots, 0]) < 0.5
    made = transition_fates(Split(), TIMELESS, VIEW, start="found")
    assert len(made.names) == 2 and np.isnan(made.measured).all()
    assert any("cells that the transitions settle in" in each for each in made.notes)
    np.testing.assert_array_equal(DATA.x[made.rows, :2], made.starts)
    assert f"{roots.sum()} cells that the transitions come from" in " ".join(made.notes)


def test_macrostates_are_the_two_ends():
    made = transition_fates(Split(), DATA, VIEW, "macrostates")
    assert sorted(each.split(" (")[1] for each in made.names) == ["left)", "right <b>)"]
    right = next(k for k, each in enumerate(made.names) if "right" in each)
    side = DATA.x[:, 1]
    assert made.probability[side > 1, right].min() > 0.9 and made.probability[side < -1, right].max() < 0.1
    assert np.isnan(made.measured).all() and any("GPCCA" in each and "crispness" in each for each in made.notes)
    assert any("All are terminal, so none is the beginning" in each for each in made.notes)
    two = transition_fates(Split(), DATA, VIEW, "macrostates 2")
    assert two.names == made.names
    np.testing.assert_allclose(two.probability, made.probability, atol=1e-6)
    entropy = made.entropy
    assert entropy[np.abs(side) > 1].max() < 0.5 and entropy.min() >= 0 and entropy.max() <= 1
    with pytest.raises(ValueError, match="found, not named"):
        transition_fates(Split(), DATA, VIEW, "macrostates", ends=("left",))
    with pytest.raises(ValueError, match="name the annotation"):
        transition_fates(Split(), DATA, VIEW, "macrostates", start="left")


def test_a_chain_without_ends_has_no_terminal_macrostates():
    with pytest.raises(ValueError, match="never leaves"):
        transition_fates(Chain(), DATA, VIEW, "macrostates")


def test_ends_and_start_cells_can_be_chosen_by_hand():
    level = np.array(["early", "middle", "late"])[DATA.t.astype(int)]
    data = replace(TIMELESS, labels={"level": level})
    made = transition_fates(Split(), data, VIEW, "level", ends=("late",), start="early")
    assert made.names == ("late",) and made.share == pytest.approx([1.0])
    assert "with level = early" in " ".join(made.notes)
    early = VIEW.points[level == "early"]
    farness = np.linalg.norm(early[:, None] - early, axis=2).sum(axis=1)
    np.testing.assert_array_equal(made.root, early[farness.argmin()])
    assert transition_fates(Split(), data, VIEW, "level", ends=("late",)).root is None, "all cells are no root"
    with pytest.raises(ValueError, match="its values are early, late, middle"):
        transition_fates(Split(), data, VIEW, "level", ends=("never",))
    with pytest.raises(ValueError, match="name the annotation"):
        transition_fates(Split(), data, VIEW, ends=("late",))


def test_values_that_few_of_the_last_cells_have_are_no_state():
    """Cells that stand among the ends by accident would take the fates of all that pass them."""
    rare = np.where(np.arange(len(DATA.x)) % 97 == 0, "passing", DATA.labels["kind"])
    made = transition_fates(Split(), replace(TIMELESS, labels={"kind": rare}), VIEW, "kind")
    assert made.names == ("right <b>", "left")
    assert any("fewer than 5%" in each for each in made.notes)


def test_start_cells_that_reach_nothing_are_left_out_and_counted():
    far = DATA.x.copy()
    far[:50, 2] += 1000
    made = transition_fates(Split(), replace(DATA, x=far), replace(VIEW, states=far), "kind")
    assert made.elsewhere == pytest.approx(50 / (DATA.t == 0).sum()) and len(made.fate) == len(DATA.x) - 50
    with pytest.raises(ValueError, match="no start cell can reach"):
        transition_fates(Split(), CLUMPS, CLUMPED)


def test_a_model_with_neither_transitions_nor_a_field_says_so():
    with pytest.raises(ValueError, match="no velocity field"):
        transition_fates(Plans(), DATA, VIEW)


def test_genes_that_go_with_a_fate_are_found_in_dense_and_sparse_tables():
    rng = np.random.default_rng(1)
    table = np.column_stack([DATA.x[:, 1] > 0, DATA.x[:, 0], rng.normal(size=len(DATA.x)), np.ones(len(DATA.x))])
    made = fate_genes(Split(), DATA, table.astype(np.float32), ("Right", "Height", "Noise", "Constant"), "kind")
    again = fate_genes(Split(), DATA, csc_array(table.astype(np.float32)), made.genes, "kind")
    np.testing.assert_allclose(made.correlation, again.correlation, atol=1e-5)
    chance = transition_fates(Split(), DATA, VIEW, "kind").probability
    expected = [np.corrcoef(chance[:, 0], table[:, g])[0, 1] for g in range(3)]
    np.testing.assert_allclose(made.correlation[0], [*expected, 0], atol=1e-5)
    assert made.correlation[0, 0] > 0.9 and made.correlation[1, 0] < -0.9 and abs(made.correlation[0, 2]) < 0.15
    assert (made.low <= made.correlation + 1e-6).all() and (made.correlation <= made.high + 1e-6).all()
    with pytest.raises(ValueError, match="one terminal state only"):
        fate_genes(Split(), replace(DATA, labels={"all": np.full(len(DATA.x), "a")}), table, made.genes, "all")


def test_chosen_start_cells_are_named_and_not_held_against_the_last_time():
    made = transition_fates(Split(), DATA, VIEW, "kind", start="left")
    assert made.of == "the 50 cells of time 1 with kind = left" and np.isnan(made.measured).all()
    assert made.high[0] < 0.2 and made.low[1] > 0.8
    with pytest.raises(ValueError, match="left is a group of no annotation"):
        transition_fates(Split(), DATA, VIEW, start="left")


def test_cells_on_their_way_to_another_state_than_the_chosen_are_left_out():
    made = transition_fates(Split(), DATA, VIEW, "kind", ends=("left",))
    assert made.elsewhere > 0.5 and np.allclose(made.probability, 1)
    assert len(made.starts) < 0.5 * len(DATA.x)


def test_cells_without_a_velocity_are_counted_in_words():
    class Still(Split):
        def velocity(self, t, x, context):
            return 0 * x

    notes = transition_fates(Still(), DATA, VIEW, "kind").notes
    assert any("600 of 600 cells have a velocity of zero" in each for each in notes)


def test_a_value_called_other_is_not_the_rest():
    rng = np.random.default_rng(2)
    many = np.array([f"group {k}" for k in rng.integers(0, 40, len(DATA.x))])
    many[::4] = "other"
    names = transition_fates(Split(), replace(DATA, labels={"kind": many}), VIEW, "kind").names
    assert len(set(names)) == len(names) and {"other", "other values"} <= set(names)


def test_start_cells_that_are_terminal_already_are_counted_in_words():
    notes = " ".join(transition_fates(Split(), TIMELESS, VIEW, "kind", ends=("left", "right <b>")).notes)
    assert "over the 600 cells, of which 600 are in a terminal state already" in notes
    assert "already" not in " ".join(transition_fates(Split(), DATA, VIEW, "kind").notes)


def test_an_annotation_that_is_called_found_is_asked_for_by_its_name():
    data = replace(TIMELESS, labels={"found": np.where(TIMELESS.x[:, 1] > 0, "up", "found")})
    assert set(transition_fates(Split(), data, VIEW, "found", ("up", "found")).names) == {"up", "found"}
    assert set(transition_fates(Split(), data, VIEW).names) != {"up", "found"}
