"""The shell on a model of RNA velocity that was trained on one time, and on none."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.cli import main
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests import toys

pytestmark = pytest.mark.usefixtures("home")


def run(t: np.ndarray | None) -> str:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.3, 1.3, (200, 2))
    v = np.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], axis=1)
    id = toys.stored(Snapshots(x, t, AffineSpace.of_genes(("A", "B")), "day", velocity=v))
    made = toys.recipe(id, model="dynamo", settings={"control_points": 60}, training={"steps": 1})
    return toys.finished(made).id


def test_fates_and_simulated_cells_of_one_time(capsys, tmp_path):
    id = run(np.zeros(200))
    assert main(["fates", id]) in (0, None)
    shown = capsys.readouterr().out
    assert "measured at one time" in shown and "state 2" in shown
    assert main(["simulate", id, str(tmp_path / "cells.csv")]) in (0, None)
    assert "200 cells at 2 times" in capsys.readouterr().out


def test_cells_without_a_time_are_simulated_and_followed(capsys, tmp_path):
    id = run(None)
    assert main(["simulate", id, str(tmp_path / "cells.csv")]) in (0, None)
    assert "200 cells at 2 times" in capsys.readouterr().out
    assert main(["fates", id]) in (0, None)
    shown = capsys.readouterr().out
    assert "No time of the cells is known" in shown and "state 2" in shown and "of time 0" not in shown
    assert main(["futures", id, "--cell", "3"]) in (0, None)
    assert "Cell 3 and its 40 nearest cells" in capsys.readouterr().out
    assert main(["landscape", id]) in (0, None)
    assert main(["perturb", id, "A"]) in (0, None)
    shown = capsys.readouterr().out
    assert "of the velocities' own time" in shown and "shift in time" not in shown and "nan" not in shown
    assert main(["ancestry", id, "--by", "side", "--of", "left"]) not in (0, None)
    assert "compares times" in capsys.readouterr().err
