"""The benchmark of permutation scores: a row of few steps, and its table."""

from __future__ import annotations

import permutation_scores as benchmark


def test_a_row_has_scores_and_a_table_their_means():
    found = benchmark.row("splicing", {"genes": 12}, 0, 120, 10)
    assert found["data"] == "splicing, genes 12" and found["genes"] == 12 and found["groups"] == 12
    assert found["q05"] <= found["q50"] <= found["q95"] and 0 <= found["above"] <= found["above_1"] <= 1
    assert abs(found["limit"] - 2.63) < 0.01
    other = found | {"seed": 1, "above": 1.0, "above_1": 1.0}
    line = benchmark.shown([found | {"above": 0.5}, other]).splitlines()[2]
    assert line.startswith("| splicing, genes 12 | 2 | 12 | 2.6 | 75% |")
