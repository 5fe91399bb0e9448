"""The benchmark of bands: each individual is judged once, by models and copies that have not seen it."""

from __future__ import annotations

import json

import course_bands as program
import numpy as np
import pytest

from tests import toy_pk


def test_each_individual_is_judged_once_and_has_been_seen_by_no_copy(tmp_path, monkeypatch, capsys):
    data, out = toy_pk.study(subjects=15, n_times=6), tmp_path / "bands.json"
    trained = []
    fit = program.fit

    def watched(model, some, config):
        trained.append(set(some.subjects.tolist()))
        fit(model, some, config)

    monkeypatch.setattr(program, "fit", watched)
    data.save(tmp_path / "study.npz")
    asked = ["--data", str(tmp_path / "study.npz"), "--models", "linear-course", "--folds", "5", "--out", str(out)]
    found = program.main(asked)
    assert [len(each) for each in trained] == [12] * 5 + [9] * 10
    folds = [set(range(15)) - each for each in trained[:5]]
    assert sorted(np.concatenate([sorted(each) for each in folds]).tolist()) == list(range(15))
    assert all(sum(not (fold & each) for each in trained[5:]) == 4 for fold in folds)
    row = found["rows"][0]
    assert len(row["people"]) == 15 and len(row["factors"]) == 5
    share, low, high, _ = row["calibrated after"]
    assert share == pytest.approx(np.mean([own["calibrated after"][0] for own in row["people"].values()]))
    assert 0 <= low <= share <= high <= 1
    assert "calibrated after" in capsys.readouterr().out
    program.main(["--show", str(out)])
    assert f"{share:.2f}" in capsys.readouterr().out and json.loads(out.read_text())["folds"] == 5
