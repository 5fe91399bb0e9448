"""Stages cross a process border as lines of a file."""

from __future__ import annotations

import pickle
from pathlib import Path

from cellflow_core.progress import Stages


def test_stages_are_read_in_order_by_another_holder(tmp_path: Path) -> None:
    say = Stages(tmp_path / "new" / "stages.txt")
    assert say.read() == ()
    other = pickle.loads(pickle.dumps(say))  # noqa: S301 - as the process pool hands it over
    other("reading\nthe file")
    other("counting")
    assert say.read() == ("reading the file", "counting")
    say.clear()
    assert say.read() == ()


def test_half_a_line_waits(tmp_path: Path) -> None:
    say = Stages(tmp_path / "stages.txt")
    say("one")
    with say.path.open("a") as file:
        file.write("tw")
    assert say.read() == ("one",)
