"""Initial cells, terminal states, and the fates between them."""

from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.analysis.fates import fate_map, misfit, widened
from cellflow_core.analysis.initial_cells import select_initial_cells
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.unit.analysis.splitting import DATA, GENES, VIEW, Noisy, Plans, Split


def test_start_cells_of_a_polygon_and_a_label():
    box = ((-1.0, 0.0), (0.5, 0.0), (0.5, 9.0), (-1.0, 9.0))
    start = select_initial_cells(DATA, VIEW, 1000, polygon=box, label=("kind", "right <b>"))
    assert start.time == 0.0 and (start.x[:, 1] > 0).all() and "drawn region" in start.text
    assert len(select_initial_cells(DATA, VIEW, 10).cells) == 10
    with pytest.raises(ValueError, match="no measured cell"):
        select_initial_cells(DATA, VIEW, 10, polygon=((90.0, 90.0), (91.0, 90.0), (91.0, 91.0)))
    with pytest.raises(KeyError, match="there are: kind"):
        select_initial_cells(DATA, VIEW, 10, label=("colour", "red"))


def test_start_cells_are_of_the_time_with_most_of_those_chosen():
    few, many = DATA.t == 0.0, DATA.t == 1.0
    few[np.flatnonzero(few)[3:]] = False
    chosen = np.where(few | many | (DATA.t == 2.0), "chosen", "other")
    marked = replace(DATA, labels={"mark": chosen})
    start = select_initial_cells(marked, VIEW, 10_000, label=("mark", "chosen"))
    assert start.time == 1.0 and len(start.cells) == many.sum()
    late = replace(DATA, labels={"mark": np.where(DATA.t == 2.0, "chosen", "other")})
    assert select_initial_cells(late, VIEW, 10, label=("mark", "chosen")).time == 2.0


def test_terminal_states_are_found_and_named_by_an_annotation():
    ends = terminal_states(DATA)
    assert ends.names == ("state 1 (right <b>)", "state 2 (left)")
    np.testing.assert_allclose(ends.measured, [0.75, 0.25], atol=0.02)
    assert (ends.of(DATA.at(2.0)) == np.where(DATA.at(2.0)[:, 1] > 0, 0, 1)).all()


def test_an_annotation_that_all_last_cells_share_names_no_state():
    day = {"day": np.where(DATA.t == 2.0, "6", "2"), **DATA.labels}
    assert terminal_states(replace(DATA, labels=day)).names == ("state 1 (right <b>)", "state 2 (left)")
    assert terminal_states(replace(DATA, labels={"day": day["day"]})).names == ("state 1", "state 2")


def test_one_cloud_is_one_terminal_state_and_says_so():
    rng = np.random.default_rng(0)
    data = Snapshots(rng.normal(size=(300, 3)).astype(np.float32), np.zeros(300), AffineSpace.of_genes(GENES))
    ends = terminal_states(data)
    assert ends.names == ("state 1",) and "only one terminal state" in ends.notes[0]


def test_fates_of_each_start_cell_and_their_shares():
    for kind in (Split, Noisy, Plans):
        made = fate_map(kind(), DATA, VIEW)
        np.testing.assert_allclose(made.share, [0.75, 0.25], atol=0.08)
        assert (made.low <= made.share).all() and (made.share <= made.high).all()
        np.testing.assert_allclose(made.probability.sum(axis=1), 1.0)
        assert made.probability[made.starts[:, 1] > 0.35, 0].mean() > 0.8
    assert "3 trainings" in fate_map(Split(), DATA, VIEW, siblings=(Split(), Split())).interval


def test_a_column_of_training_and_test_cells_names_no_state():
    """Most cells of every state are for training: that says nothing of them."""
    split = np.where(np.random.default_rng(0).random(len(DATA.t)) < 0.8, "train", "test")
    assert terminal_states(replace(DATA, labels={"split": split})).names == ("state 1", "state 2")
    assert terminal_states(replace(DATA, labels={"split": split, **DATA.labels})).names[1] == "state 2 (left)"


def test_the_cells_on_the_map_are_those_of_the_bars():
    made = fate_map(Split(), DATA, VIEW)
    np.testing.assert_allclose(np.bincount(made.fate) / len(made.fate), made.share)
    assert made.elsewhere == 0 and made.undefined < 0.05
    np.testing.assert_array_equal(VIEW.points[made.rows], made.starts)


def test_last_cells_that_define_no_state_are_counted():
    rng = np.random.default_rng(0)
    x = np.concatenate([DATA.x, 20 * rng.normal(size=(90, 3))]).astype(np.float32)
    t = np.concatenate([DATA.t, np.full(90, 2.0)])
    assert terminal_states(Snapshots(x, t, DATA.space)).undefined > 0.25


def test_a_share_that_misses_the_measured_one_is_less_certain():
    share, low, high = np.array([0.5, 0.5]), np.array([0.45, 0.45]), np.array([0.55, 0.55])
    made = widened(share, low, high, misfit(share, np.array([0.6, 0.4]), 10**9))
    miss = np.hypot(0.05, 0.196)
    np.testing.assert_allclose(made, [share - miss, share + miss], atol=1e-4)
    np.testing.assert_allclose(widened(share, low, high, misfit(share, share, 10**9)), [low, high], atol=1e-4)
    sampled = np.hypot(0.05, 1.96 * 0.05)  # 100 cells: a standard error of 0.05
    np.testing.assert_allclose(widened(share, low, high, misfit(share, share, 100)), [share - sampled, share + sampled])
    miss = misfit(np.array([0.95]), np.array([0.8]), 10**9)
    near_one = widened(np.array([0.95]), np.array([0.9]), np.array([1.0]), miss)
    assert near_one[1] == 1 and 0 < near_one[0] < 0.7
    added = widened(np.array([0.1]), np.array([0.05]), np.array([0.15]), miss, least=-1.0)
    np.testing.assert_allclose(added, [[0.1 - np.hypot(0.05, miss[0])], [0.1 + np.hypot(0.05, miss[0])]])
