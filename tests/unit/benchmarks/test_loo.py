"""The program that prints the table of times left out: files, rows in processes of their own, official files."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import cells
import loo
import numpy as np
import published
import pytest

from cellflow_core.analysis import evaluate
from cellflow_core.data.download import public
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.store import save_dataset
from cellflow_core.models import registry
from tests.webserver import Shelf, serving


def moving(times=(0.0, 1.0, 2.0, 4.0), count=24, dim=2) -> tuple[np.ndarray, np.ndarray]:
    """The same cloud at each time, 2 further along the first axis in a unit of time."""
    cloud = np.random.default_rng(0).normal(size=(count, dim)) * np.arange(1, dim + 1)
    t = np.repeat(times, count)
    x = np.tile(cloud, (len(times), 1))
    x[:, 0] += 2 * t
    return x, t


def test_a_data_set_of_the_app_stays_in_its_own_axes(tmp_path):
    data = cells.snapshots(*moving(), 2, scaled=False, mass=True, name="")
    id = save_dataset(data, label="as prepared", origin="upload", source="made here")
    asked = ["--data", id, "--models", "ot-displacement", "--seeds", "1", "--out", str(tmp_path / "table.json")]
    found = loo.main(asked)
    about = {"file": "as prepared", "cells": 96, "dims": 2, "scaled": False, "space": "coordinates"}
    assert found["data"].items() >= about.items() and found["data"]["fingerprint"] == data.fingerprint
    assert [row["w1"] for row in found["rows"]] == pytest.approx([0, 0], abs=1e-5)  # every cell goes evenly
    assert found["rows"][0]["mass_error"] == 0


@pytest.fixture
def file(tmp_path) -> Path:
    x, t = moving()
    np.savez(tmp_path / "cells.npz", pcs=x, sample_labels=t)
    return tmp_path / "cells.npz"


@pytest.mark.parametrize("kind", ["npz", "csv", "h5ad"])
def test_every_kind_of_file_gives_the_same_cells(tmp_path, kind):
    x, t = moving()
    path = tmp_path / f"cells.{kind}"
    if kind == "npz":
        np.savez(path, pcs=x, sample_labels=t)
    elif kind == "csv":
        np.savetxt(path, np.column_stack([x, t]), delimiter=",", header="x1,x2,time", comments="")
    else:
        _h5ad(path, x, time=t)
    found = cells.snapshots(*cells.read(path, None), 2, scaled=True, mass=True, name=path.name)
    np.testing.assert_array_equal(found.times, np.unique(t))
    np.testing.assert_allclose(found.x, (x - x.mean(0)) / x.std(0), atol=1e-5)
    assert found.mass is not None and found.mass.tolist() == [24.0] * 4
    as_it_is = cells.snapshots(*cells.read(path, None), 2, scaled=False, mass=False, name=path.name)
    np.testing.assert_allclose(as_it_is.x, x, rtol=1e-5)


def test_the_program_writes_its_table(file, tmp_path, capsys):
    out = tmp_path / "made" / "table.json"
    asked = [
        "--data",
        str(file),
        "--models",
        "i-cfm,ot-displacement",
        "--seeds",
        "1,2",
        "--out",
        str(out),
        "--steps",
        "3",
    ]
    asked += ["--dims", "2"]
    loo.main(asked)
    found = json.loads(out.read_text())
    assert set(found["baselines"]) == {"previous", "next", "linear", "midpoint", "midpoint_plan", "floor"}
    assert [(row["model"], row["seed"], row["fold"]) for row in found["rows"]] == [
        (model, seed, fold) for model in ("i-cfm", "ot-displacement") for seed in (1, 2) for fold in (1.0, 2.0)
    ]
    for row in found["rows"]:
        assert np.isfinite(row["w1"]) and min(row["seconds"], row["cpu"]) >= 0 and row["peak_mb"] >= row["base_mb"] > 50
        assert row["w1"] <= row["w2"] and row["mass_error"] is None and set(row["first"]) <= set(row)
    assert not found["failed"] and not found["refused"] and not found["published"]
    data = cells.snapshots(*cells.read(file, None), 2, scaled=True, mass=False, name="")
    protocol = dataclasses.asdict(evaluate.baselines(data, 2.0))
    assert found["baselines_by_fold"][1] == pytest.approx({"fold": 2.0} | protocol)
    shown = capsys.readouterr().out
    assert all(
        each in shown for each in ("i-cfm", "ot-displacement", "previous", "linear", "peak MB", found["date"][:10])
    )

    for row in found["rows"]:  # as rows were written before these numbers were taken
        del row["peak_mb"], row["first"], row["w2"]
    out.write_text(json.dumps(found))
    loo.main([*asked, "--models", "ot-displacement", "--seeds", "2,3"])
    kept = [(row["model"], row["seed"]) for row in json.loads(out.read_text())["rows"][::2]]
    assert kept == [("i-cfm", 1), ("i-cfm", 2), ("ot-displacement", 1), ("ot-displacement", 2), ("ot-displacement", 3)]
    with pytest.raises(SystemExit, match="table.json"):
        loo.main([*asked, "--dims", "1"])
    with pytest.raises(SystemExit, match="table.json"):
        loo.main([*asked, "--scaler", "seen"])
    with pytest.raises(SystemExit, match="2 coordinates"):
        loo.main([*asked, "--dims", "5"])
    with pytest.raises(SystemExit, match="'ot-cmf'"):
        loo.main([*asked, "--models", "ot-cmf"])
    np.savez(tmp_path / "two.npz", pcs=data.x[data.t < 2], sample_labels=data.t[data.t < 2])
    with pytest.raises(SystemExit, match="three or more times, these data have 2"):
        loo.main([*asked, "--data", str(tmp_path / "two.npz")])


def test_a_model_may_be_named_with_settings(file, tmp_path, capsys):
    out, label = tmp_path / "table.json", "metric-fm:coupling=unbalanced:width=8"
    asked = ["--data", str(file), "--models", f"ot-displacement,{label}", "--seeds", "1", "--dims", "2", "--steps", "3"]
    found = loo.main([*asked, "--out", str(out)])
    rows = [row for row in found["rows"] if row["model"] == label]
    assert [row["fold"] for row in rows] == [1.0, 2.0] and not found["failed"]
    assert all("unbalanced penalty rho" in row["notes"][0] for row in rows) and "notes" not in found["rows"][0]
    shown = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(("ot-displacement", "metric-fm:"))
    ]
    assert len(shown) == 2 and len({line.rindex("1") for line in shown}) == 1  # the columns stand under each other
    again = loo.main([*asked, "--models", "ot-displacement", "--out", str(out)])
    assert sorted(row["model"] for row in again["rows"]) == [label, label, "ot-displacement", "ot-displacement"]
    with pytest.raises(SystemExit, match="colour.*coupling"):
        loo.main([*asked, "--models", "metric-fm:colour=blue"])
    with pytest.raises(SystemExit, match="Hidden width must be a whole number from 4 to 4096, not 1 .setting width."):
        loo.main([*asked, "--models", "metric-fm:width=1"])


def test_one_model_that_cannot_takes_no_other_with_it(file, monkeypatch, capsys):
    monkeypatch.setattr(registry.find("i-cfm"), "needs", frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE}))
    asked = [
        "--data",
        str(file),
        "--models",
        "i-cfm,ot-cfm,ot-displacement",
        "--seeds",
        "1",
        "--dims",
        "2",
        "--steps",
        "0",
    ]
    found = loo.main(asked)
    assert found["refused"] == {"i-cfm": "i-cfm: I-CFM needs lineage barcodes, which these data do not have"}
    assert {row["model"] for row in found["failed"]} == {"ot-cfm", "ot-displacement"} and not found["rows"]
    assert (
        "Training steps must be a whole number from 1 to 10000000, not 0 (setting steps)" in found["failed"][0]["error"]
        and "left out: i-cfm: I-CFM needs" in capsys.readouterr().err
    )


def test_a_scaler_of_the_seen_cells_and_unscaled_cells_report_in_the_unit_of_the_table(file):
    asked = ["--data", str(file), "--models", "ot-displacement", "--seeds", "1", "--dims", "2"]
    common = loo.main(asked)
    own = loo.main([*asked, "--scaler", "seen"])
    assert own["data"]["scaler"] == "without the time left out" and own["baselines"] == common["baselines"]
    for one, other in zip(common["rows"], own["rows"], strict=True):
        assert other["w1"] == pytest.approx(one["w1"], abs=1e-4)  # the cloud only moves: every plan is the same
    raw = loo.main([*asked, "--raw"])
    assert raw["data"]["scaled"] is False
    assert raw["baselines"]["previous"] == pytest.approx(2.0, abs=1e-4)
    assert raw["baselines_by_fold"][1]["next"] == pytest.approx(4.0, abs=1e-4)


def test_fifty_coordinates_are_not_scaled():
    asked = loo.parser().parse_args
    assert [loo.raw(asked(["--data", "f", "--dims", dims])) for dims in ("5", "49", "50")] == [False, False, True]
    assert not loo.raw(asked(["--data", "f", "--dims", "50", "--no-raw"]))


def _h5ad(path: Path, x: np.ndarray, **obs: np.ndarray) -> None:
    import anndata
    import pandas as pd

    table = pd.DataFrame(dict(obs), index=[f"c{k}" for k in range(len(x))])
    anndata.AnnData(np.zeros((len(x), 3), np.float32), obs=table, obsm={"X_pca": x}).write_h5ad(path)


@pytest.fixture
def shelf(monkeypatch, tmp_path) -> Iterator[Shelf]:
    """The official addresses, on this machine, with files of the same layout."""
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    x, t = moving(dim=6)
    np.savez(tmp_path / "eb.npz", pcs=x, sample_labels=t.astype(np.int64), delta_embedding=x, phate=x[:, :2])
    days = np.array([2, 3, 4, 7])[np.searchsorted(np.unique(t), t)]
    donors = np.array(["13176", "31800"])[(np.arange(len(x)) % 4 == 3).astype(int)]
    _h5ad(tmp_path / "cite.h5ad", x, day=days, donor=donors.astype(object))
    with serving() as shelf:
        for name, made in (("eb", "eb.npz"), ("cite", "cite.h5ad")):
            shelf.files[f"/{name}"] = (tmp_path / made).read_bytes()
        here = [
            dataclasses.replace(
                each,
                url=f"{shelf.address}/{each.name}",
                sha256=hashlib.sha256(shelf.files.get(f"/{each.name}", b"")).hexdigest(),
            )
            for each in public.CATALOGUE
        ]
        monkeypatch.setattr(public, "CATALOGUE", tuple(here))
        yield shelf


def test_an_official_file_is_fetched_once_and_compared_with_what_was_published(shelf, capsys):
    asked = ["--data", "eb", "--models", "ot-displacement", "--seeds", "42"]
    found = loo.main(asked)
    assert found["data"] | {"fingerprint": ""} == {
        "file": "eb",
        "cells": 96,
        "dims": 5,
        "times": [0.0, 1.0, 2.0, 4.0],
        "fingerprint": "",
    }
    text = capsys.readouterr().out
    assert "OT-CFM              0.790    0.068  Tong et al., AISTATS 2024" in text
    assert (
        "Cell-MNN            0.690        -  comparison table of Cell-MNN, ICLR 2026; the checkpoint was chosen" in text
    )
    assert [row["method"] for row in found["published"]][:2] == ["OTP-FM (W2)", "Cell-MNN"]
    again = loo.main(asked)
    assert [path for path, _ in shelf.asked] == ["/eb"] and again["rows"][0]["w1"] == found["rows"][0]["w1"]


def test_cite_is_one_donor_with_its_days_in_even_steps(shelf):
    path = cells.fetch("cite", None, "", lambda stage: None)
    x, t = cells.official("cite", path, days=False)
    assert np.unique(t).tolist() == [0.0, 1.0, 2.0, 3.0] and len(x) == 72
    np.testing.assert_allclose(x, moving(dim=6)[0][np.arange(96) % 4 != 3])
    assert np.unique(cells.official("cite", path, days=True)[1]).tolist() == [2.0, 3.0, 4.0, 7.0]
    found = loo.main(["--data", "cite", "--models", "ot-displacement", "--seeds", "1", "--file", str(path), "--days"])
    assert found["data"]["times"] == [2.0, 3.0, 4.0, 7.0] and {row["fold"] for row in found["rows"]} == {3.0, 4.0}


def test_what_is_wrong_with_an_official_file_is_one_sentence(shelf, tmp_path, file):
    with pytest.raises(SystemExit, match="sha256.*--data"):
        loo.main(["--data", "eb", "--file", str(file)])
    with pytest.raises(SystemExit, match="nowhere.npz.*http"):
        loo.main(["--data", "eb", "--file", str(tmp_path / "nowhere.npz")])
    for obs, sentence in (
        ({"time": moving()[1]}, "has no column day or no components X_pca"),
        ({"day": moving()[1], "donor": np.array(["1"] * 96, object)}, "has no cells of donor 13176"),
    ):
        _h5ad(tmp_path / "other.h5ad", moving()[0], **obs)
        with pytest.raises(SystemExit, match=sentence):
            cells.official("cite", tmp_path / "other.h5ad", days=False)
    shelf.files["/eb"] = b"another file"
    with pytest.raises(SystemExit, match="another file"):
        loo.main(["--data", "eb"])


def test_without_a_network_it_says_how_to_go_on(shelf):
    with pytest.raises(SystemExit, match="(?s)127.0.0.1.*/eb.*--file"):
        loo.main(["--data", "eb", "--url", "http://127.0.0.1:9/eb"])


def test_published_rows_are_whole():
    keys = [(each.data, each.dims, each.method) for each in published.ROWS]
    assert len(set(keys)) == len(keys) and {each.data for each in published.ROWS} == set(cells.OFFICIAL)
    assert all(each.mean > 0 and each.source for each in published.ROWS)
    assert len(published.rows("eb", 5)) > 10 and published.rows("eb", 7) == [] == published.lines([])
    assert published.rows("cite", 50)[0]["method"] == "OT-MFM"
