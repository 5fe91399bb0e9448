"""The benchmark of models of individuals keeps the rows of other draws, and no rows of other settings."""

from __future__ import annotations

import json

import balancing
import individuals as program
import pytest


def test_rows_of_other_draws_are_kept(tmp_path, monkeypatch, capsys):
    out = tmp_path / "rows.json"
    monkeypatch.setitem(program.PARTS, "lnode", lambda draw, use: iter([{"row": "pressure", "error %": 2.0 + draw}]))
    for draws in ("0,1", "1,2"):
        program.main(["lnode", "--draws", draws, "--steps", "5", "--out", str(out)])
    found = json.loads(out.read_text())
    assert [each["draw"] for each in found["rows"]] == [0, 1, 2] and found["steps"] == 5
    assert "error % 3 (2 to 4)" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="another file"):
        program.main(["lnode", "--out", str(out)])


def test_rows_of_another_machine_are_told(tmp_path, monkeypatch):
    out = tmp_path / "rows.json"
    monkeypatch.setitem(program.PARTS, "lnode", lambda draw, use: iter([{"row": "pressure", "error %": 1.0}]))
    program.main(["lnode", "--out", str(out)])
    held = json.loads(out.read_text())
    out.write_text(json.dumps(held | {"machine": held["machine"] | {"system": "elsewhere"}}))
    program.main(["lnode", "--draws", "1", "--out", str(out)])
    found = json.loads(out.read_text())
    assert found["machine"]["system"] == "elsewhere"
    assert [each.get("machine") for each in found["rows"]] == [None, held["machine"]["system"]]


def test_balancing_is_held_against_none_draw_by_draw():
    """Differences of -0.1, 0.1 and 0.3: mean 0.1, and 4.303 * 0.2 / sqrt(3) either side (t, two degrees of freedom)."""
    rows = [{"draw": k, "row": "gamma 6: none", "RMSE %": 2.0 + k} for k in range(3)]
    rows += [{"draw": k, "row": "gamma 6: adversarial", "RMSE %": 1.9 + 1.2 * k} for k in range(3)]
    assert program.differences(rows) == (
        "gamma 6: adversarial less none: +0.100 (-0.397 to +0.597), less in 1 of 3 draws"
    )


def test_a_rising_weight_is_held_against_none_of_the_same_draw():
    size = {"patients": 400, "steps": 10, "gamma": 6.0}
    rows = [{**size, "weight": 0.0, "draw": 10, "RMSE %": 2.0}, {**size, "weight": 1.0, "draw": 10, "RMSE %": 2.25}]
    rows += [{**size, "weight": 1.0, "draw": 11, "RMSE %": 9.0}]
    assert balancing.table(rows) == "400 patients, 10 steps, gamma 6, weight 1 less none: +0.250"
