"""The order and the lineages of a model in a view: where they begin, part and end, on a fork that is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.lineage.cell_lineages import branchings, cell_lineages, own_lineage
from cellflow_core.analysis.results import CellLineages
from cellflow_core.figures.lineage import lineages as figures
from cellflow_core.reporting import fate_summaries, result_tables
from tests.truth.models.pseudotime.simulated import START, ring, snapshot, trained, tree


@pytest.fixture(scope="module")
def fork():
    """(cells of a fork, place along it)."""
    return tree(3, n_branchings=1, n_fates=2, cells_per_time=60)


def drawn(model: str, data, **settings) -> CellLineages:
    return cell_lineages(trained(model, data, **settings), data, Embedding("pca", ("x1", "x2"), data.x[:, :2], data.x))


@pytest.mark.parametrize("model", ["tscan", "slingshot", "monocle"])
def test_a_fork_has_two_named_ends_one_branching_and_its_beginning(model, fork, tmp_path):
    """Cells past the fork are on their own lineage in at least 19 of 20; the branching lies within 0.8 of the fork."""
    data, place = fork
    found = drawn(model, data, **START)
    fate = np.asarray(data.labels["fate"])
    assert {each.split("(")[1] for each in found.names} == {"end 1)", "end 2)"}
    for k, name in enumerate(found.names):
        late = (fate == name.split("(")[1].rstrip(")")) & (place > 2.5)
        assert (found.own[late] == k).mean() > 0.95
    assert (found.own[place < 0.3] < 0).mean() > 0.9
    assert len(found.branchings) == 1 and 0.3 < found.branchings[0, 0] < 3
    assert (
        found.root[0] < 0.5
        and found.explained > 0.8
        and found.off_tree < 0.05
        and found.other_order is None
        and not found.doubts
    )
    found.save(tmp_path / "one.npz")
    back = CellLineages.load(tmp_path / "one.npz")
    assert back.names == found.names and np.array_equal(back.curves, found.curves)
    rows = result_tables.of_cell_lineages(back, data.x[:, :2])
    assert len(rows["cell"]) == len(data.x) and set(rows["lineage"]) == {*found.names, "several"}
    figure: Any = figures.lineages(back, data.x[:, :2], "branch")
    shown = [each.name for each in figure.data if each.showlegend is not False and each.name]
    assert shown[: len(found.names) + 1] == [*found.names, figures.SEVERAL]
    assert shown[-3:] == ["lineages", "beginning", "branching"] and len(figure.layout.annotations) == 2
    assert "2 lineages and 1 branchings" in figures.describe(back)


def test_without_a_root_both_orders_are_drawn_and_the_answer_is_not_trusted(fork):
    data, _ = fork
    found = drawn("dpt", data)
    assert not found.names and found.other_order is not None and len(found.branchings) == 0
    summary = fate_summaries.of_lineages(found)
    assert summary.trust == "poor" and "No root can be found" in summary.why and "no branches" in summary.answer
    traces: Any = [figures.lineages(found, data.x[:, :2], each).data for each in ("order", "other")]
    one, other = traces
    assert not np.allclose(one[0].marker.color, other[0].marker.color)
    assert (one[-1].x, one[-1].y) != (other[-1].x, other[-1].y)
    assert "from the other end" in figures.describe(found, "other")


def test_cells_on_a_cycle_are_said_not_to_be_a_trajectory():
    data = snapshot(ring(), place=np.resize(["first", *["later"] * 20], 600))
    summary = fate_summaries.of_lineages(drawn("tscan", data, **START))
    assert summary.trust == "poor" and "on a cycle" in summary.why and "0% of the cells are off them" in summary.why


def test_cells_that_fill_a_ball_are_off_the_tree(fork):
    cloud = snapshot(np.random.default_rng(0).normal(size=(600, 6)), place=np.resize(["first", *["later"] * 20], 600))
    assert drawn("tscan", cloud, **START).off_tree > 0.5
    far = fate_summaries.of_lineages(dataclasses.replace(drawn("tscan", fork[0], **START), off_tree=0.6))
    assert far.trust == "poor" and "no picture of them" in far.why and "60% of the cells are off" in far.why


def test_own_lineages_and_branchings_of_three_paths():
    assert own_lineage(np.array([[1, 0.2, 0], [1, 0.6, 0], [0, 0, 0.3]])).tolist() == [0, -1, 2]
    trunk, up, down = [[0, 0], [1, 0]], [[2, 1], [3, 2]], [[2, -1], [3, -1]]
    further = np.array([*trunk, *up, [6, 5]], float)
    found = branchings([further, np.array([*trunk, *down], float), np.array([*trunk, *up, [6, -1]], float)])
    np.testing.assert_allclose(found, [[1, 0], [3, 2]], atol=0.3)
    assert branchings([further]).shape == (0, 2)


def test_a_model_without_an_order_is_refused(fork):
    with pytest.raises(ValueError, match="gives cells no order"):
        drawn("cellrank", fork[0], **START)
