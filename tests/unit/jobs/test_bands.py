"""Copies of a run calibrate the bands of its forecasts, and none of them has seen who is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cellflow_core import cli
from cellflow_core.analysis.courses.forecast import AS_DRAWN
from cellflow_core.data.train_validation_split import folds_of
from cellflow_core.jobs.analysis_cache import answer
from cellflow_core.jobs.recipes import individuals_held_out, recipes
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.models.longitudinal.linear_course import LinearCourse
from cellflow_core.reporting.run_tables import command_line, of_recipe
from cellflow_core.runs import bands
from cellflow_core.runs.recipe import Recipe
from tests import toy_pk
from tests.toys import finished, recipe, stored

LINEAR = {"model": "linear-course", "settings": {}, "training": {"steps": 1, "validation_fraction": 0.25}}


@pytest.fixture(scope="module")
def study():
    return toy_pk.study(subjects=16, n_times=8)


def test_bands_of_a_run_are_those_that_its_copies_tell(study, monkeypatch):
    """Twelve individuals in training, four copies of nine: none was trained on the four that are judged."""
    seen = []
    learn = LinearCourse.learn

    def watched(self, frames, rng):
        seen.append(np.unique(frames.x.numpy().round(6)).tolist())
        return learn(self, frames, rng)

    monkeypatch.setattr(LinearCourse, "learn", watched)
    run = finished(recipe(stored(study.to_snapshots()), **LINEAR, band_folds=4))
    subject = RunContext(run)
    assert len(seen) == 5  # the model, and four copies
    judged = study.take(subject.held_out_individuals)
    for values in seen:
        assert not set(np.unique(judged.x.astype(np.float32).round(6)).tolist()) - {0.0} & set(values)
    found = subject.bands(toy_pk.CONCENTRATION)
    assert found is not None and found.people == 12 and found.after > 0 and 0 < found.held_after <= 1
    errors = answer("forecast", run.id, variable=toy_pk.CONCENTRATION)
    assert f"{found.after:.2f}-fold" in errors.notes[-1] and "12 individuals" in errors.notes[-1]
    bands.save(run, {})
    plain = RunContext(run)
    assert plain.bands(toy_pk.CONCENTRATION) is None


def test_bands_of_fits_are_widened_after_the_history_only(study):
    id = stored(study.to_snapshots())
    runs = [finished(recipe(id, **LINEAR, band_folds=folds)) for folds in (0, 4)]
    drawn, moved = (
        answer("individual_fits", run.id, variable=toy_pk.CONCENTRATION, individuals=(0, 1), until=10.0) for run in runs
    )
    assert drawn.notes[-1] == AS_DRAWN and "calibrated" in moved.notes[-1]
    later = drawn.times > 10
    np.testing.assert_array_equal(drawn.high[:, ~later], moved.high[:, ~later])
    factor = RunContext(runs[1]).bands(toy_pk.CONCENTRATION).after
    widths = [(each.high - each.individual)[:, later] for each in (drawn, moved)]
    assert np.nanmedian(widths[1] / widths[0]) == pytest.approx(factor, rel=0.15)


def test_recipes_ask_for_copies_and_say_so(study, capsys):
    id = stored(study.to_snapshots())
    (made,) = recipes(id, "linear-course", "quick", {}, {}, seeds=(0,), band_folds=5)
    assert made.band_folds == 5 and Recipe(**made.as_dict()) == made
    assert "band_folds" in made.content and "band_folds" not in Recipe(**made.as_dict() | {"band_folds": 0}).content
    run = finished(recipe(id, **LINEAR, band_folds=4))
    assert "--band-folds 4" in command_line(run)
    rows = of_recipe(run, run.status())
    assert dict(zip(rows["setting"], rows["value"], strict=True))["copies that calibrate bands"] == "4"
    assert [each.band_folds for each in individuals_held_out(id, ["last-value", "linear-course"], 0, None, 3)] == [3, 3]
    with pytest.raises(ValueError, match="asked for 40 parts"):
        recipes(id, "linear-course", "quick", {}, {}, seeds=(0,), band_folds=40)
    with pytest.raises(ValueError, match="hold out no later measurements"):
        recipes(id, "linear-course", "quick", {}, {}, seeds=(0,), band_folds=4, hold_out_after=10.0)
    with pytest.raises(ValueError, match="has no bands to calibrate"):
        recipes(id, "ot-cfm", "quick", {}, {}, seeds=(0,), band_folds=4)
    assert cli.main(["train", "--data", id, "--model", "linear-course", "--band-folds", "1"]) != 0
    assert "asked for 1 parts" in capsys.readouterr().err


def test_a_variable_of_one_individual_is_refused_before_anything_is_trained(study):
    """The copy without that individual would have nothing of it."""
    place = study.variables.index(toy_pk.ACTIVITY)
    observed = study.observed.copy()
    observed[:, place] &= study.subject == study.subjects[0]
    id = stored(replace(study, observed=observed).to_snapshots())
    asked = {"seeds": (0,), "band_folds": 5}
    with pytest.raises(ValueError, match=r"activity \(%\) was measured in too few individuals"):
        recipes(id, "linear-course", "quick", {}, {"validation_fraction": 0.0}, **asked)


def test_folds_hold_each_individual_once():
    parts = folds_of(np.arange(3, 16), 4, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(3, 16)) and {len(each) for each in parts} == {3, 4}
    with pytest.raises(ValueError, match="13 individuals cannot be parted into 14 folds"):
        folds_of(np.arange(3, 16), 14, 0)
