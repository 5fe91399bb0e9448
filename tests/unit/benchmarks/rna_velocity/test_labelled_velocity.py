"""The benchmark of labelled cells compares both models of the pulse with the closed form."""

from __future__ import annotations

import json

import labelled_velocity


def test_three_rows_a_seed(tmp_path):
    out = tmp_path / "rows.json"
    labelled_velocity.main(["--seeds", "0", "--cells", "120", "--steps", "10", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [each["estimate"] for each in rows] == ["closed form", "constant", "field"]
    assert all(-1 <= each["cosine"] <= 1 and each["size"] > 0 for each in rows)
    assert 0.4 < rows[0]["cosine"] < 0.9
