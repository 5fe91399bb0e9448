"""Sweeps: every combination is one run a seed, and the lowest validation loss of a model is found."""

from __future__ import annotations

import pytest

from cellflow_core.cli import main
from cellflow_core.jobs import recipes, supervisor
from cellflow_core.reporting import progress
from cellflow_core.runs import groups, index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.selection import sweep
from cellflow_core.selection.model_cards import card
from tests.toys import stored

CARDS = {name: card(name) for name in ("i-cfm", "ot-displacement")}
VALUES = {"learning_rate": (1e-3, 2e-3), "width": (8,)}


def handed_in(seeds: tuple[int, ...] = (0, 1)):
    request = recipes.sweep(stored(), ("i-cfm", "ot-displacement"), "quick", VALUES, seeds)
    return request, [index.submit(each) for each in request.recipes]


def reported(run, validation: float | None, state: str = "done") -> None:
    row = {"phase": "flow", "step": 10, "steps": 10, "losses": {"loss": 1.0}, "validation": validation, "seconds": 2.0}
    metrics.append(claim(run.folder, "test").metrics, row)
    if state:
        run.end(state, "")


def test_every_combination_is_trained_once_a_seed_on_every_time():
    request, runs = handed_in()
    made = [
        (each.model, each.settings.get("width"), each.training["learning_rate"], each.seed) for each in request.recipes
    ]
    one, straight = [("i-cfm", 8, rate, seed) for rate in (1e-3, 2e-3) for seed in (0, 1)], "ot-displacement"
    assert made == one + [(straight, None, rate, seed) for rate in (1e-3, 2e-3) for seed in (0, 1)]
    assert len({each.label for each in request.recipes}) == 8 and not request.refused
    assert {each.hold_out for each in request.recipes} == {None}
    (group,) = groups.groups(runs)
    assert group.sweep and not group.comparison
    assert not groups.groups(runs[:2])[0].sweep, "seeds alone are none"


@pytest.mark.parametrize(
    ("models", "values", "seeds", "answer"),
    [
        (("i-cfm",), {"wide": (1,)}, (0,), "no model|none of these models has a setting wide"),
        (("i-cfm",), {"width": tuple(range(8, 108))}, tuple(range(6)), "more than 500"),
    ],
)
def test_what_cannot_be_meant_is_refused(models, values, seeds, answer):
    with pytest.raises(ValueError, match=answer):
        recipes.sweep(stored(), models, "quick", values, seeds)
    refused = recipes.sweep(stored(), ("i-cfm",), "quick", {"width": (-1,)})
    assert not refused.recipes and "width" in refused.refused["i-cfm"]
    partly = recipes.sweep(stored(), ("i-cfm", "ot-displacement"), "quick", {"width": (8, -1)})
    assert {each.model for each in partly.recipes} == {"ot-displacement"}, "whole, or not at all"


def test_the_lowest_mean_of_each_model_is_named_once_all_have_ended():
    _, runs = handed_in()
    for run, loss in zip(runs[:3], (0.5, 0.3, 0.2), strict=True):
        reported(run, loss)
    reported(runs[3], 0.1, state="")
    first, second, *others = sweep.candidates(runs, CARDS)
    assert (first.mean, second.mean) == pytest.approx((0.15, 0.4)) and not first.best
    assert first.variant == "Learning rate 0.002", "the width is that of every run"
    version = progress.comparison_version(runs)
    runs[3].end("done", "")
    assert progress.comparison_version(runs) != version
    assert "4 of 8 runs have ended" in progress.comparison_progress(runs).text
    first, second, *others = sweep.candidates(runs, CARDS)
    assert first.best and not second.best and not any(each.best for each in others)
    reported(runs[0], None, state="")  # as good as a run without a validation loss
    runs[3].take_batch(4)
    shown = sweep.table(sweep.candidates(runs, CARDS), {"i-cfm": "I-CFM"})
    assert shown["runs"][0] == "1 done, 1 done with a smaller batch"
    assert shown["validation loss"][0] == "0.15 ± 0.071" and shown["runs"][-1] == "2 queued"


def test_a_failed_run_has_no_part_in_the_best(monkeypatch):
    _, runs = handed_in(seeds=(0,))
    reported(runs[0], 0.1, state="failed")
    reported(runs[1], 0.7)
    best = [each for each in sweep.candidates(runs, CARDS) if each.best]
    assert [each.mean for each in best] == [0.7]
    (runs[0].folder / "result.json").write_text("{")
    assert [each.mean for each in sweep.candidates(runs, CARDS) if each.best] == [0.7], "nor has a damaged one"


def test_the_shell_hands_in_a_sweep_prints_its_table_and_cancels_it(capsys, monkeypatch):
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda *_: None)
    values = ["--set", "width=8,16", "--set", "learning-rate=0.001,0.002"]
    assert main(["sweep", "--data", stored(), "--models", "i-cfm", "--preset", "quick", "--no-wait", *values]) == 0
    shown = capsys.readouterr().out
    group = shown.split()[1]
    assert shown.count("1 queued") == 4 and len(index.open_runs()) == 4
    assert main(["sweep", "--group", group, "--cancel"]) == 0
    assert capsys.readouterr().out.count("1 cancelled") == 4 and not index.open_runs()
    assert main(["sweep", "--group", "none"]) == 2 and main(["sweep"]) == 2
    assert main(["sweep", "--data", stored(), "--models", "i-cfm", "--cancel"]) == 2 and len(index.runs()) == 4
