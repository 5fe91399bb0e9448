"""What was measured later of each individual can be held out: nothing of a run has seen it, and forecasts are held
against it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core import cli
from cellflow_core.analysis.courses.regimen import Plan
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.jobs.export_script import write_script
from cellflow_core.jobs.recipes import individuals_held_out, more_seeds, recipes, sweep
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.jobs.worker import training_data
from cellflow_core.reporting.run_tables import command_line, of_recipe
from cellflow_core.runs.groups import groups
from cellflow_core.runs.recipe import Recipe
from cellflow_core.train import checkpoint
from tests import ROOT, toy_pk
from tests.toys import finished, recipe, stored

AFTER = 10.0
LINEAR = {"model": "linear-course", "settings": {}, "training": {"steps": 1, "validation_fraction": 0.25}}


def study(later_times: float = 1.0) -> Trajectories:
    """Values after the time that is held out are these times as high as they were."""
    found = toy_pk.study(subjects=12, n_times=8)
    return replace(found, x=np.where((found.t > AFTER)[:, None], later_times * found.x, found.x))


def held_out(data: Trajectories, **changes):
    return finished(recipe(stored(data.to_snapshots()), **(LINEAR | {"hold_out_after": AFTER} | changes)))


def test_nothing_of_a_run_has_seen_what_was_held_out():
    """Later values a hundred times as high: the same weights, the same predictions, other errors of the forecasts."""
    one, other = (held_out(study(times)) for times in (1.0, 100.0))
    assert one.recipe.fingerprint != other.recipe.fingerprint
    weights = [checkpoint.read(run.weights, "cpu") for run in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(weights[1][name], value, rtol=0, atol=0)
    assert one.spec == other.spec and max(one.spec.times) <= AFTER
    data = training_data(one.recipe)
    assert isinstance(data, Trajectories) and data.t.max() <= AFTER and len(data.subjects) == 12
    asked = {"variable": toy_pk.CONCENTRATION}
    fits = [answer("individual_fits", run.id, individuals=(0, 1), **asked) for run in (one, other)]
    np.testing.assert_array_equal(fits[0].individual, fits[1].individual)
    assert fits[0].after == AFTER and "until time 10 only; later values were kept" in fits[0].notes[0]
    errors = [answer("prediction_errors", run.id, **asked) for run in (one, other)]
    np.testing.assert_array_equal(errors[0].individual, errors[1].individual)
    assert errors[0].held_out[errors[0].t > AFTER].all()
    forecasts = [answer("forecast", run.id, **asked) for run in (one, other)]
    assert (forecasts[1].rmse[1:] > 4 * forecasts[0].rmse[1:]).all()
    given = (Plan("as given", given=1.0).plain,)
    plans = [
        answer("plans", each.id, plans=given, individual=0, start=24.0, end=48.0, **asked) for each in (one, other)
    ]
    np.testing.assert_array_equal(plans[0].middle, plans[1].middle)
    assert "measurements until 10: later ones were kept from training" in plans[0].notes[0]
    seen = answer("individual_fits", one.id, individuals=(0, 1), until=1e9, **asked)
    assert "those after 10 hours too, which were kept from training" in seen.notes[0]
    assert not np.array_equal(seen.individual, fits[0].individual, equal_nan=True)


def test_forecasts_are_of_the_values_held_out_for_every_model_the_same():
    data = study()
    runs = [held_out(data), held_out(data, model="last-value")]
    found = [answer("forecast", run.id, variable=toy_pk.CONCENTRATION) for run in runs]
    later = data.t > AFTER
    for each in found:
        assert each.held_out and each.after == AFTER and each.cuts.tolist() == [AFTER] and each.individuals == 12
        assert each.count[0] == each.count[1:].sum() == later.sum()
        assert "12 individuals: what was measured after 10 hours was kept from training" in each.notes[0]
        assert "3 of them were kept from training altogether" in each.notes[1]
    np.testing.assert_array_equal(found[0].count, found[1].count)
    last = data.x[~later, 0][np.flatnonzero(np.diff(data.subject[~later], append=-1))]
    carried = last[np.searchsorted(data.subjects, data.subject[later])] - data.x[later, 0]
    mean = np.average(found[1].rmse[1:] ** 2, weights=found[1].count[1:])
    assert np.sqrt(mean) == pytest.approx(np.sqrt(np.mean(carried**2)), rel=0.1)  # the median of draws around it


def test_recipes_check_the_time_and_take_references_along(capsys):
    data = stored(study().to_snapshots())
    made = recipes(
        data, "linear-course", "quick", {}, {"validation_fraction": 0.25}, seeds=(0, 1), hold_out_after=AFTER,
        beside=("last-value",),
    )  # fmt: skip
    assert [(each.model, each.seed, each.hold_out_after) for each in made] == [
        ("linear-course", 0, AFTER), ("linear-course", 1, AFTER), ("last-value", 0, AFTER),
    ]  # fmt: skip
    assert {each.training["validation_fraction"] for each in made} == {0.25} and len({each.group for each in made}) == 1
    assert all("held out after 10" in each.label for each in made)
    assert {each.hold_out_after for each in more_seeds(made[0], (0, 1))} == {AFTER}
    again = individuals_held_out(data, ["last-value"], 3, made[0])[0]
    assert (again.seed, again.hold_out_after, again.training["validation_fraction"]) == (3, AFTER, 0.25)
    assert not groups([finished(each) for each in made])[0].sweep  # no settings to choose from
    wrong = {
        200.0: "nothing was measured after 200 hours",
        -1.0: "nothing was measured of .* until -1 hours, nor of",
    }
    for time, sentence in wrong.items():
        with pytest.raises(ValueError, match=sentence):
            recipes(data, "last-value", "quick", {}, {}, seeds=(0,), hold_out_after=time)
    with pytest.raises(ValueError, match="does not know the courses of individuals"):
        recipes(data, "i-cfm", "quick", {}, {}, seeds=(0,), hold_out_after=AFTER)
    with pytest.raises(ValueError, match="not both"):
        recipes(data, "last-value", "quick", {}, {}, seeds=(0,), hold_out=AFTER, hold_out_after=AFTER)
    assert cli.main(["train", "--data", data, "--model", "last-value", "--hold-out-after", "200"]) == 2
    assert "nothing was measured after 200 hours" in capsys.readouterr().err


def test_it_is_kept_and_older_recipes_have_none():
    run = held_out(study())
    assert Recipe.from_dict(run.recipe.as_dict()).hold_out_after == AFTER
    old = {name: each for name, each in run.recipe.as_dict().items() if name != "hold_out_after"}
    assert Recipe.from_dict(old).hold_out_after is None
    assert replace(run.recipe, hold_out_after=None).content == Recipe.from_dict(old).content != run.recipe.content
    assert "--hold-out-after 10.0" in command_line(run)
    assert dict(zip(*of_recipe(run, run.status()).values(), strict=True))["held out after"] == "10.0"
    whole = RunContext(finished(recipe(run.recipe.dataset, **LINEAR)))
    assert whole.held_out_after == np.inf and whole.history is whole.trajectories


def test_the_script_holds_it_out_too(tmp_path):
    run = held_out(study())
    write_script(run.id, tmp_path / "again.py")
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path), "PATH": "/usr/bin"}
    ran = subprocess.run([sys.executable, "again.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    ours, theirs = checkpoint.read(run.weights, "cpu"), checkpoint.read(tmp_path / "again-model.pt", "cpu")
    for name, value in ours.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(theirs[name], value, rtol=0, atol=0)


def test_runs_with_other_measurements_held_out_are_not_compared(capsys):
    data = study()
    run, whole = held_out(data), held_out(data, hold_out_after=None)
    assert cli.main(["courses", run.id, "forecast", "--beside", whole.id]) == 2
    assert "other later measurements" in capsys.readouterr().err


def test_a_sweep_holds_it_out_of_every_run():
    """Two values of a setting are there to choose from, two models with one setting each are references; a model of
    cells is refused with a sentence."""
    data = stored(study().to_snapshots())
    swept = sweep(data, ["linear-course", "ot-cfm"], "quick", {"steps": (1, 2)}, hold_out_after=AFTER)
    assert [(each.training["steps"], each.hold_out_after) for each in swept.recipes] == [(1, AFTER), (2, AFTER)]
    assert "no later part of them can be held out" in swept.refused["ot-cfm"]
    assert groups([finished(each) for each in swept.recipes])[0].sweep
    asked = ["sweep", "--data", data, "--models", "linear-course", "--hold-out-after", "200"]
    assert cli.main(asked) != 0
