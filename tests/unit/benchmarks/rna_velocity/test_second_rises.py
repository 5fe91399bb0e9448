"""The benchmark of second rises: its rows, and its table."""

from __future__ import annotations

import second_rises as benchmark
from velocity_cases import case


def test_a_boosted_lineage_is_warned_of_and_a_table_counts_it():
    rows = []
    for boosted in (0.0, 0.4):
        found = benchmark.row(case("transcriptional-boosting", 0, 300, "", {"boosted": boosted}))
        assert found["genes"] == 60 and found["warns"] == (boosted > 0) and 0.5 < found["cosine"] < 1
        assert ("found" in found) == (boosted > 0)
        rows.append({"case": f"boosted {boosted}", "seed": 0} | found)
    assert rows[1]["found"] > 0.9 and rows[1]["false"] == 0
    lines = benchmark.shown(rows).splitlines()
    assert lines[2].startswith("| boosted 0.0 | 1 |") and "| 0 |" in lines[2]
    assert "40% (40% to 40%) | 1 |" in lines[3]
