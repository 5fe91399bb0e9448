"""The benchmark of orders knows a right order and right branches from wrong ones, and states refusals."""

from __future__ import annotations

import json

import numpy as np
import order as benchmark
import order_cases


def test_rows_of_a_simulator(tmp_path):
    out = tmp_path / "rows.json"
    settings = "n_fates=2,n_branchings=1,cells_per_time=60"
    models = "tscan,pba,dpt,distance from the root"
    benchmark.main(
        ["--data", "branching-tree", "--set", settings, "--models", models, "--seeds", "3", "--out", str(out)]
    )
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == models.split(",")
    assert not any("refused" in each for each in rows)
    assert all(each["spearman"] > 0.9 and each["kendall"] > 0.7 for each in rows)
    assert all(each["moving"] > 0.9 for each in rows)
    assert min(each["branch_f1"] for each in rows[:3]) > 0.9 and rows[3]["branch_f1"] is None
    known = benchmark.case("branching-tree", 3, benchmark._settings(settings), "", "", "")
    ceiling = benchmark.scored(benchmark.CEILING, known, 3)
    assert 0.9 < ceiling["spearman"] < 1 and ceiling["moving"] == 1


def test_a_refusal_is_a_row_with_its_sentence():
    x = np.random.default_rng(0).normal(size=(200, 2))
    known = benchmark.Case(np.concatenate([x, x + 90]), np.arange(400.0), None)
    found = benchmark.scored("tscan", known, 0)
    assert found["spearman"] is None and "islands" in found["refused"]


def test_measured_cells_are_those_of_a_stage_in_one_piece_and_skipped_where_absent(tmp_path, monkeypatch, capsys):
    import anndata

    rng = np.random.default_rng(0)
    place = rng.uniform(0, 1, 150)
    x = np.stack([6 * place, *(0.1 * rng.normal(size=(5, 150)))], axis=1)
    x = np.concatenate([x, rng.normal(size=(30, 6)) - 90])
    stage = np.where(np.arange(180) % 50 == 0, "doublet", np.repeat(["early", "late"], [80, 100]))
    stage[:150] = np.where(stage[:150] == "doublet", "doublet", np.where(place < 0.5, "early", "late"))
    held = anndata.AnnData(x, obs={"stage": stage})
    held.write_h5ad(tmp_path / "made.h5ad")
    about = order_cases.Measured("made.h5ad", "stage", (("early",), ("late",)), "stage", ("late",))
    known = benchmark.measured(about, tmp_path)
    assert len(known.x) == 147 and known.left_out == 33 and set(known.time) == {0, 1}
    assert set(known.branch) == {"late", "undecided"} and (known.branch == "late").sum() == known.time.sum()
    monkeypatch.setattr(benchmark, "MEASURED", {"made": about, "gone": about._replace(file="gone.h5ad")})
    out = tmp_path / "rows.json"
    asked = ["--data", "made,gone", "--folder", str(tmp_path), "--models", "dpt,pba", "--out", str(out)]
    benchmark.main(asked)
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == ["dpt", "pba"] and all(each["spearman"] > 0.7 for each in rows)
    assert "gone is skipped: there is no" in capsys.readouterr().out
    benchmark.main([*asked[:4], "--models", "pba,tscan", "--out", str(out)])
    later = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in later] == ["dpt", "pba", "tscan"] and later[0] == rows[0]


def test_made_up_cells_part_in_three():
    known = order_cases.made_up(500, 4, 0)
    assert known.x.shape == (500, 4) and set(known.branch[known.time < 2]) == {order_cases.UNDECIDED[0]}
    assert set(known.branch[known.time >= 2]) == {"first", "second", "third"}


def test_every_method_is_an_order_and_needs_no_times():
    found = benchmark.every_method()
    assert {"slingshot", "tscan", "pba", "sctour", "dpt", "palantir", *benchmark.TRIVIAL} <= set(found)
    assert "velovi" not in found and "dynamo" not in found
