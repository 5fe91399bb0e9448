"""Irregular times on every page and in the shell: times as people write them, and distances with what they are in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cellflow_core import cli
from cellflow_core.jobs import recipes
from cellflow_core.selection import comparison
from tests import toys
from tests.pages.test_compare import scored
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")

TIMES = np.array([0.0, 34 / 15, 16 / 3, 10.2])
WHOLE_TIME = re.compile(r"2\.266[67]|5\.333")
DISTANCE = re.compile(
    r"(?:\bW[12]|\blies?|\bnearest to the cells of held-out times \(|midpoint \()\s*\d+\.?\d*(?P<then>[^.]{0,30})"
)
HEADING = re.compile(r"\b(?:W[12]|distance|error)\b", re.IGNORECASE)


def irregular() -> str:
    data = toys.drifting(len(TIMES))
    return toys.stored(replace(data, t=TIMES[data.t.astype(int)]))


def check_texts(texts: list[str]) -> None:
    """No time with more decimals than it needs; no distance without its unit."""
    for text in texts:
        assert not WHOLE_TIME.search(text), text
        for found in DISTANCE.finditer(text):
            assert found["then"].lstrip().startswith(("in the state space", "(state)", "times theirs")), text


def check_headings(names: list[str]) -> None:
    for name in names:
        assert not HEADING.search(name) or "(state)" in name, name
        assert not WHOLE_TIME.search(name), name


def texts_of(page: Any) -> list[str]:
    kinds = ("markdown", "caption", "info", "warning", "success", "error", "header", "subheader")
    found = [str(each.value) for kind in kinds for each in page.get(kind)]
    return found + [
        str(each.label) for kind in ("selectbox", "multiselect", "slider", "select_slider") for each in page.get(kind)
    ]


@pytest.mark.parametrize("name", ["landscape", "flow", "time", "fates", "train", "runs", "data"])
def test_pages_of_irregular_times(name: str, home: Any) -> None:
    run = toys.finished(toys.recipe(irregular()))
    page = opened(name, run=run.id, dataset=run.recipe.dataset, time="2.27")
    check_texts(texts_of(page))
    if name in ("flow", "time"):
        assert any("day 2.27" in each for each in texts_of(page))
    for frame in page.dataframe:
        check_headings([str(each) for each in frame.value.columns])
        for column in frame.value.columns:
            if column == "time":
                assert all(len(str(float(each)).partition(".")[2]) <= 2 for each in frame.value[column])


def test_compare_of_irregular_times(home: Any) -> None:
    data = irregular()
    request = recipes.comparison(data, ("ot-cfm", "i-cfm"), "quick", (0,), (2.27, 5.33))
    assert {each.hold_out for each in request.recipes} == set(TIMES[1:3])
    for k, run in enumerate(comparison.submit(request)):
        scored(run, 0.7123456 + k)
    page = opened("compare", dataset=data, models="ot-cfm,i-cfm", times="2.27,5.33", seeds="1", preset="quick")
    assert not page.exception and page.multiselect[1].value == ["2.27", "5.33"]
    check_texts(texts_of(page))
    columns = [str(each) for each in page.dataframe[0].value.columns]
    check_headings(columns)
    assert {"W1 (state)", "W1 at 2.27 days (state)", "W1 at 5.33 days (state)"} <= set(columns)
    assert any("(W1 1.21 in the state space" in each for each in texts_of(page))


def test_the_shell_with_irregular_times(home: Any, capsys: pytest.CaptureFixture[str]) -> None:
    data = irregular()
    run = toys.finished(toys.recipe(data))
    lines = (
        ["data", "list"],
        ["fates", run.id],
        ["futures", run.id],
        ["landscape", run.id, "--time", "2.27"],
        ["simulate", run.id, "cells.csv", "--times", "3,2"],
        ["train", "--data", data, "--model", "i-cfm", "--hold-out", "4.4"],
        ["compare", "--data", data, "--models", "i-cfm", "--folds", "4.4"],
    )
    for line in lines:
        cli.main(line)
        printed = capsys.readouterr()
        check_texts([printed.out, printed.err])
        assert printed.out or printed.err
    assert "it must be one of 2.27, 5.33" in printed.err
