"""The program that judges rules for the price of growth: what is nested never sees the time that it is judged on."""

from __future__ import annotations

import json

import growth_penalty as program
import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.transport import growth_penalty as chosen
from cellflow_core.models.transport.ot_solvers import Exact, Unbalanced

CHEAP, HEAVY = ("both", 0.1), ("both", 10.0)


def fold(outer: float, *inner: float, course: str = "a") -> program.Fold:
    """`off` of the cheap price; dear growth is as good as none."""
    return program.Fold(course, 1.0, {CHEAP: outer, HEAVY: 0.0}, [{CHEAP: each, HEAVY: 0.0} for each in inner])


def test_a_nested_rule_goes_by_inner_times():
    rule = program.nested([HEAVY, CHEAP], HEAVY)
    assert rule(fold(0.3, -0.2, -0.1)) == 0.3  # it was misled, and says so
    assert rule(fold(-0.3, 0.2, -0.1)) == 0.0
    assert rule(fold(-0.3, -chosen.TIE_TOLERANCE, 0.0)) == 0.0  # no better: dear
    assert rule(fold(-0.3)) == 0.0
    assert program.nested([HEAVY, CHEAP], CHEAP)(fold(-0.3)) == -0.3


def test_each_course_has_one_vote(monkeypatch):
    monkeypatch.setattr(program, "rules", lambda: {"cheap": program.always(CHEAP)})
    judged = program.judge([fold(0.1), fold(0.3), fold(-0.4, course="b")])
    assert judged == {"cheap": {"a": pytest.approx(0.2), "b": -0.4}}
    assert "-10.0  30.0" in program.table(judged)


def test_runs_on_the_files_that_are_there(tmp_path, monkeypatch, capsys):
    t = np.repeat([0.0, 1.0, 2.0, 3.0], 20)
    x = np.random.default_rng(0).normal(size=(80, 2)) + 4 * t[:, None]
    np.savez(tmp_path / "moving.npz", pcs=x, sample_labels=t)
    monkeypatch.setattr(program, "COURSES", {"moving": ("moving.npz", None), "gone": ("gone.npz", None)})
    monkeypatch.setattr(program, "PENALTIES", (10.0, 0.1))
    found = program.main(["--data", str(tmp_path), "--out", str(tmp_path / "growth_penalty.json")])
    assert json.loads((tmp_path / "growth_penalty.json").read_text())["rules"] == found["rules"]
    printed = [each["outer"]["both 0.1"] for each in found["folds"]]
    assert found["rules"]["both 0.1"]["moving"] == pytest.approx(np.mean(printed), abs=1e-4) and len(printed) == 2
    assert [len(each["inner"]) for each in found["folds"]] == [1, 1]
    message = capsys.readouterr()
    assert "there is no gone.npz" in message.err and "least in the mean" in message.out
    with pytest.raises(SystemExit, match="none of the courses"):
        program.main(["--data", str(tmp_path / "nowhere")])


def test_without_a_price_mass_is_even():
    t = np.repeat([0.0, 1.0, 2.0], 60)
    x = np.random.default_rng(0).normal(size=(180, 2)) + 4 * t[:, None]
    frames = SnapshotTensors.from_snapshots(Snapshots(x, t, AffineSpace.coordinates(("a", "b"))))
    asked = (Exact(), Unbalanced(0.02, 30.0), Unbalanced(0.02, 0.03))
    even, heavy, cheap = (chosen.interpolation_error(frames, 1, how, torch.Generator().manual_seed(0)) for how in asked)
    assert even == pytest.approx(heavy, rel=0.1) and cheap > 1.5 * even
