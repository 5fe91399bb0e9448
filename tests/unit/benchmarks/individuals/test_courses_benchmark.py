"""The program that forecasts held-out individuals: rows beside each other, resumed, and data that are not there."""

from __future__ import annotations

import json
from dataclasses import replace

import courses as program
import numpy as np
import pytest

from cellflow_core.models import registry
from tests import toy_pk
from tests.truth.models.longitudinal.studies import at_own_times, batch_of, trained

FEW = "pkpd:effect=direct:subjects=20:n_times=6:residual_error=0.2"
FAST = ["--data", FEW, "--seeds", "3,4", "--steps", "1", "--held-out", "0.25"]


@pytest.fixture
def known():
    with registry.registered("toy-pk", "toys", toy_pk.TruePk):
        yield


def test_the_true_model_is_calibrated_and_better_than_a_wrong_one(known, tmp_path, capsys):
    out = tmp_path / "courses.json"
    found = program.main([*FAST, "--models", "toy-pk,i-cfm", "--checks", "--out", str(out)])
    assert json.loads(out.read_text()) == found and "i-cfm does not know" in found["refused"]["i-cfm"]
    resumed = program.main([*FAST, "--models", "toy-pk:clearance_factor=3", "--checks", "--out", str(out)])
    assert [(each["model"], each["seed"]) for each in resumed["rows"]][:2] == [("toy-pk", 3), ("toy-pk", 4)]
    true, wrong = (
        [each["variables"][toy_pk.CONCENTRATION] for each in resumed["rows"] if each["model"] == name]
        for name in ("toy-pk", "toy-pk:clearance_factor=3")
    )
    for good, bad in zip(true, wrong, strict=True):
        assert good["after"]["crps"] < bad["after"]["crps"] and good["before"]["count"] == 5 * 6
        assert good["after"]["coverage"] > 0.75 and len(good["by_horizon"]) == len(good["edges"]) - 1
        assert good["checks"]["vpc_inside"] > 0.8 > bad["checks"]["vpc_inside"]
    shown = capsys.readouterr().out
    assert "CRPS by horizon" in shown and "± " in shown and "20 individuals" in shown
    assert program.main(["--show", str(out)]) == resumed


def test_other_data_are_another_table_and_what_is_not_there_is_said(known, tmp_path):
    out = tmp_path / "courses.json"
    program.main(
        [*FAST[:2], "--seeds", "3", "--models", "toy-pk", "--held-out", "0.25", "--steps", "1", "--out", str(out)]
    )
    with pytest.raises(SystemExit, match="another file"):
        program.main([*FAST, "--models", "toy-pk", "--cuts", "10", "--out", str(out)])
    with pytest.raises(SystemExit, match="no simulator"):
        program.main(["--data", "nothing"])
    with pytest.raises(SystemExit, match="follows no individuals"):
        program.main(["--data", "toggle"])
    few = program.main(["--data", FEW, "--seeds", "0", "--models", "toy-pk", "--held-out", "0.01", "--steps", "1"])
    assert "hold out more" in few["failed"][0]["error"]


def test_individuals_are_read_from_a_file(known, tmp_path):
    toy_pk.study(subjects=12).save(tmp_path / "study.npz")
    found = program.main(["--data", str(tmp_path / "study.npz"), "--models", "toy-pk", "--seeds", "0", "--steps", "1"])
    assert found["data"]["individuals"] == 12 and len(found["rows"]) == 1


def test_every_individual_is_held_out_once(known, tmp_path, capsys):
    data = toy_pk.study(subjects=7)
    parts = [program.folded(data, 3, k) for k in range(3)]
    assert sorted(each for _, held in parts for each in held.subjects) == data.subjects.tolist()
    assert all(not set(train.subjects) & set(held.subjects) for train, held in parts)
    data.save(tmp_path / "study.npz")
    asked = ["--data", str(tmp_path / "study.npz"), "--models", "toy-pk", "--seeds", "2,3", "--steps", "1"]
    found = program.main([*asked, "--folds", "3", "--checks"])
    checks = found["rows"][0]["variables"][toy_pk.CONCENTRATION]["checks"]
    assert checks["fit_rmspe_after_dose"] <= checks["fit_rmspe"] and "no part of 3" in found["failed"][0]["error"]
    assert "one part of 3 of them held out" in capsys.readouterr().out


def test_individuals_of_one_kind_are_trained_on_and_the_others_forecast(known, tmp_path, capsys):
    data = replace(toy_pk.study(subjects=6), covariates={"weeks": np.array([1.0, 3, 3, 1, 3, 3])})
    train, held = program.parted(data, "weeks=3")
    assert (len(train.subjects), len(held.subjects)) == (4, 2)
    data.save(tmp_path / "study.npz")
    asked = ["--data", str(tmp_path / "study.npz"), "--models", "toy-pk", "--seeds", "0", "--steps", "1"]
    assert program.main([*asked, "--train-on", "weeks=3"])["rows"]
    assert "all but weeks=3 of them held out" in capsys.readouterr().out
    for by, word in (("days=3", "there are weeks"), ("weeks=2", "0 of 6")):
        with pytest.raises(SystemExit, match=word):
            program.parted(data, by)


def test_a_later_part_of_each_individual_is_held_out(known, tmp_path, capsys):
    data = toy_pk.study(subjects=6)
    data.save(tmp_path / "study.npz")
    asked = ["--data", str(tmp_path / "study.npz"), "--models", "toy-pk", "--seeds", "0", "--steps", "1"]
    found = program.main([*asked, "--after", "20"])
    scores = found["rows"][0]["variables"][toy_pk.CONCENTRATION]
    assert scores["after"]["count"] == int((data.t > 20).sum()) and found["cuts"] == [20.0]
    assert "what was measured after 20" in capsys.readouterr().out


def test_the_recurrent_network_forecasts_what_follows_from_history_and_doses():
    """Of the true courses, which differ by the dose alone: to a quarter of what the mean of all leaves over."""
    data = toy_pk.study(subjects=30, n_times=6, residual_error=0.02, between_subject_sd=0.05)
    with registry.registered("lstm", "benchmarks", program.LstmCourse):
        model = trained("lstm", data, training={"steps": 150})
    batch = batch_of(data, model)
    known = batch.until(batch.t[:, 2])
    found = at_own_times(model, known, draws=2)
    later = (batch.observed & ~known.observed)[..., 0]
    error = (found.mean(dim=0) - batch.x)[..., 0][later]
    mean = batch.x[..., 0].mean(dim=0).expand(30, -1)[later] - batch.x[..., 0][later]
    assert found.min() >= 0 and error.square().mean() < mean.square().mean() / 4
