"""Answers are stored beside the run, under a name that holds all that decides them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from cellflow_core.analysis.results import GeneTrend
from cellflow_core.data.store import delete
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.run_context import RunContext
from cellflow_core.runs import index
from tests.toys import finished, recipe, stored

ASKED: list[int] = []


def _trend(subject: RunContext, gene: str, steps: int = 3) -> GeneTrend:
    ASKED.append(len(subject.ensemble))
    some = np.zeros(steps)
    return GeneTrend(
        gene, subject.data.time_unit, some, some, np.zeros((steps, 3)), some, some, np.zeros((steps, 3)), ("a note",)
    )


@pytest.fixture(autouse=True)
def question(monkeypatch):
    ASKED.clear()
    monkeypatch.setitem(analysis_cache.QUESTIONS, "test-trend", _trend)


def trained(**changes):
    return finished(recipe(**changes))


def test_an_answer_is_given_once_and_read_afterwards():
    run = trained(dataset=stored())
    first = analysis_cache.answer("test-trend", run.id, gene="a", steps=3)
    again = analysis_cache.answer("test-trend", run.id, gene="a")
    assert ASKED == [1] and first.notes == again.notes == ("a note",)  # type: ignore[attr-defined]
    analysis_cache.answer("test-trend", run.id, gene="b")
    assert ASKED == [1, 1]
    assert len(list((run.folder / "views").iterdir())) == 2


def test_a_new_seed_is_a_new_answer():
    data = stored()
    run = trained(dataset=data, group="g")
    analysis_cache.answer("test-trend", run.id, gene="a")
    trained(dataset=data, group="g", seed=1)
    trained(dataset=data, group="g", seed=2, hold_out=1.0)
    analysis_cache.answer("test-trend", run.id, gene="a")
    assert ASKED == [1, 2]


def test_data_that_are_gone_are_told():
    run = trained(dataset=stored())
    delete(run.recipe.dataset)
    with pytest.raises(KeyError, match="no data set"):
        analysis_cache.answer("test-trend", run.id, gene="a")


def test_settings_that_the_question_does_not_take():
    run = index.submit(recipe(stored()))
    with pytest.raises(ValueError, match="'wrong'"):
        analysis_cache.cache_path("test-trend", run.id, {"gene": "a", "wrong": 1})
    with pytest.raises(ValueError, match="queued"):
        analysis_cache.answer("test-trend", run.id, gene="a")


def test_answers_looked_at_longest_ago_make_room(monkeypatch):
    monkeypatch.setattr(analysis_cache, "LOOK_EVERY", 0.0)
    data = stored()
    runs = [trained(dataset=data), trained(dataset=data, seed=1)]
    asked = [(run, gene) for run in runs for gene in "ab"]
    path = lambda run, gene: analysis_cache.cache_path("test-trend", run.id, {"gene": gene})  # noqa: E731
    for k, (run, gene) in enumerate(asked):
        analysis_cache.answer("test-trend", run.id, gene=gene)
        os.utime(path(run, gene), (k, k))
    scores = runs[0].folder / "views" / "scores-0.npz"
    scores.write_bytes(b"0" * 10_000)
    monkeypatch.setenv("CELLFLOW_ANSWERS_GB", str(2.5 * path(*asked[0]).stat().st_size / 1e9))
    analysis_cache.answer("test-trend", runs[0].id, gene="a")  # looked at again, so b is the oldest now
    analysis_cache.answer("test-trend", runs[1].id, gene="c")
    kept = [(run, gene) for run in runs for gene in "abc" if path(run, gene).exists()]
    assert kept == [(runs[0], "a"), (runs[1], "c")] and scores.exists()


def test_selected_cells_decide_where_an_answer_is_stored():
    run = trained(dataset=stored())
    outlines = ((), ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0)))
    paths = {analysis_cache.cache_path("futures", run.id, {"polygon": each}) for each in outlines}
    assert len(paths) == 3
