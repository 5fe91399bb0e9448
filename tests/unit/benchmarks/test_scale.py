"""The program that prints what models cost on few and on many cells."""

from __future__ import annotations

import json

import footprint
import numpy as np
import pytest
import scale
import torch
from synthetic_tree import CLONES, GROWTH, tree

from cellflow_core.data.snapshots import DataRequirement


@pytest.fixture
def threads():
    """The benchmark sets the threads of torch: they are as they were afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_the_program_writes_its_table(tmp_path, capsys):
    x, t = np.random.default_rng(0).normal(size=(90, 3)), np.repeat([0.0, 1.0, 2.0], 30)
    np.savez(tmp_path / "few.npz", pcs=x, sample_labels=t)
    out = tmp_path / "scale.json"
    asked = ["--file", str(tmp_path / "few.npz"), "--dims", "2", "--cells", "100,150", "--made-dims", "3"]
    asked += ["--steps", "2", "--out", str(out)]
    scale.main([*asked, "--models", "ot-displacement,i-cfm"])
    found = json.loads(out.read_text())
    assert list(found["data"]) == ["few", "tree 100", "tree 150"] and not found["failed"] and not found["refused"]
    assert found["data"]["few"]["fold"] == 1.0 and found["data"]["tree 100"]["fold"] == 2.0
    for row in found["rows"]:
        assert row["w1"] > 0 and row["weights_mb"] >= 0 and 0 <= row["prepare"] <= row["cpu"] + 0.01
        assert set(row["views"]) == set(footprint.PICTURES) and min(row["carry_mb"], row["views_mb"]) >= 0
    shown = capsys.readouterr().out
    assert all(
        each in shown
        for each in ("ot-displacement", "i-cfm", "still", "floor", "tree 150: 150 cells", found["date"][:10])
    )

    scale.main([*asked, "--models", "cfgen,ot-displacement"])
    again = json.loads(out.read_text())
    assert sorted({row["model"] for row in again["rows"]}) == ["i-cfm", "ot-displacement"] and len(again["rows"]) == 6
    assert len(again["refused"]) == 3 and "CFGen needs a state that decodes to counts" in again["refused"][0]["message"]
    with pytest.raises(SystemExit, match="scale.json"):
        scale.main([*asked, "--models", "ot-displacement", "--seed", "1"])


@pytest.mark.usefixtures("threads")
def test_a_file_that_is_not_there_is_left_out_with_a_sentence(tmp_path, capsys):
    found = scale.main(
        ["--file", str(tmp_path / "gone.npz"), "--cells", "60", "--made-dims", "3", "--models", "ot-displacement"]
    )
    assert list(found["data"]) == ["tree 60"] and "there is no file gone.npz here" in capsys.readouterr().err


def test_exponents_are_of_the_next_smaller_number_of_cells():
    def row(cells: int, prepare: float, memory: float, model: str = "a") -> dict:
        return {"data": f"tree {cells}", "model": model, "prepare": prepare, "peak_mb": 300 + memory, "base_mb": 300}

    rows = [row(500, 9, 900), row(5000, 2, 60), row(50_000, 20, 6000), row(5000, 1, 1, "b"), row(50_000, 0.9, 49, "b")]
    assert scale.growth(rows[2], rows) == pytest.approx({"prepare": 1.0, "memory": 2.0})
    assert scale.growth(rows[4], rows) == {"prepare": None, "memory": None} and scale.growth(rows[0], rows) == {}
    assert scale.growth(rows[2] | {"data": "measured"}, rows) == {}


def test_the_tree_is_what_it_says():
    data = tree(30_000, 10)
    assert data.x.shape == (30_000, 10) and data.times.tolist() == [0, 1, 2, 3, 4]
    assert data.mass is not None and data.mass.tolist() == pytest.approx(
        [np.exp(GROWTH * t).mean() for t in data.times]
    )
    last, branch = data.t == 4, np.unique(data.labels["branch"], return_inverse=True)[1]
    expected = np.exp(4 * GROWTH) / np.exp(4 * GROWTH).sum()
    assert np.bincount(branch[last]) / last.sum() == pytest.approx(expected[[0, 1, 2]], abs=0.02)
    speed = data.at(4.0).mean(axis=0) - data.at(3.0).mean(axis=0)
    assert speed[0] == pytest.approx(2.0, abs=0.05)
    assert data.lineage is not None and len(np.unique(data.lineage)) == CLONES
    own = np.array([np.bincount(branch[data.lineage == clone], minlength=3).max() for clone in range(30)])
    assert (own / [(data.lineage == clone).sum() for clone in range(30)]).mean() == pytest.approx(0.85, abs=0.05)
    assert {
        DataRequirement.TIMES,
        DataRequirement.VELOCITY,
        DataRequirement.MASS,
        DataRequirement.LINEAGE,
        DataRequirement.GROWTH,
    } <= data.has
    with pytest.raises(ValueError, match="three coordinates"):
        tree(30, 2)
