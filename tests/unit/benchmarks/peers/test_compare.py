"""The program that runs the authors' code beside ours, with programs of two lines in its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import run_case
from peers import compare

from cellflow_core.math.ot import wasserstein
from tests import ROOT

STUB = """
import numpy as np, sys
fold = np.load(sys.argv[1])
assert fold["time"] not in fold["t"] and sys.argv[3:] == ["--method", "ot-cfm", "--seed", "3", "--repository", "there"]
np.savez(sys.argv[2], x=fold["start"], weight=np.ones(len(fold["start"])), cpu=1.5)
"""


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> dict:
    """The table of 24 cells at four times that go evenly, with `program` in the place of the authors'."""
    x = np.tile(np.random.default_rng(0).normal(size=(24, 2)), (4, 1))
    t = np.repeat(np.arange(4.0), 24)
    x[:, 0] += t
    np.savez(tmp_path / "cells.npz", pcs=x, sample_labels=t)
    (tmp_path / "stub.py").write_text(program)
    monkeypatch.setattr(run_case, "alone", lambda trial, make: make(trial))  # no process for ours
    monkeypatch.setitem(compare.PEERS, "ot-cfm", compare.Peer(str(tmp_path / "stub"), "ot-cfm"))
    asked = ["--peer", "ot-cfm", "--data", str(tmp_path / "cells.npz"), "--dims", "2", "--seeds", "3"]
    return compare.main([*asked, "--repository", "there", "--steps", "2", "--out", str(tmp_path / "table.json")])


def test_a_program_of_another_environment_is_scored_on_the_folds_of_ours(tmp_path, monkeypatch, capsys):
    found = run(tmp_path, monkeypatch, STUB)
    assert found["failed"] == [] and [row["fold"] for row in found["rows"]] == [1, 2]
    with np.load(tmp_path / "cells.npz") as stored:
        x, t = stored["pcs"], stored["sample_labels"]
    x = (x - x.mean(0)) / x.std(0)
    for row in found["rows"]:
        still = wasserstein(x[t == row["fold"] - 1], x[t == row["fold"]])
        assert row["theirs"] == {"w1": pytest.approx(still, rel=1e-5), "cpu": 1.5}
        assert row["model"] == "ot-cfm" and row["w1"] > 0
    assert json.loads((tmp_path / "table.json").read_text()) == found
    printed = capsys.readouterr().out
    compare.main(["--out", str(tmp_path / "table.json")])
    mean = np.mean([row["theirs"]["w1"] for row in found["rows"]])
    assert capsys.readouterr().out == printed and f"| `ot-cfm` | {mean:.3f} |" in printed
    assert "`ot-cfm`" not in compare.table(found | {"rows": found["rows"][:1]})  # a time is missing


def test_rows_of_another_machine_are_told(tmp_path, monkeypatch):
    found = run(tmp_path, monkeypatch, STUB)
    kept = [row | {"seed": 2} for row in found["rows"]]
    held = found | {"machine": found["machine"] | {"system": "elsewhere"}, "rows": kept}
    (tmp_path / "table.json").write_text(json.dumps(held))
    later = run(tmp_path, monkeypatch, STUB)
    assert later["machine"]["system"] == "elsewhere" and later["rows"][:2] == kept
    assert [row["machine"] for row in later["rows"][2:]] == [found["machine"]["system"]] * 2


def test_a_program_that_fails_leaves_its_last_lines(tmp_path, monkeypatch):
    found = run(tmp_path, monkeypatch, "raise SystemExit('no such package')")
    assert found["rows"] == [] and all("no such package" in each["error"] for each in found["failed"])


def test_every_peer_says_where_it_comes_from_and_what_it_may_be_used_for():
    for peer in compare.PEERS.values():
        text = (ROOT / "benchmarks" / "peers" / f"{peer.module}.py").read_text().lower()
        assert all(word in text for word in ("version  ", "licence  ", "install  ", "settings")), peer.module
