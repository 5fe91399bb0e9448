"""The table of clonal fates: read as a user would, one row a way of training, differences in the same clones."""

from __future__ import annotations

import json

import clones as benchmark  # type: ignore[import-not-found]
import pytest

from cellflow_core.workspace import current


def test_rows_of_several_runs_stand_in_one_table(shared, tmp_path):
    file, out = shared / "weinreb_larry_cospar" / "larry_test_781cells.h5ad", tmp_path / "clones.json"
    before = current().root
    for model in ("ot-displacement", "waddington-ot:growth_iterations=1"):
        found = benchmark.main(["--data", str(file), "--dims", "5", "--models", model, "--out", str(out)])
    assert current().root == before
    assert found["failed"] == [] and found == json.loads(out.read_text())
    assert found["data"]["early_cells"] == 58 and found["data"]["by_time"] == {"2": 17, "4": 41}
    rows = {(row["model"], row["growth"]): row for row in found["rows"]}
    assert set(rows) == {("ot-displacement", "without")} | {
        ("waddington-ot:growth_iterations=1", each) for each in benchmark.GROWTH
    }
    for row in rows.values():
        assert 0 <= row["low"] <= row["auroc"] <= row["high"] <= 1 and len(row["predicted"]) == 58
    with pytest.raises(SystemExit, match=r"clones\.json"):
        benchmark.main(["--data", str(file), "--dims", "6", "--models", "ot-displacement", "--out", str(out)])


def test_differences_are_of_the_same_clones():
    """A prediction is over itself by nothing, and over its opposite by all, in every sample."""
    row = {"model": "a", "growth": "without", "auroc": 1.0, "predicted": [0.1, 0.2, 0.8, 0.9] * 5}
    same = row | {"model": benchmark.YARDSTICK, "growth": "with"}
    found = {"observed": [0.0, 0.0, 1.0, 1.0] * 5, "clone": list(range(20)), "rows": [row, same]}
    assert benchmark.over(found, row) == "+0.000 (+0.000 to +0.000)"
    other = same | {"auroc": 0.0, "predicted": [0.9, 0.8, 0.2, 0.1] * 5}
    assert benchmark.over(found | {"rows": [row, other]}, row) == "+1.000 (+1.000 to +1.000)"
    assert benchmark.over(found, same) == ""
