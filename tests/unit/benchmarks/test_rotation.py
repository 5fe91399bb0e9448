"""The program that prints which models keep the rotation of a cell cycle."""

from __future__ import annotations

import json
from pathlib import Path

import rotation
import torch


def test_the_program_writes_its_table(tmp_path, capsys):
    threads, out = torch.get_num_threads(), tmp_path / "rotation.json"
    asked = ["--models", "ot-cfm:velocity_weight=1,curly-fm", "--seeds", "0", "--cells", "20", "--steps", "4"]
    rotation.main([*asked, "--out", str(out)])
    torch.set_num_threads(threads)
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 4 and {each["model"] for each in rows} == {"ot-cfm:velocity_weight=1", "curly-fm"}
    assert all(each["radius"] > 0 for each in rows) and capsys.readouterr().out.count("\n") == 4


def test_stored_rows_keep_the_rotation():
    """The stored table: the period of curly-fm within 10 % of 24 hours, and OT-CFM that does not turn."""
    rows = json.loads((Path(rotation.__file__).parent / "results" / "rotation.json").read_text())["rows"]
    mixed = [each for each in rows if each["data"] == "mixed phases"]
    assert all(abs(each["period"] / 24 - 1) < 0.1 for each in mixed if each["model"] == "curly-fm")
    assert all(abs(each["turns_per_day"]) < 0.1 for each in mixed if each["model"] == "ot-cfm")
