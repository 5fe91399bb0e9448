"""The benchmark of models of individuals keeps the rows of other draws, and no rows of other settings."""

from __future__ import annotations

import json

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
