"""Orders beside each other, beside what is known, and beside those that need no method."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.lineage.order_agreement import order_agreement
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
