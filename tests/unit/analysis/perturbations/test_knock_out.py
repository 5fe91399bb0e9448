"""Genes held at a level, and what that changes in the fates."""

import re

import numpy as np
import pytest
import torch

from cellflow_core.analysis.perturbations.clamp import Clamped
from cellflow_core.analysis.perturbations.controls import control_genes
from cellflow_core.analysis.perturbations.effects import MeasuredCloud
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.perturbations.levels import clamp_level, lowest_level
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.unit.analysis.splitting import DATA, VIEW, Noisy, Plans, Split


@pytest.mark.parametrize("kind", [Split, Noisy])
def test_a_clamp_keeps_the_gene_at_its_level_all_along(kind):
    rng = np.random.default_rng(1)
    weight, offset = rng.normal(size=3), 0.4
    made = simulate(Clamped(kind(), weight, offset, 1.5), DATA.at(0.0), np.linspace(0, 2, 9))
    np.testing.assert_allclose(made.x @ weight + offset, 1.5, atol=1e-5)


def test_a_clamp_moves_a_cell_the_shortest_way():
    held = Clamped(Split(), np.array([0.0, 2.0, 0.0]), 1.0, 5.0)
    x = torch.tensor([[1.0, 7.0, 3.0]])
    torch.testing.assert_close(held.project(x), torch.tensor([[1.0, 2.0, 3.0]]))
    torch.testing.assert_close(held.project_tangent(x), torch.tensor([[1.0, 0.0, 3.0]]))


def test_two_genes_are_held_at_once_and_clamps_nest():
    weight = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    made = simulate(Clamped(Split(), weight, np.zeros(2), np.array([2.0, 1.0])), DATA.at(0.0), [0.0, 1.0])
    np.testing.assert_allclose(made.x[:, :, :2], np.broadcast_to([2.0, -1.0], (2, 120, 2)), atol=1e-5)
    nested = Clamped(Clamped(Split(), np.array([0, 0, 1.0]), 0.0, 0.5), np.array([1.0, 0, 0]), 0.0, 2.0)
    np.testing.assert_allclose(
        simulate(nested, DATA.at(0.0), [0.0, 1.0]).x[-1][:, [0, 2]], [[2.0, 0.5]] * 120, atol=1e-5
    )


def test_a_gene_that_the_space_does_not_see_cannot_be_held():
    with pytest.raises(ValueError, match="loadings are zero"):
        Clamped(Split(), np.zeros(3), 0.0, 1.0)


def test_a_static_plan_cannot_answer_a_perturbation():
    with pytest.raises(ValueError, match="static plan"):
        perturbation(Plans(), DATA, VIEW, "Side")


@pytest.mark.parametrize(
    ("level", "sentence"),
    [
        (np.nan, "the level of Still must be a finite number, not nan"),
        (np.inf, "the level of Still must be a finite number, not inf"),
        (-3.0, "the level of Still must be at least 0, as its expression is in these data, not -3"),
    ],
)
def test_a_level_that_no_expression_can_have_is_refused(level: float, sentence: str) -> None:
    counted = Snapshots(np.abs(DATA.x), DATA.t, DATA.space, labels=DATA.labels)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        perturbation(Split(), counted, VIEW, "Still", level=level)


def test_a_level_below_zero_is_taken_where_expression_goes_below_it() -> None:
    scaled = Snapshots(DATA.x - DATA.x.mean(axis=0), DATA.t, DATA.space, labels=DATA.labels)
    assert perturbation(Split(), scaled, VIEW, "Up", level=-0.5).levels == (-0.5,)


@pytest.mark.parametrize("kind", [Split, Noisy])
def test_holding_a_gene_where_it_is_changes_nothing(kind):
    start = DATA.x.copy()
    start[:, 2] = 0.0
    data = Snapshots(start, DATA.t, DATA.space, labels=DATA.labels)
    still = perturbation(kind(), data, VIEW, "Still", level=0.0)
    if kind is Split:
        np.testing.assert_array_equal(still.before_end, still.after_end)
        np.testing.assert_allclose(still.change, 0.0, atol=1e-12)
        assert still.low.max() <= 0 <= still.high.min() + 1e-12
    # the noise that the clamp removes leaves some cells between the states and elsewhere
    before, after = (each[:2] / each[:2].sum() for each in (still.before, still.after))
    np.testing.assert_allclose(before, after, atol=0.08)


def test_the_change_of_fates_is_found_with_its_interval_and_controls():
    up = perturbation(Split(), DATA, VIEW, "Side", "over-expression", states="kind")
    assert up.names == ("right <b>", "left")
    np.testing.assert_allclose(up.before, [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(up.after, [1.0, 0.0])
    assert up.low[0] < up.change[0] < up.high[0] and up.high[0] - up.low[0] < 0.2
    assert set(up.control_genes) == {"Up", "Still"} and up.control_change.shape == (2, 2)
    assert np.abs(up.control_change).max() < 0.1
    assert up.before_paths.shape == up.after_paths.shape == (len(up.times), 60, 2)
    assert any("cause" in each for each in up.notes) and any("only 2 other genes" in each for each in up.notes)


def test_a_gene_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="'Nowhere'"):
        perturbation(Split(), DATA, VIEW, "Nowhere")


def test_states_far_from_every_cell_count_as_outside():
    assert MeasuredCloud(DATA.x).outside(DATA.x[None] + 50) == 1.0
    assert MeasuredCloud(DATA.x).outside(DATA.x[None]) == 0.0


def test_levels_of_a_knock_out_and_an_over_expression():
    counts = np.linspace(0, 4, 101)
    assert lowest_level(counts) == 0.0 and lowest_level(counts - 2) is None
    assert clamp_level(counts, "knock-out", 0.0) == 0.0
    assert clamp_level(counts, "over-expression", 0.0) == pytest.approx(3.96)
    assert clamp_level(counts - 2, "knock-out", None) == pytest.approx(-1.96)


def test_control_genes_are_others_and_alike():
    rng = np.random.default_rng(0)
    spread = np.repeat([0.1, 5.0], 150)
    x = (rng.normal(size=(80, 300)) * spread).astype(np.float32)
    data = Snapshots(x, np.zeros(80), AffineSpace.of_genes(tuple(f"g{k}" for k in range(300))))
    picked = control_genes(data, "g3", 0)
    assert len(set(picked)) == 20 and "g3" not in picked
    assert all(int(each[1:]) < 150 for each in picked)
