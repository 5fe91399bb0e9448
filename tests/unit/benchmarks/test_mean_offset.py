"""The part of an error that is an offset of the mean, and what the course of the means tells."""

from __future__ import annotations

import json

import cells
import mean_offset
import numpy as np
import pytest

from cellflow_core.data.snapshots import Snapshots


def course(offsets: np.ndarray, count: int = 400) -> Snapshots:
    """Clouds on a line of the plane, each time with an offset of its own [times, 2]."""
    rng = np.random.default_rng(0)
    t = np.repeat(np.arange(len(offsets), dtype=float), count)
    x = rng.normal(scale=0.1, size=(len(t), 2)) + np.stack([t, 2 * t], axis=1) + np.repeat(offsets, count, axis=0)
    return cells.snapshots(x, t, 2, scaled=False, mass=False, name="line")


def test_second_differences_are_alike_on_a_smooth_course_and_alternate_where_times_are_offset():
    times = np.arange(300)
    smooth = np.stack([1000 * np.sin(times / 20), 0 * times], axis=1)
    assert np.mean(mean_offset.courses(course(smooth, count=20))["cosines"]) > 0.6
    offset = np.random.default_rng(1).normal(size=(300, 2))
    cosines = mean_offset.courses(course(offset, count=20))["cosines"]
    assert np.mean(cosines) == pytest.approx(-2 / 3, abs=0.1)


def test_the_cubic_meets_a_cubic_course_and_the_straight_line_does_not():
    times = np.arange(5.0)
    found = mean_offset.courses(course(np.stack([times**3, 0 * times], axis=1)))["times"]
    assert [each["fold"] for each in found] == [1.0, 2.0, 3.0]
    for each in found:
        assert each["courses"]["cubic"] < 4 * each["sampling"] < 0.1
        assert each["courses"]["straight"] == pytest.approx(3 * each["fold"], abs=0.05)


def test_an_offset_is_told_from_the_rest_of_the_error(tmp_path, capsys):
    shift = np.array([[0, 0], [3, 0], [0, 0]])
    data = course(shift, count=100)
    np.savez(tmp_path / "line.npz", pcs=data.x, sample_labels=data.t)
    out = tmp_path / "rows.json"
    asked = ["--data", str(tmp_path / "line.npz"), "--dims", "2", "--raw", "--seeds", "0", "--out", str(out)]
    found = mean_offset.main([*asked, "--models", "ot-displacement"])
    (row,) = found["rows"]
    assert row["offset"] == pytest.approx(3, abs=0.05) and row["w1"] == pytest.approx(3, abs=0.1)
    assert row["centred"] < 0.1
    assert mean_offset.main(["--show", str(out)]) == json.loads(out.read_text()) == found
    assert "| `ot-displacement` |" in capsys.readouterr().out
