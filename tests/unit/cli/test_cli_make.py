"""`data make`: the simulators are listed, made, and mistakes are one sentence."""

from __future__ import annotations

import argparse

import pytest

from cellflow_core.cli.datasets import make
from cellflow_core.data import store
from cellflow_core.data.simulators import registry


def run(line: str) -> None:
    argv = ["data", "make", *line.split()]
    parser = argparse.ArgumentParser(exit_on_error=False)
    actions = parser.add_subparsers().add_parser("data").add_subparsers()
    make.add(actions, argv)
    chosen = parser.parse_args(argv)
    chosen.do(chosen)


def test_without_a_name_the_simulators_are_listed_with_what_they_know(capsys: pytest.CaptureFixture[str]) -> None:
    run("")
    message = capsys.readouterr().out
    assert all(f"\n{name} " in message for name in registry.names())
    assert "where cells end, also with a gene held" in message and "what any dose does" in message


def test_settings_are_flags_or_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    run("toggle --set bias=0.2 --set n_times=2 --cells-per-time 12 --label Mine")
    info = store.open_dataset(capsys.readouterr().out.strip()).info
    assert info.label == "Mine" and info.cells == 24 and info.truth == "toggle"
    assert info.truth_settings["bias"] == 0.2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("dice", "there is no simulator 'dice'; there are "),
        ("toggle --set luck=1", "there is no setting 'luck'; there are cells_per_time, "),
        ("toggle --set bias=9", r"must be a number from .* to 0.5, not 9.0 \(setting bias\)"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises((KeyError, ValueError), match=sentence):
        run(line)
    assert store.datasets() == ()
