"""Tables as CSV: no text of a file or a user becomes a formula of a spreadsheet, from the page or from the shell."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from cellflow_core import cli, csv_output
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs.recipes import recipes
from tests.toys import drifting, finished, stored

FORMULA = "=cmd|' /C calc'!A0"


def test_no_field_is_a_formula_and_missing_numbers_are_empty():
    text = io.StringIO()
    values = {FORMULA: ["+1", "@x", " =1", "plain"], "value": [-1.5, np.float32(0.1), np.nan, 3]}
    csv_output.write_table(text, values)
    read = list(csv.reader(io.StringIO(text.getvalue())))
    assert read == [[f"'{FORMULA}", "value"], ["'+1", "-1.5"], ["'@x", "0.1"], ["' =1", ""], ["plain", "3"]]


@pytest.mark.parametrize("command", ["simulate {run} {out}", "export {run} {out} --what measured"])
def test_what_the_shell_writes_holds_no_formula(command, tmp_path):
    data = drifting()
    named = Snapshots(
        data.x,
        data.t,
        AffineSpace.coordinates((FORMULA, "b")),
        "day",
        labels={"kind": np.array([FORMULA] * len(data.x))},
    )
    (recipe,) = recipes(stored(named), "i-cfm", "quick", {"width": 8, "depth": 1}, {"steps": 20}, seeds=(0,))
    out = tmp_path / "cells.csv"
    assert cli.main(command.format(run=finished(recipe).id, out=out).split()) == 0
    rows = csv.reader(out.read_text(encoding="utf-8").splitlines())
    fields = [each for row in rows if not row[0].startswith("#") for each in row]
    assert f"'{FORMULA}" in fields and not [each for each in fields if each.startswith("=")]
