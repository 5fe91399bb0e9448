"""Stages cross a process border as lines of a file."""

from __future__ import annotations

import pickle
from pathlib import Path

from cellflow_core.progress import Stages


def test_stages_are_read_in_order_by_another_holder(tmp_path: Path) -> None:
    log = Stages(tmp_path / "new" / "stages.txt")
    assert log.read() == ()
    other = pickle.loads(pickle.dumps(log))  # noqa: S301 - as the process pool hands it over
    other("reading\nthe file")
    other("counting")
    assert log.read() == ("reading the file", "counting")
    log.clear()
    assert log.read() == ()


def test_half_a_line_waits(tmp_path: Path) -> None:
    log = Stages(tmp_path / "stages.txt")
    log("one")
    with log.path.open("a") as file:
        file.write("tw")
    assert log.read() == ("one",)
