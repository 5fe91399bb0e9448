"""`data splicing`: unspliced RNA by group and time, and velocity genes with reasons."""

from __future__ import annotations

import argparse

import pytest

from cellflow_core.cli import main
from cellflow_core.cli.datasets import history
from cellflow_core.data.steps.derive import derive
from tests.unit.data.steps.test_moments import FEW, counts, measured


def run(line: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    history.add(parser.add_subparsers())
    chosen = parser.parse_args(["splicing", *line.split()])
    chosen.do(chosen)


def test_shares_and_genes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    id = measured()
    run(id)
    before = capsys.readouterr().out
    assert "all cells" in before and "1 day " in before and "take the step moments" in before
    run(f"{derive(id, 'moments', FEW)} --genes 0")
    after = capsys.readouterr().out
    assert "18 of 20 genes are velocity genes; 2 left out: fewer than 20 counts" in after
    assert after.index("G5 ") < after.index("G19 ") and after.count(" yes ") == 18


def test_without_layers_the_sentence_names_what_counts_them() -> None:
    with pytest.raises(ValueError, match="velocyto"):
        run(measured(unspliced=None))


def test_the_step_asks_in_one_sentence_and_takes_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    unspliced, spliced = counts()
    line = ["data", "step", measured(unspliced=spliced, spliced=unspliced), "moments"]
    line += [f"--set={name}={value}" for name, value in FEW.items()]
    assert main(line) == 2
    printed, shown = capsys.readouterr()
    assert "exchange the layers" in shown.splitlines()[-1] and not printed
    assert main([*line, "--if-mostly-unspliced", "swapped"]) == 0
