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
assert fold["time"] not in fold["t"]
assert sys.argv[3:8] == ["--method", "ot-cfm", "--seed", "3", "--iterations"]
assert sys.argv[9:] == ["--repository", "there"]
x = fold["start"] + [1 - float(sys.argv[8]), 0]
np.savez(sys.argv[2], x=x, weight=np.ones(len(x)), cpu=1.5)
"""


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, *more: str) -> dict:
    """The table of 24 cells at four times that go evenly, with `program` in the place of the authors'."""
    x = np.tile(np.random.default_rng(0).normal(size=(24, 2)), (4, 1))
    t = np.repeat(np.arange(4.0), 24)
    x[:, 0] += t
    np.savez(tmp_path / "cells.npz", pcs=x, sample_labels=t)
    (tmp_path / "stub.py").write_text(program)
    monkeypatch.setattr(run_case, "alone", lambda trial, make: make(trial))  # no process for ours
    monkeypatch.setitem(compare.PEERS, "ot-cfm", compare.Peer(str(tmp_path / "stub"), "ot-cfm"))
    asked = ["--peer", "ot-cfm", "--data", str(tmp_path / "cells.npz"), "--dims", "2", "--seeds", "3"]
    asked += ["--repository", "there", "--steps", "2", "--out", str(tmp_path / "table.json")]
    return compare.main([*asked, *more])


def test_a_program_of_another_environment_is_scored_on_the_folds_of_ours(tmp_path, monkeypatch, capsys):
    found = run(tmp_path, monkeypatch, STUB)
    assert found["failed"] == [] and [row["fold"] for row in found["rows"]] == [1, 2]
    with np.load(tmp_path / "cells.npz") as stored:
        x, t = stored["pcs"], stored["sample_labels"]
    x = (x - x.mean(0)) / x.std(0)
    for row in found["rows"]:
        still = wasserstein(x[t == row["fold"] - 1], x[t == row["fold"]])
        assert row["theirs"] == {"w1": pytest.approx(still, rel=1e-5), "cpu": 1.5, "iterations": 1}
        assert row["model"] == "ot-cfm" and row["w1"] > 0
    assert json.loads((tmp_path / "table.json").read_text()) == found
    printed = capsys.readouterr().out
    compare.main(["--out", str(tmp_path / "table.json")])
    mean = np.mean([row["theirs"]["w1"] for row in found["rows"]])
    assert capsys.readouterr().out == printed and f"| `ot-cfm` | all | {mean:.3f} |" in printed
    assert "`ot-cfm`" not in compare.table(found | {"rows": found["rows"][:1]})  # a time is missing


def test_rows_with_a_part_of_the_iterations_stand_beside_those_with_all(tmp_path, monkeypatch, capsys):
    whole = run(tmp_path, monkeypatch, STUB)
    run(tmp_path, monkeypatch, STUB, "--iterations", "0.5")
    found = run(tmp_path, monkeypatch, STUB, "--iterations", "0.25", "--fold", "2")
    assert found["rows"][:2] == whole["rows"]
    assert [(row["fold"], row["theirs"]["iterations"]) for row in found["rows"][2:]] == [(1, 0.5), (2, 0.5), (2, 0.25)]
    printed = capsys.readouterr().out.rpartition("|---|\n")[2].splitlines()
    assert [line.split(" | ")[1] for line in printed if line.startswith("|")] == [
        "50 %",
        "all",
    ]  # 25 %: a time is missing
    w1 = {row["theirs"]["iterations"]: row["theirs"]["w1"] for row in found["rows"] if row["fold"] == 2}
    scores = f"{w1[0.25]:.3f} at 25 %, {w1[0.5]:.3f} at 50 %, {w1[1]:.3f} at 100 %"
    assert printed[-1] == f"`ot-cfm`, time 2, seed 3: {scores} of the authors' iterations."
    assert w1[1] > w1[0.5] > w1[0.25]  # the stub goes the rest of the way


def test_a_difference_above_the_spread_is_bold_whichever_is_nearer(tmp_path, monkeypatch):
    """Over two seeds: ours nearer by 0.5, farther by 0.5, and nearer by less than the spread."""
    found = run(tmp_path, monkeypatch, STUB)

    def line(theirs: tuple[float, float], ours: tuple[float, float]) -> str:
        rows = [
            row | {"seed": seed, "w1": ours[seed], "theirs": row["theirs"] | {"w1": theirs[seed]}}
            for row in found["rows"]
            for seed in (0, 1)
        ]
        return compare.table(found | {"rows": rows}).splitlines()[-1]

    assert "| **-0.500 (spread 0.000)** |" in line((1.5, 1.5), (1.0, 1.0))
    assert "| **+0.500 (spread 0.000)** |" in line((1.0, 1.0), (1.5, 1.5))
    assert "| -0.100 (spread 0.283) |" in line((1.0, 1.4), (1.1, 1.1))


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
