"""What is kept of ended runs: the folders stay the truth, whatever becomes of the file, and whoever else writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cellflow_core.runs import ended, index
from cellflow_core.runs.run import Run
from cellflow_core.workspace import current
from tests.unit.runs.test_run_folder import submitted

STATES = {"done": ("done", "trained"), "failed": ("failed", "because")}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No folder is too young, and nothing is trusted for a while."""
    monkeypatch.setattr(ended, "SETTLED", -1.0)
    monkeypatch.setattr(ended, "FRESH", 0.0)


@pytest.fixture
def runs() -> list[Run]:
    """A run in the queue between two that have ended."""
    made = [submitted(label=name) for name in ("done", "queued", "failed")]
    for run in made:
        if run.label in STATES:
            run.end(*STATES[run.label])
    return made


def path() -> Path:
    return current().runs / ended.FILE


def listed() -> dict[str, str]:
    return {run.label: run.status().state for run in index.runs()}


def started_anew() -> None:
    """Forget what this process knows, as a new server does."""
    index._LISTINGS.clear()
    index._ENDED.clear()


def unread(monkeypatch) -> None:
    """From here on, no ended run is read from its folder."""
    monkeypatch.setattr(ended.EndedRuns, "_read", lambda self, name, time: pytest.fail(f"{name} is read"))


def test_ended_runs_come_from_memory_and_in_a_new_process_from_the_file(runs, monkeypatch):
    known = {"failed": "failed", "queued": "queued", "done": "done"}
    assert listed() == known
    assert sorted(json.loads(line)[0] for line in path().read_text().split("\n") if line) == [runs[0].id, runs[2].id]
    monkeypatch.setattr(ended.EndedRuns, "_read", lambda self, name, time: None if name == runs[1].id else 1 / 0)
    assert listed() == known
    started_anew()
    assert listed() == known
    assert [run.facts is not None for run in index.runs()] == [True, False, True]
    assert index.runs()[0].recipe == runs[2].recipe and index.runs()[0].result == runs[2].result


@pytest.mark.parametrize(
    "damage",
    [
        lambda: path().unlink(),
        lambda: path().write_bytes(b""),
        lambda: path().write_bytes(b"\xff\x00{}\n[1, 2]\nnull\n"),
        lambda: path().write_bytes(path().read_bytes()[:-40]),
        lambda: path().write_bytes(path().read_bytes().replace(b'"recipe"', b'"recipy"')),
        lambda: path().write_text(path().read_text().replace('"changed": ', '"changed": 1')),
    ],
    ids=["deleted", "empty", "another file", "torn", "other names", "of another time"],
)
def test_a_damaged_file_costs_time_and_no_run(runs, damage: Callable[[], object], monkeypatch):
    known = listed()
    damage()
    started_anew()
    assert listed() == known
    unread(monkeypatch)
    runs[1].end("done", "")
    runs[1].delete()
    started_anew()
    assert listed() == {"failed": "failed", "done": "done"}, "the file was completed"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda run: run.resume(), {"failed": "queued", "queued": "queued", "done": "done"}),
        (lambda run: run.delete(), {"queued": "queued", "done": "done"}),
        (lambda run: run.rename("again"), {"again": "failed", "queued": "queued", "done": "done"}),
        (lambda run: (run.folder / "result.json").unlink(), {"failed": "queued", "queued": "queued", "done": "done"}),
    ],
)
def test_what_another_server_changes_is_seen(runs, change: Callable[[Run], object], found):
    listed()
    (mine,) = (run for run in index.runs() if run.id == runs[2].id)
    change(index.open_run(runs[2].id))
    assert listed() == found
    if mine.folder.exists():
        assert mine.status().state == found.get("failed", "failed")
    started_anew()
    assert listed() == found


def test_what_was_listed_a_moment_ago_is_not_looked_at_again(runs, monkeypatch):
    monkeypatch.setattr(ended, "FRESH", 60.0)
    known = listed()
    found = index.runs()
    monkeypatch.setattr(ended, "changed", lambda folder: pytest.fail("a folder is looked at"))
    assert {run.label: run.status().state for run in found if run.facts} == {
        name: state for name, state in known.items() if state != "queued"
    }


def test_folders_are_looked_at_where_something_has_changed_only(runs, monkeypatch):
    listed()
    listed()  # the file, which the first look makes, is in the folder of the runs
    monkeypatch.setattr(ended.os, "scandir", lambda folder: pytest.fail("every folder is looked at"))
    assert len(index.runs()) == 3
    submitted()
    with pytest.raises(pytest.fail.Exception, match="every folder"):
        index.runs()


def test_a_run_that_has_just_ended_is_read_until_nothing_can_change_unseen(runs, monkeypatch):
    monkeypatch.setattr(ended, "SETTLED", 60.0)
    assert listed() == {"failed": "failed", "queued": "queued", "done": "done"}
    assert not path().exists() and not any(run.facts for run in index.runs())


def test_two_servers_add_to_one_file_and_it_is_written_anew_when_it_grows(runs, monkeypatch):
    servers = [ended.EndedRuns(current().runs) for _ in range(2)]
    assert [sum(facts is not None for facts in each.look().values()) for each in servers] == [2, 2]
    before = path().read_text()
    monkeypatch.setattr(ended, "SLACK", 5)
    path().write_text(before * 5)
    for each in (*servers, ended.EndedRuns(current().runs)):
        submitted().end("done", "")
        each._whole = 0.0
        assert all(facts is not None for name, facts in each.look().items() if name != runs[1].id)
    names = [json.loads(line)[0] for line in path().read_text().split("\n") if line]
    assert len(names) == len(set(names)) == 5


def test_without_the_file_the_folders_are_read(runs):
    path().mkdir()  # it can be neither read nor written
    for _ in range(2):
        started_anew()
        assert listed() == {"failed": "failed", "queued": "queued", "done": "done"}


def test_a_folder_that_cannot_be_looked_at_now_is_no_traceback(runs, monkeypatch):
    listed()
    (run,) = (each for each in index.runs() if each.label == "done")

    def failing(folder):
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(ended.os, "stat", failing)
        assert run.status().state == "done", "as its files say"
    assert listed()["done"] == "done"


def test_a_store_without_markers_takes_names(runs):
    runs[1].end("done", "")
    (current().runs / ".open").rmdir()
    runs[0].rename("again")
    assert listed()["again"] == "done"


def test_listings_of_few_people_are_kept(runs, monkeypatch):
    monkeypatch.setattr(index, "MOST_LISTINGS", 2)
    for name in ("a", "b", "c"):
        index.runs(replace(current(), owner=name))
    assert [each.owner for each in index._LISTINGS] == ["b", "c"] and len(index.runs()) == 3
