"""Differences that are called: beyond the spread over draws of cells and seeds, and of one sign."""

from __future__ import annotations

import json

import numpy as np
import pytest
import resampled


def rows(name: str, over: list[float]) -> list[dict]:
    return [
        {"model": name, "seed": seed, "fold": fold, "over": value + shift}
        for seed, value in enumerate(over)
        for fold, shift in ((1.0, 0.1), (2.0, -0.1))
    ]


def test_a_difference_is_called_where_it_survives_other_cells():
    made = rows("near", [-0.10, -0.11, -0.09]) + rows("either", [-0.1, 0.4, -0.2]) + rows("far", [1.0, 1.0, 1.1])
    made += rows("once", [-1.0]) + rows("lacking", [-1.0, -1.0])[:-1]
    found = resampled.summary(made)
    assert {name: each["called"] for name, each in found.items()} == {"near": True, "either": False, "far": True}
    assert found["near"]["over"] == pytest.approx(-0.1) and found["near"]["sd"] == pytest.approx(0.02)
    assert found["either"]["alike"] == 1 and found["either"]["draws"] == 3


def test_cells_are_drawn_at_each_time_and_rows_of_other_seeds_kept(tmp_path, capsys):
    rng = np.random.default_rng(0)
    times = np.repeat([0.0, 1.0, 2.0], 20)
    np.savez(tmp_path / "line.npz", pcs=rng.normal(size=(60, 2)) + 4 * times[:, None], sample_labels=times)
    out = tmp_path / "rows.json"
    asked = ["--data", str(tmp_path / "line.npz"), "--dims", "2", "--out", str(out), "--models"]
    resampled.main([*asked, "gaussian-sb", "--seeds", "0,1"])
    found = resampled.main([*asked, "ot-displacement", "--seeds", "0,1"])
    assert [(row["model"], row["seed"]) for row in found["rows"]] == [
        ("gaussian-sb", 0),
        ("gaussian-sb", 1),
        ("ot-displacement", 0),
        ("ot-displacement", 1),
    ]
    assert found["rows"][0]["over"] != found["rows"][1]["over"] and found["failed"] == []
    assert resampled.main(["--show", str(out)]) == json.loads(out.read_text()) == found
    assert "| `gaussian-sb` |" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="counts"):
        resampled.main([*asked, "cfgen", "--seeds", "0"])
