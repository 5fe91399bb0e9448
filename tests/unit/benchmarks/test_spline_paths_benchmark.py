"""The program that judges paths: a curve favours splines, and files that are not there are told."""

from __future__ import annotations

import json
from pathlib import Path

import growth_penalty
import numpy as np
import pytest
import spline_paths as program

from cellflow_core.models.couplings.transport_spline import Settings
from cellflow_core.models.paths.spline_paths import NEIGHBOURS
from cellflow_core.models.transport.ot_solvers import Unbalanced

RESULTS = Path(program.__file__).parent / "results"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    t = np.repeat(np.arange(5.0), 30)
    middle = 2 * np.stack([np.cos(t * np.pi / 3), np.sin(t * np.pi / 3)], axis=1)
    x = np.random.default_rng(0).normal(middle, 0.1)
    np.savez(tmp_path / "turning.npz", pcs=x, sample_labels=t)
    monkeypatch.setattr(growth_penalty, "COURSES", {"turning": ("turning.npz", None), "gone": ("gone.npz", None)})
    return tmp_path


def test_on_a_curve_smooth_paths_come_nearer(folder, capsys):
    found = program.main(["--data", str(folder), "--out", str(folder / "spline_paths.json")])
    assert json.loads((folder / "spline_paths.json").read_text())["judged"] == found["judged"]
    for number in ("one", "plan"):
        rows = {name: row["turning"] for name, row in found["judged"][number].items()}
        assert rows["exact, straight"] == 0.0
        assert rows["exact, 25 around"] < -0.15
        assert rows[f"exact, {NEIGHBOURS} around, parabola"] < rows["exact, straight"]
        assert rows["blur 0.05, growth at 3, 25 around"] < rows["blur 0.05, growth at 3, straight"]
    assert len(found["w1"]["turning"]) == 3
    printed = capsys.readouterr()
    assert f"least: {program.least(found['judged']).name}" in printed.out and "there is no gone.npz" in printed.err


def test_without_any_course_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(growth_penalty, "COURSES", {"gone": ("gone.npz", None)})
    with pytest.raises(SystemExit, match="none of the courses"):
        program.main(["--data", str(tmp_path)])


def test_the_transport_spline_has_the_settings_that_came_nearest():
    stored = json.loads((RESULTS / "spline_paths.json").read_text())
    assert set(stored["judged"]["plan"]) == {path.name for path in program.variants()}
    assert set(stored["w1"]) == set(growth_penalty.COURSES)
    best, usual = program.least(stored["judged"]), Settings()
    assert best.solver == Unbalanced(usual.epsilon, usual.rho) and usual.coupling == "unbalanced"
    assert best.around == NEIGHBOURS


def test_how_far_the_mean_rests_on_one_course_is_printed(capsys):
    program.main(["--show", str(RESULTS / "spline_paths.json")])
    lines = capsys.readouterr().out.splitlines()[-4:]
    judged = json.loads((RESULTS / "spline_paths.json").read_text())["judged"]
    for line, number in zip(lines[::2], ("one", "plan"), strict=True):
        row = judged[number]["blur 0.05, growth at 3, 200 around"]
        rest = [value for course, value in row.items() if course != "emt latent"]
        assert line.startswith(
            f"{number}, blur 0.05, growth at 3, 200 around: mean {100 * np.mean([*row.values()]):.1f}, "
        )
        assert f"without emt latent: mean {100 * np.mean(rest):.1f}, median {100 * np.median(rest):.1f}" in line
    assert lines[1].startswith(
        "one, exact, 200 around: mean -4.6, median -0.8, worst 0.3 (mef-neuron); without emt latent"
    )
