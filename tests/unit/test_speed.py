"""The benchmark of training time runs, and its ratio is what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
import speed


@pytest.fixture
def threads():
    """The benchmark sets the threads of torch: they are as they were afterwards."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_trains_both_and_writes_the_row(tmp_path, capsys):
    out = tmp_path / "speed.json"
    sizes = ["--dims", "2", "--cells", "60", "--repeats", "2", "--stock-steps", "3", "--lengths", "2", "60"]
    found = speed.main(["--only", "otcfm", "--out", str(out), *sizes])
    assert json.loads(out.read_text())["rows"][0]["name"] == "otcfm-train"
    (row,) = found["rows"]
    assert [run["way"] for run in row["runs"]] == ["stock", "ot-cfm 2", "ot-cfm 60"] * 2
    assert all(run["seconds"] > 0 and run["w1"] > 0 for run in row["runs"])
    medians = row["median"]
    assert row["reached_by"] == "ot-cfm 60" and row["w1"] == medians["ot-cfm 60"]["w1"] <= row["w1_stock"]
    assert row["ratio"] == pytest.approx(medians["ot-cfm 60"]["seconds"] / medians["stock"]["seconds"])
    assert "to stock's W1" in capsys.readouterr().out


@pytest.mark.usefixtures("threads")
def test_says_where_stock_is_not_reached(capsys):
    sizes = ["--dims", "2", "--cells", "60", "--repeats", "1", "--stock-steps", "150", "--lengths", "1"]
    (row,) = speed.main(sizes)["rows"]
    assert row["ratio"] is None and row["w1"] is None
    assert "stock's W1 was not reached" in capsys.readouterr().out


def test_halves_share_no_cell():
    data = speed.made_up(3, 20, seed=0)
    train, test = speed.halves(data, seed=1)
    assert [len(each.at(t)) for each in (train, test) for t in data.times] == [10] * 8
    both = np.concatenate([train.x, test.x])
    assert len(np.unique(both, axis=0)) == len(data.x)
