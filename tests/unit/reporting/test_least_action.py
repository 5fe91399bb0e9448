"""Paths of least action in words and tables."""

from dataclasses import replace

import numpy as np

from cellflow_core.reporting.fields import least_action as words
from tests import example_groups


def test_the_direction_that_takes_more_is_given_with_its_range_and_the_straight_line():
    made = example_groups.least_action()
    found = words.of_least_action(made)
    assert found.answer == (
        "Going from Erythroid to Stem takes 4 times the action of going back: 2 (2 to 3 in 2 trainings) against 0.5 "
        "(0.4 to 0.5 in 2 trainings) state² / days. The same direction takes more in 2 of 2 trainings. The straight "
        "line takes 2 times the action of the path there, and 1.2 times back."
    )
    alike = replace(made, action=np.array([[1.0, 1.05]]), line=np.full((1, 2), 2.0))
    assert words.of_least_action(alike).answer.startswith(
        "Going from Stem to Erythroid takes about as much action as going back: 1 and 1.1 state² / days. The straight "
        "line takes 2 times"
    )
    down = replace(made, action=np.array([[0.001, 2.0]]), line=np.full((1, 2), 2.0), diffusion=0.1)
    assert words.of_least_action(down).answer.startswith(
        "The field itself leads from Stem to Erythroid, with an action of 0.001; going back takes 2. The straight line "
        "takes more than 100 times"
    )


def test_trust_falls_where_cells_are_far_or_the_search_did_not_settle():
    made = example_groups.least_action()
    found = words.of_least_action(made)
    assert found.trust == "poor" and "(there at 40% to 60% of its length)" in found.why
    assert "up to 9 days of the held field, and the cells were measured over 4 days" in found.why
    near = replace(made, distance=np.full((2, 11), 0.5))
    assert words.of_least_action(near).trust == "fair"
    assert words.of_least_action(near).why.startswith("Cells of this time are near all along both paths.")
    early = words.of_least_action(replace(near, converged=np.zeros((2, 2), bool)))
    assert early.trust == "poor" and "an upper bound" in early.why
    lost = replace(near, action=np.array([[0.5, 2.0], [np.nan, np.nan]]))
    assert "1 of 2 trainings have no path." in words.of_least_action(lost).why
    assert "have no such attractors" in words.of_least_action(replace(lost, place="attractor")).why


def test_genes_are_listed_by_size_and_in_the_order_in_which_they_change():
    made = example_groups.least_action()
    table = words.gene_rows(made)
    assert table["gene"] == ["Gata1", "Spi1", "Kit"]
    assert table["on the path it"] == ["rises", "falls", "rises, then falls"]
    np.testing.assert_allclose(table["half of the change, or its turn, at (% of the path)"], [75, 25, 50], atol=0.1)
    np.testing.assert_allclose([table["at Stem"], table["at Erythroid"]], [[0, 2, 0], [3, 0, 0]], atol=1e-12)
    assert table["trainings in which it rises in all"] == [2, 0, 0]
    assert words.of_genes(made).endswith("Spi1 falls (25%), Kit rises, then falls (50%), Gata1 rises (75%).")
    assert words.in_order(made, 2) == [1, 0]
    slight = replace(made, values=made.values * [1.0, 1.0, 0.1])
    assert words.in_order(slight, 3) == [1, 0], "a gene that hardly changes is in no picture"
    assert words.of_genes(replace(made, genes=(), values=np.zeros((2, 2, 11, 0)))) == ""


def test_tables_have_a_row_a_point_and_a_row_a_training():
    made = example_groups.least_action()
    groups = [["Stem"] * 5 + ["", "Myeloid"] + ["Erythroid"] * 4, ["Erythroid"] * 11]
    assert words.passed(groups[0]) == (
        "The nearest cells along the path there are of Stem, then Myeloid, then Erythroid."
    )
    table = words.path_rows(made, groups, "type")
    assert {len(each) for each in table.values()} == {22} and table["nearest cell (type)"][:5] == ["Stem"] * 5
    assert table["direction"][0] == "Stem to Erythroid" and table["direction"][11] == "Erythroid to Stem"
    assert table["cells near"].count("no") == 3 and table["share of the path (%)"][:2] == [0.0, 10.0]
    actions = words.action_rows(made)
    assert actions["training"] == [1, 1, 2, 2] and actions["least action (state² / days)"] == [0.5, 2.0, 0.4, 3.0]
    lost = replace(made, action=np.array([[0.5, 2.0], [np.nan, np.nan]]))
    assert words.action_rows(lost)["training"] == [1, 1]
    rows = words.gene_trace_rows(lost, "Kit", np.ones((2, 2, 11)))
    assert rows["training"] == [1] * 22 and rows["Kit"] == [1.0] * 22
