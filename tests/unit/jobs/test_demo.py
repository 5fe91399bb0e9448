"""The app's demo is handed in once, with a copy that is tested on a time it never saw."""

from cellflow_core.jobs import demo, supervisor
from cellflow_core.runs import index


def test_the_demo_is_handed_in_once(monkeypatch):
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda: None)
    first = demo.submit()
    assert demo.submit() == first
    recipes = [index.open_run(id).recipe for id in first]
    assert [each.model for each in recipes] == ["ot-cfm", "action-matching"]
    runs = index.runs()
    assert len(runs) == 4
    assert sorted(run.recipe.hold_out is not None for run in runs) == [False, False, True, True]
    assert {run.recipe.group for run in index.siblings(index.open_run(first[0]))} == {recipes[0].group}


def test_a_failed_demo_run_is_handed_in_again(monkeypatch):
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda: None)
    first = demo.submit()
    index.open_run(first[0]).end("failed", "the disk was full")
    again = demo.submit()
    assert again[0] != first[0]
    assert again[1] == first[1]
