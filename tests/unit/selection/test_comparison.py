"""A comparison: which runs it is made of, how it finds those that are there, and the table from the shell."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from cellflow_core import cli
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.jobs.recipes import comparison
from cellflow_core.models import registry
from cellflow_core.reporting.comparison_table import of_comparison
from cellflow_core.runs import index
from cellflow_core.selection import comparison as table
from cellflow_core.selection.model_cards import catalogue
from cellflow_core.train import trainer
from tests import example_scores
from tests.toys import drifting, stored


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setitem(trainer.PRESETS, "quick", 0.002)  # type: ignore[misc]


def work_off() -> None:
    for run in index.open_runs():
        InProcess().start(run)


def test_every_model_meets_every_seed_and_time():
    request = comparison(stored(drifting(4)), ("i-cfm", "ot-displacement"), "quick", (3, 4), folds=None)
    asked = [(each.model, each.seed, each.hold_out) for each in request.recipes]
    assert asked == [(m, s, f) for m in ("i-cfm", "ot-displacement") for s in (3, 4) for f in (1.0, 2.0)]
    assert len({each.group for each in request.recipes}) == 1 and not request.refused
    assert request.recipes[0].label == "I-CFM, quick, seed 3, without time 1"
    assert request.recipes[0].training["steps"] == 4


def test_a_model_that_lacks_something_is_refused_alone(monkeypatch):
    monkeypatch.setattr(registry.find("ot-cfm"), "needs", frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE}))
    data = stored()
    request = comparison(data, ("i-cfm", "ot-cfm"), "quick")
    assert [each.model for each in request.recipes] == ["i-cfm"]
    assert request.refused == {"ot-cfm": "OT-CFM needs lineage barcodes, which these data do not have"}
    every = comparison(data, (), "quick")
    assert {each.model for each in every.recipes} | set(every.refused) == set(registry.names())


def test_a_model_that_moves_no_cells_is_left_out_with_the_reason():
    found = comparison(stored(), ("tscan", "pba"))
    assert not found.recipes and all("moves no cells" in found.refused[name] for name in ("tscan", "pba"))


def test_what_cannot_be_left_out_is_one_sentence():
    with pytest.raises(ValueError, match="time 2"):
        comparison(stored(), ("i-cfm",), folds=(2.0,))
    with pytest.raises(KeyError, match="'ot-cmf'"):
        comparison(stored(), ("ot-cmf",))
    with pytest.raises(ValueError, match="three"):
        comparison(stored(drifting(2)), ("i-cfm",))


def test_runs_are_found_by_what_they_are_made_from():
    data = stored()
    request = comparison(data, ("i-cfm",), "quick", (0, 1))
    assert table.matching_runs(request) == (None, None)
    first, second = table.submit(request)
    assert [table.row(each).state for each in (first, second)] == ["queued", "queued"]
    assert [run.id for run in table.submit(request)] == [first.id, second.id]  # nothing is handed in twice
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
    assert lines[0].by_fold[1.0] == pytest.approx(table.baselines(rows)["midpoint"][1.0], abs=0.05)
    other = comparison(stored(drifting(cells=50)), ("i-cfm",), "quick", (0,))
    assert table.matching_runs(other) == (None,)


def test_a_run_on_every_time_has_no_row():
    request = comparison(stored(), ("i-cfm",), "quick")
    whole = index.submit(dataclasses.replace(request.recipes[0], hold_out=None))
    assert table.matching_runs(request) == (None,)
    with pytest.raises(ValueError, match="every time"):
        table.row(whole)


def made_row(model: str, seed: int, fold: float, w1: float | None, **change) -> table.RunScore:
    scores = (
        None
        if w1 is None
        else example_scores.scores(time=fold, from_previous=example_scores.distances(w1, coverage=w1 / 10))
    )
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
    assert table.baselines(rows)["midpoint"] == {1.0: 0.85, 2.0: 0.85} and not table.baselines([])["floor"]


def test_the_table_says_which_runs_had_a_smaller_batch():
    rows = [
        made_row("a", seed, 1.0, 2.0, message="trained with a batch size of 8" if seed == 2 else "") for seed in (1, 2)
    ]
    found = of_comparison(table.summary(rows), rows, {"a": 3}, table.baselines(rows), {"a": "A"}, "day")
    assert found["runs"][0] == "2 of 3, 1 with a smaller batch"


def test_models_are_compared_at_times_that_each_has_a_score_for():
    both = [made_row("a", 1, fold, 10 * fold) for fold in (1.0, 2.0)]
    rows = [*both, made_row("b", 1, 1.0, 12.0), made_row("b", 1, 2.0, None), made_row("c", 1, 1.0, None)]
    kept = table.comparable(rows)
    assert [(each.model, each.fold) for each in kept] == [("a", 1.0), ("b", 1.0), ("c", 1.0)]
    assert [(line.model, line.mean) for line in table.summary(kept)][:2] == [("a", 10.0), ("b", 12.0)]
    assert list(table.baselines(kept)["midpoint"]) == [1.0]
    assert table.comparable(both) == tuple(both)
    assert table.comparable([made_row("a", 1, 1.0, 1.0), made_row("b", 1, 2.0, 1.0)]) == table.comparable([]) == ()


def test_the_shell_prints_the_table_of_the_same_runs(monkeypatch, capsys):
    monkeypatch.setattr("cellflow_core.jobs.supervisor.ensure_supervisor", work_off)
    monkeypatch.setattr(registry.find("sf2m"), "needs", frozenset({DataRequirement.TIMES, DataRequirement.LINEAGE}))
    data = stored()
    line = ["compare", "--data", data, "--models", "i-cfm,sf2m,ot-displacement", "--preset", "quick", "--seeds", "0,1"]
    assert cli.main(line) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("left out: [SF]2M needs lineage barcodes") and printed.err.count("\n") == 1
    verdict, lines = printed.out.split("\n\n")[0], printed.out.splitlines()[-8:]
    assert "comes nearest to the cells of held-out times" in verdict and "Fewer than 3 seeds" in verdict
    assert lines[0].startswith("model") and "W1 (state)" in lines[0] and "W1 of the plan (state)" in lines[0]
    assert [each.split("  ")[0] for each in lines[1:4]] == ["OT displacement (McCann)", "I-CFM", "(previous snapshot)"]
    assert "2 of 2" in lines[1] and len(index.runs()) == 4
    assert cli.main([*line, "--no-wait", "--measure", "coverage", "--start", "first"]) == 0
    again = capsys.readouterr().out
    assert len(index.runs()) == 4 and again.splitlines()[-8].split()[1] == "Coverage"
    assert cli.main(["compare", "--data", stored(drifting(2)), "--models", "i-cfm"]) == 2
    assert "has 2 times" in capsys.readouterr().err
    assert cli.main(["compare", "--data", data, "--models", "sf2m"]) == 2
    assert "no model that was asked for can be trained" in capsys.readouterr().err


def test_finished_runs_with_other_settings_join_where_they_have_every_time():
    data = stored(drifting(4))
    request = comparison(data, ("i-cfm",), "quick", (0,), (1.0, 2.0))
    table.submit(request)
    width = {**request.recipes[0].settings, "width": 8}
    for fold in (1.0, 2.0):
        index.submit(dataclasses.replace(request.recipes[0], settings=width, hold_out=fold))
    index.submit(dataclasses.replace(request.recipes[0], training={**request.recipes[0].training, "steps": 5}))
    work_off()
    cards = {each.name: each for each in catalogue()}
    others = table.other_runs(request, cards)
    assert sorted(others.values()) == sorted([" (Hidden width 8)"] * 2 + [variant_steps(others)])
    rows = [table.row(run) for run in table.matching_runs(request) if run is not None]
    kept, partial = table.joined(rows, [table.row(run, variant) for run, variant in others.items()])
    assert len(kept) == 4 and {each.variant for each in kept} == {"", " (Hidden width 8)"}
    assert [each.fold for each in partial] == [1.0]
    assert {line.variant for line in table.summary(kept)} == {"", " (Hidden width 8)"}
    scores = table.model_scores(kept, {"i-cfm": "I-CFM"}, {"i-cfm": (5, 7)})
    assert {each.title for each in scores} == {"I-CFM", "I-CFM (Hidden width 8)"} and scores[0].loses_on_most


def variant_steps(others) -> str:
    return next(each for each in others.values() if "teps" in each)
