"""A class votes: the last prediction of each counts, codes that are none are refused, a line cut off is passed over."""

from __future__ import annotations

import pytest

from cellflow_core.lessons import tally
from cellflow_core.lessons.tally import Tally
from cellflow_core.workspace import Workspace


def test_the_last_vote_of_each_counts(tmp_path):
    workspace = Workspace(tmp_path)
    made = Tally.begin(workspace)
    for voter, choice in (("a", 0), ("b", 1), ("a", 1), ("c", 7)):
        made.vote(voter, "noise/1/0", choice)
    made.vote("a", "noise/2/0", 0)
    with (tmp_path / "classes" / f"{made.code}.jsonl").open("a") as file:
        file.write('["d", "noise/1/0"')
    again = Tally(made.code.lower(), workspace)
    assert again.counts("noise/1/0", 3) == (0, 2, 0) and again.counts("noise/2/0", 3) == (1, 0, 0)
    assert again.counts("growth/0/0", 2) == (0, 0)


def test_codes_that_are_none_are_refused(tmp_path):
    for code in ("AAAAA", "../..", "", "A" * 300):
        with pytest.raises(ValueError, match="there is no class"):
            Tally(code, Workspace(tmp_path))


def test_a_full_class_takes_no_more(tmp_path, monkeypatch):
    made = Tally.begin(Workspace(tmp_path))
    monkeypatch.setattr(tally, "MOST_BYTES", 10)
    made.vote("a", "noise/1/0", 0)
    with pytest.raises(ValueError, match="is full"):
        made.vote("b", "noise/1/0", 0)
