"""Orders beside each other, beside what is known, and beside those that need no method."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.lineage.branch_scores import branch_f1
from cellflow_core.analysis.lineage.order_agreement import order_agreement, stage_of_cells
from cellflow_core.reporting import fate_summaries

RNG = np.random.default_rng(0)
PLACE = RNG.uniform(0, 1, 400)
X = np.stack([np.cos(3 * PLACE), np.sin(3 * PLACE)], axis=1) + 0.02 * RNG.normal(size=(400, 2))
"""An arc: the first principal component and the distance from one end have the order, the latter less well."""


def test_orders_alike_and_one_that_is_not():
    """Reversed: correlation -1, turned round for the spread; at random: cells placed apart, no correlation."""
    found = order_agreement({"a": PLACE, "b": -(PLACE**3), "c": RNG.uniform(size=400)}, X, PLACE, "the truth")
    np.testing.assert_allclose(found.rho[0, :2], [1, -1], atol=1e-9)
    assert np.abs(found.rho[0, 2]) < 0.15 and found.names[3:] == ("first principal component", "distance from the root")
    np.testing.assert_allclose(found.spearman[:2], [1, -1], atol=1e-9)
    np.testing.assert_allclose(found.kendall[:2], [1, -1], atol=1e-9)
    assert any(each.startswith("b begins near the other end") for each in found.notes)
    assert found.spearman[3:].min() > 0.9
    two = order_agreement({"a": PLACE, "b": -(PLACE**3)}, X)
    assert two.spread.max() < 1e-9 < np.median(found.spread) and np.isnan(two.spearman).all()
    assert "Agreement does not say" in fate_summaries.of_orders(two).why


def test_stages_are_known_of_some_cells_and_the_trivial_orders_are_the_bar():
    stages = np.where(PLACE < 0.3, 0.0, np.where(PLACE > 0.7, 1.0, np.nan))
    worse = PLACE + 0.5 * RNG.normal(size=400)
    found = order_agreement({"worse": worse, "right": PLACE}, X, stages, "the stages of kind")
    assert found.cells == np.isfinite(stages).sum() and found.spearman[1] > found.spearman[0]
    poor = fate_summaries.of_orders(order_agreement({"worse": worse}, X, stages, "the stages of kind"))
    assert poor.trust == "poor" and "the methods tell no more of it" in poor.why
    rows = fate_summaries.order_rows(found)
    assert list(rows) == [
        "order",
        "Spearman with the stages of kind",
        "Kendall with the stages of kind",
        "with worse",
        "with right",
    ]
    with pytest.raises(ValueError, match="no model has ordered"):
        order_agreement({}, X)


def test_branches_are_matched_one_to_one_with_the_ends():
    ends = np.array(["a", "a", "b", "b", "between"])
    right = np.array([[0, 1], [0, 1], [1, 0], [1, 0], [1, 1]], dtype=float)
    assert branch_f1(right, ends, ends != "between") == 1
    assert branch_f1(np.ones((5, 1)), ends, ends != "between") == pytest.approx(1 / 3)
    assert np.isnan(branch_f1(np.zeros((5, 0)), ends, ends != "between"))


def test_branches_of_methods_stand_beside_clusters_that_need_none():
    """Ends that no cluster can tell from each other: a method that can has F1 1, k-means about what chance gives."""
    side = np.resize(["up", "down"], 400)
    weight = np.stack([side == "up", side == "down"], axis=1).astype(float)
    found = order_agreement({"a": PLACE, "b": PLACE}, X, None, "", {"a": weight}, side, ("up", "down"))
    np.testing.assert_allclose(found.branch_f1, [1, np.nan, np.nan, np.nan])
    assert 0.3 < found.cluster_f1 < 0.7
    assert (
        "F1 of the branches" in fate_summaries.order_rows(found) and "k-means" in fate_summaries.of_branches(found)[0]
    )
    with pytest.raises(ValueError, match="the groups are down, up"):
        order_agreement({"a": PLACE}, X, None, "", {}, side, ("up", "left"))
    with pytest.raises(ValueError, match="two groups or more"):
        stage_of_cells(side, ("up",))
