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
    medians = row["over_rounds"]
    assert row["reached_by"] == "ot-cfm 60" and row["w1"] == medians["ot-cfm 60"]["w1"] <= row["w1_stock"]
    assert row["ratio"] == pytest.approx(medians["ot-cfm 60"]["seconds"] / medians["stock"]["seconds"])
    assert "to stock's W1" in capsys.readouterr().out


@pytest.mark.usefixtures("threads")
def test_says_where_stock_is_not_reached(capsys):
    sizes = ["--dims", "2", "--cells", "60", "--repeats", "1", "--stock-steps", "150", "--lengths", "1"]
    (row,) = speed.main(sizes)["rows"]
    assert row["ratio"] is None and row["w1"] is None
    assert "stock's W1 was not reached" in capsys.readouterr().out


@pytest.mark.usefixtures("threads")
def test_a_file_that_is_not_there_is_left_out_and_other_rows_are_kept(tmp_path, capsys):
    out, x = tmp_path / "speed.json", np.random.default_rng(0).normal(size=(90, 3))
    out.write_text(json.dumps({"rows": [row("cells.npz", 1.0), row("other.npz", 2.0)]}))
    np.savez(tmp_path / "cells.npz", pcs=x, sample_labels=np.repeat([0.0, 1.0, 2.0], 30))
    files = [str(tmp_path / name) for name in ("gone.npz", "cells.npz")]
    sizes = ["--dims", "2", "--repeats", "1", "--stock-steps", "2", "--lengths", "2"]
    models = ["--models", "ot-cfm", "ot-cfm:sigma=0.3"]
    found = speed.main(["--data", *files, *sizes, *models, "--out", str(out)])
    assert [each["data"] for each in found["rows"]] == ["other.npz", "cells.npz"]
    assert [*found["rows"][1]["over_rounds"]] == ["stock", "ot-cfm 2", "ot-cfm:sigma=0.3 2"]
    assert "there is no file" in capsys.readouterr().err


def row(name: str, w1: float) -> dict:
    """As an earlier part of the table holds it."""
    about = {"name": "otcfm-train", "data": name, "cells": 90, "dims": 2, "repeats": 1, "load": [0.0], "date": "today"}
    median = {"stock": {"w1": w1, "seconds": 1.0, "cpu": 1.0}}
    return about | {"ratio": None, "ratio_cpu": None, "floor": w1, "over_rounds": median}


def test_halves_share_no_cell():
    data = speed.made_up(3, 20, seed=0)
    train, test = speed.halves(data, seed=1)
    assert [len(each.at(t)) for each in (train, test) for t in data.times] == [10] * 8
    both = np.concatenate([train.x, test.x])
    assert len(np.unique(both, axis=0)) == len(data.x)
