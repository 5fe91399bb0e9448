"""The protocol that leaves a time out: against distances known by hand, and the program that prints its table."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.analysis import evaluate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.space import StateSpace
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "loo.py"


def shifted(times=(0.0, 1.0, 4.0), cells=40) -> Snapshots:
    """One cloud that moves by 2 in a unit of time along the first axis, the same cells each time."""
    cloud = np.random.default_rng(0).normal(size=(cells, 2))
    t = np.repeat(times, cells)
    x = np.tile(cloud, (len(times), 1)) + np.stack([2 * t, np.zeros_like(t)], axis=1)
    return Snapshots(x, t, StateSpace.coordinates(("a", "b")), "h")


def test_baselines_of_a_moving_cloud_are_the_ways_it_moved():
    found = evaluate.baselines(shifted(), 1.0)
    assert found.previous == pytest.approx(2.0, abs=1e-5)
    assert found.next == pytest.approx(6.0, abs=1e-5)
    assert found.midpoint == pytest.approx(0.0, abs=1e-5)  # a quarter of the gap, not the half
    assert 0 < found.floor < 2.0


def test_the_displacement_model_scores_as_the_midpoint():
    data = shifted()
    seen = data.without(1.0)
    model = registry.create("mccann", {}, seen.spec, 0)
    fit(model, seen, TrainConfig.preset("standard", type(model)))
    assert evaluate.score(model, data, 1.0) == pytest.approx(0.0, abs=1e-5)


def test_only_times_between_others_can_be_left_out():
    assert evaluate.middle_times(shifted()) == (1.0,)
    with pytest.raises(ValueError, match="time 4 cannot be left out: it must be one of 1, which lie between two"):
        evaluate.baselines(shifted(), 4.0)
    with pytest.raises(ValueError, match="needs cells at three or more times, these data have 2"):
        evaluate.middle_times(shifted((0.0, 1.0)))


def test_weights_count_as_copies():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(9, 3))
    copies = np.array([1, 2, 3, 1, 1, 4])
    once = wasserstein(x, y, weight=copies.astype(float))
    assert once == pytest.approx(wasserstein(np.repeat(x, copies, axis=0), y), rel=1e-9)


@pytest.fixture
def loo():
    spec = importlib.util.spec_from_file_location("loo", PROGRAM)
    assert spec and spec.loader
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


@pytest.mark.parametrize("kind", ["npz", "csv", "h5ad"])
def test_every_kind_of_file_gives_the_same_cells(loo, tmp_path, kind):
    data = shifted()
    path = tmp_path / f"cells.{kind}"
    if kind == "npz":
        np.savez(path, pcs=data.x, sample_labels=data.t)
    elif kind == "csv":
        np.savetxt(path, np.column_stack([data.x, data.t]), delimiter=",", header="x1,x2,time", comments="")
    else:
        import anndata

        made = anndata.AnnData(
            data.x, obsm={"X_pca": data.x}, obs={"time": data.t, "cell": [f"c{k}" for k in range(120)]}
        )
        made.obs_names = made.obs.pop("cell").to_numpy()
        made.write_h5ad(path)
    found = loo.read(path, 2, None)
    np.testing.assert_array_equal(found.times, data.times)
    np.testing.assert_allclose(found.x, (data.x - data.x.mean(0)) / data.x.std(0), atol=1e-5)


def test_the_program_writes_its_table(loo, tmp_path, monkeypatch, capsys):
    data = shifted((0.0, 1.0, 2.0, 4.0), cells=24)
    np.savez(tmp_path / "cells.npz", pcs=data.x, sample_labels=data.t)
    monkeypatch.setattr(loo.TrainConfig, "preset", lambda name, model: TrainConfig(steps=3, batch=8))
    out = tmp_path / "made" / "table.json"
    asked = ["--data", str(tmp_path / "cells.npz"), "--models", "i-cfm,mccann", "--seeds", "1,2", "--out", str(out)]
    loo.main([*asked, "--dims", "2"])
    found = json.loads(out.read_text())
    assert set(found["baselines"]) == {"previous", "next", "midpoint", "floor"}
    assert [(row["model"], row["seed"], row["fold"]) for row in found["rows"]] == [
        (model, seed, fold) for model in ("i-cfm", "mccann") for seed in (1, 2) for fold in (1.0, 2.0)
    ]
    assert all(np.isfinite(row["w1"]) and row["seconds"] >= 0 for row in found["rows"])
    shown = capsys.readouterr().out
    assert all(each in shown for each in ("i-cfm", "mccann", "previous", "floor", found["date"][:10]))
    loo.main([*asked, "--dims", "2", "--models", "mccann", "--seeds", "2,3"])
    kept = [(row["model"], row["seed"]) for row in json.loads(out.read_text())["rows"][::2]]
    assert kept == [("i-cfm", 1), ("i-cfm", 2), ("mccann", 1), ("mccann", 2), ("mccann", 3)]
    with pytest.raises(SystemExit, match="table.json holds a table of other data, preset or machine"):
        loo.main([*asked, "--dims", "1"])
    with pytest.raises(SystemExit, match="cells.npz has 2 coordinates, --dims asks for 5"):
        loo.main(asked)
    with pytest.raises(KeyError, match="there is no model 'ot-cmf'"):
        loo.main([*asked, "--models", "ot-cmf"])
