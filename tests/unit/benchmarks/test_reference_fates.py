"""The comparison with packages sees what is equal and what is not, without them."""

from __future__ import annotations

import numpy as np
import pytest
import reference_fates as benchmark


def test_equal_answers_have_no_difference_and_others_have():
    given = benchmark.inputs(*benchmark.tree(0))
    mine = benchmark.ours(given)
    mixed = np.roll(np.arange(2), 1)
    theirs = {key: each[:, mixed] if key.endswith("memberships 2") else each for key, each in mine.items()}
    theirs["slingshot"] = 2 * benchmark.slingshot(given) + 1
    rows = benchmark.compared(given, mine, theirs)
    assert [each.get("kernel", each.get("method")) for each in rows] == ["pseudotime", "velocity", "slingshot"]
    for row in rows[:2]:
        assert row["transitions"] == row["fates"] == row["memberships 2"] == 0 and row["sum"] < 1e-12
    assert rows[2]["pearson"] == pytest.approx(1)
    theirs["velocity fates"] = 1 - mine["velocity fates"]
    assert benchmark.compared(given, mine, theirs)[1]["fates"] > 0.9
    assert benchmark.compared(given, mine, {}) == []
