"""A comparison: which runs it is made of, how it finds those that are there, and the table from the shell."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from cellflow_core import cli
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.jobs.executor import InProcess
from cellflow_core.jobs.recipes import comparison
from cellflow_core.models import registry
from cellflow_core.runs import index
from cellflow_core.selection import comparison as table
from cellflow_core.train import trainer
from tests import examples
from tests.toys import drifting, stored


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setitem(trainer.PRESETS, "quick", 0.002)  # type: ignore[misc]


def work_off() -> None:
    for run in index.open_runs():
        InProcess().start(run)


def test_every_model_meets_every_seed_and_time():
    goal = comparison(stored(drifting(4)), ("i-cfm", "ot-displacement"), "quick", (3, 4), folds=None)
    asked = [(each.model, each.seed, each.hold_out) for each in goal.recipes]
    assert asked == [(m, s, f) for m in ("i-cfm", "ot-displacement") for s in (3, 4) for f in (1.0, 2.0)]
    assert len({each.group for each in goal.recipes}) == 1 and not goal.refused
    assert goal.recipes[0].label == "I-CFM, quick, seed 3, without time 1"
    assert goal.recipes[0].training["steps"] == 4


def test_a_model_that_lacks_something_is_refused_alone(monkeypatch):
    monkeypatch.setattr(registry.find("ot-cfm"), "needs", frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE}))
    data = stored()
    goal = comparison(data, ("i-cfm", "ot-cfm"), "quick")
    assert [each.model for each in goal.recipes] == ["i-cfm"]
    assert goal.refused == {"ot-cfm": "OT-CFM needs lineage barcodes, which these data do not have"}
    every = comparison(data, (), "quick")
    assert {each.model for each in every.recipes} | set(every.refused) == set(registry.names())


def test_what_cannot_be_left_out_is_one_sentence():
    with pytest.raises(ValueError, match="time 2"):
        comparison(stored(), ("i-cfm",), folds=(2.0,))
    with pytest.raises(KeyError, match="'ot-cmf'"):
        comparison(stored(), ("ot-cmf",))
    with pytest.raises(ValueError, match="three"):
        comparison(stored(drifting(2)), ("i-cfm",))


def test_runs_are_found_by_what_they_are_made_from():
    data = stored()
    goal = comparison(data, ("i-cfm",), "quick", (0, 1))
    assert table.matching_runs(goal) == (None, None)
    first, second = table.submit(goal)
    assert [table.row(each).state for each in (first, second)] == ["queued", "queued"]
    assert [run.id for run in table.submit(goal)] == [first.id, second.id]  # nothing is handed in twice
    second.cancel()
    work_off()
    again = comparison(data, ("ot-displacement", "i-cfm"), "quick", (0, 1))
    assert [None if run is None else run.id for run in table.matching_runs(again)] == [None, None, first.id, second.id]
    runs = table.submit(again)
    assert runs[2].id == first.id and runs[3].id != second.id  # what was cancelled is trained anew
    work_off()
    rows = [table.row(each) for each in table.matching_runs(again) if each is not None]
    assert [each.run_id for each in rows] == [each.id for each in runs]
    assert all(each.scores is not None and each.peak_mb for each in rows)
    lines = table.summary(rows)
    assert [line.model for line in lines] == ["ot-displacement", "i-cfm"] and lines[0].done == lines[0].asked == 2
    assert lines[0].by_fold[1.0] == pytest.approx(table.trivial(rows)["midpoint"][1.0], abs=0.05)
    other = comparison(stored(drifting(cells=50)), ("i-cfm",), "quick", (0,))
    assert table.matching_runs(other) == (None,)


def test_a_run_on_every_time_has_no_row():
    goal = comparison(stored(), ("i-cfm",), "quick")
    whole = index.submit(dataclasses.replace(goal.recipes[0], hold_out=None))
    assert table.matching_runs(goal) == (None,)
    with pytest.raises(ValueError, match="every time"):
        table.row(whole)


def made_row(model: str, seed: int, fold: float, w1: float | None, **change) -> table.RunScore:
    scores = None if w1 is None else examples.scores(time=fold, from_previous=examples.distances(w1, coverage=w1 / 10))
    known = {"state": "queued" if w1 is None else "done", "seconds": 2.0 * seed, "peak_mb": 100.0 + seed}
    known |= {"run_id": "", "message": "", "step": 0, "steps": 0, "eta": None} | change
    return table.RunScore(model=model, seed=seed, fold=fold, scores=scores, **known)


def test_mean_and_spread_are_over_seeds_of_means_over_times():
    rows = [made_row("a", seed, fold, seed + 10 * fold) for seed in (1, 2, 4) for fold in (1.0, 2.0)]
    rows += [made_row("b", 1, 1.0, 9.0), made_row("b", 1, 2.0, None), made_row("c", 1, 1.0, None)]
    rows += [made_row("old", 1, 1.0, 1.0, peak_mb=None)]
    old, b, a, c = table.summary(rows)
    assert (a.model, b.model, c.model, old.model) == ("a", "b", "c", "old")
    means = np.array([16.0, 17.0, 19.0])
    assert (a.mean, a.spread) == pytest.approx((means.mean(), means.std(ddof=1)))
    assert a.by_fold == pytest.approx({1.0: 10 + 7 / 3, 2.0: 20 + 7 / 3}) and (a.done, a.asked) == (6, 6)
    assert a.seconds == pytest.approx(2 * 7 / 3) and a.peak_mb == 104.0
    assert b.mean == 9.0 and math.isnan(b.spread) and (b.done, b.asked) == (1, 2)
    assert math.isnan(c.mean) and math.isnan(c.seconds) and math.isnan(old.peak_mb)
    assert [line.model for line in table.summary(rows, "coverage")] == ["a", "b", "old", "c"]  # more is better
    assert table.summary(rows, "w1", "first")[0].mean == pytest.approx(0.95)
    assert table.trivial(rows)["midpoint"] == {1.0: 0.85, 2.0: 0.85} and not table.trivial([])["floor"]


def test_models_are_compared_at_times_that_each_has_a_score_for():
    both = [made_row("a", 1, fold, 10 * fold) for fold in (1.0, 2.0)]
    rows = [*both, made_row("b", 1, 1.0, 12.0), made_row("b", 1, 2.0, None), made_row("c", 1, 1.0, None)]
    kept = table.comparable(rows)
    assert [(each.model, each.fold) for each in kept] == [("a", 1.0), ("b", 1.0), ("c", 1.0)]
    assert [(line.model, line.mean) for line in table.summary(kept)][:2] == [("a", 10.0), ("b", 12.0)]
    assert list(table.trivial(kept)["midpoint"]) == [1.0]
    assert table.comparable(both) == tuple(both)
    assert table.comparable([made_row("a", 1, 1.0, 1.0), made_row("b", 1, 2.0, 1.0)]) == table.comparable([]) == ()


def test_the_shell_prints_the_table_of_the_same_runs(monkeypatch, capsys):
    monkeypatch.setattr("cellflow_core.jobs.supervisor.ensure_supervisor", work_off)
    monkeypatch.setattr(registry.find("sf2m"), "needs", frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE}))
    data = stored()
    line = ["compare", "--data", data, "--models", "i-cfm,sf2m,ot-displacement", "--preset", "quick", "--seeds", "0,1"]
    assert cli.main(line) == 0
    message = capsys.readouterr()
    assert message.err.startswith("left out: [SF]2M needs lineage barcodes") and message.err.count("\n") == 1
    lines = message.out.splitlines()[-8:]
    assert lines[0].split() == ["model", "w1", "+-", "seeds", "without", "1", "s", "a", "run", "peak", "MB", "done"]
    assert [each.split()[0] for each in lines[1:]] == ["ot-displacement", "i-cfm", *table.TRIVIAL]
    assert lines[1].endswith("2/2") and len(index.runs()) == 4
    assert cli.main([*line, "--no-wait", "--measure", "coverage", "--start", "first"]) == 0
    again = capsys.readouterr().out
    assert len(index.runs()) == 4 and again.splitlines()[0].split()[1] == "coverage"
    assert cli.main(["compare", "--data", data, "--models", "sf2m"]) == 2
    assert "no model that was asked for can be trained" in capsys.readouterr().err
