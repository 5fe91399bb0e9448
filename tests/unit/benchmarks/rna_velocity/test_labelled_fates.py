"""The benchmark of fates of labelled cells counts where walks and simulations end."""

from __future__ import annotations

import json

import labelled_fates
import numpy as np
import pytest


def test_a_row_an_estimate(tmp_path):
    out = tmp_path / "rows.json"
    given = ["--seeds", "0", "--shares", "0.5", "--cells", "150", "--steps", "6", "--out", str(out)]
    labelled_fates.main(given)
    rows = json.loads(out.read_text())["rows"]
    assert [each["estimate"] for each in rows] == ["walks, published", "walks", "labelled", "labelled-sde"]
    assert all(0 <= each[name] <= 1 + 1e-9 for each in rows for name in ("true", "fate_a", "reached", "own"))


def test_shares_are_of_the_cells_that_reach_a_fate():
    """Of three cells of the trunk, one ends in A, one in B for half, one nowhere; one cell of A keeps its branch."""
    known = labelled_fates.Branching(
        labelled_fates.branching(0, cells=60).data,
        np.zeros((4, 2)),
        np.array([1.0, 2.0, 3.0, 7.5]),
        np.array([True, True, False, True]),
    )
    found = labelled_fates.shares(known, np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.5, 0.0, 0.0]))
    assert found == {"fate_a": pytest.approx(2 / 3), "reached": pytest.approx(0.5), "own": 1.0}
