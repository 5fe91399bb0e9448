"""Fates and futures from the shell."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from cellflow_core import cli
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.toys import drifting, finished, recipe, stored


def test_fates_and_futures_of_a_run_are_told_and_written(tmp_path, capsys):
    run = finished(recipe(stored(), model="sf2m", settings={"width": 8, "depth": 1}))
    assert cli.main(["fates", run.id, "--out", str(tmp_path / "fates.csv")]) == 0
    message = capsys.readouterr().out
    assert "Interval: 95 % of bootstrap samples of the 60 start cells" in message and "knows no growth" in message
    assert "Trust: " in message
    table = pd.read_csv(tmp_path / "fates.csv")
    assert list(table.columns) == ["state", "predicted (%)", "from", "to", "measured at the last time (%)"]
    assert table["predicted (%)"].sum() == pytest.approx(100)
    assert cli.main(["futures", run.id, "--cell", "3", "--count", "25", "--out", str(tmp_path / "one.csv")]) == 0
    message = capsys.readouterr().out
    assert "Cell 3 of time 0, 25 futures" in message
    assert list(pd.read_csv(tmp_path / "one.csv").columns) == ["state", "trajectories (%)", "from", "to"]
    assert cli.main(["futures", run.id, "--cell", "170"]) == 2
    assert "belongs to the last time" in capsys.readouterr().err


def test_fates_by_transitions(capsys):
    run = finished(recipe(stored(), model="sf2m", settings={"width": 8, "depth": 1}))
    assert cli.main(["fates", run.id, "--by", "transitions", "--start", "found"]) == 0
    message = capsys.readouterr().out
    assert "that the transitions come from" in message and "Trust: " in message
    assert cli.main(["fates", run.id, "--by", "transitions", "--genes-of", "nobody"]) == 2
    assert "no expression of genes is stored" in capsys.readouterr().err
    assert cli.main(["fates", run.id, "--start", "found"]) == 2
    assert "add --by transitions" in capsys.readouterr().err


def test_lineages_are_told_and_every_cell_is_written(tmp_path, capsys):
    run = finished(recipe(stored(), model="tscan", settings={"clusters": 4}, training={}))
    assert cli.main(["lineages", run.id, "--out", str(tmp_path / "cells.csv")]) == 0
    message = capsys.readouterr().out
    assert "TSCAN (after Ji & Ji 2016) orders 180 cells along" in message and "Trust: " in message
    table = pd.read_csv(tmp_path / "cells.csv")
    assert len(table) == 180 and list(table.columns[:4]) == ["cell", "PC1", "PC2", "order"]
    assert table["order"].iloc[120:].mean() > table["order"].iloc[:60].mean()


def test_orders_of_models_are_held_against_each_other_and_stages(tmp_path, capsys):
    drifted = drifting()
    kind = np.where(drifted.t == 0, "early", np.where(np.resize([True, False], len(drifted.t)), "up", "down"))
    data = stored(dataclasses.replace(drifted, labels={"kind": kind}))
    assert cli.main(["orders", data]) == 2 and "no finished run orders the cells" in capsys.readouterr().err
    finished(recipe(data, model="tscan", settings={"clusters": 4}, training={}))
    finished(recipe(data, model="dpt", settings={}, training={}))
    out = str(tmp_path / "cells.csv")
    known = ["--against", "kind", "--stages", "early", "up", "--branches", "kind", "--ends", "up", "down"]
    assert cli.main(["orders", data, *known, "--out", out]) == 0
    message = capsys.readouterr().out
    assert "2 methods order these cells" in message and "Spearman with the stages of kind" in message
    assert "first principal component" in message and "F1 of the branches" in message
    assert list(pd.read_csv(out).columns) == ["cell", "Diffusion pseudotime", "TSCAN", "spread"]
    assert cli.main(["orders", data]) == 0 and "Spearman with the measured time" in capsys.readouterr().out
    assert cli.main(["orders", data, "--against", "kind"]) == 2 and "--stages" in capsys.readouterr().err


def test_growth_has_its_own_columns(tmp_path):
    settings = {"width": 8, "depth": 1, "rho": 1.0}
    run = finished(recipe(stored(), model="uot-cfm", settings=settings))
    assert cli.main(["fates", run.id, "--out", str(tmp_path / "fates.csv")]) == 0
    assert list(pd.read_csv(tmp_path / "fates.csv").columns)[-3:] == [
        "without growth (%)",
        "without growth, to",
        "measured at the last time (%)",
    ]


def test_ancestors_and_clones_of_a_run_are_told_and_written(tmp_path, capsys):
    """Two sides that stay apart: ancestors of one are of its own side, and each clone goes where it is predicted to."""
    drifted = drifting()
    side = np.resize([1.0, -1.0], len(drifted.t))
    x = drifted.x * [1, 0.2] + 5 * side[:, None] * [0, 1]
    kind = np.where(drifted.t == 0, "stem", np.where(side > 0, "up", "down"))
    clone = np.arange(len(side)) % 8
    data = Snapshots(x, drifted.t, drifted.space, "day", labels={"kind": kind}, lineage=clone)
    run = finished(recipe(stored(data), model="ot-displacement", settings={}))
    asked = ["ancestry", run.id, "--by", "kind", "--of", "up", "--at", "1", "--out", str(tmp_path / "from.csv")]
    assert cli.main(asked) == 0 and "30 of 60 cells of time 1 with kind = up" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "from.csv")
    assert set(found.columns) == {"time (day)", "mass", "stem (%)", "up (%)"}
    assert found["time (day)"].tolist() == [0, 1, 2]
    assert np.allclose(found["up (%)"], [0, 100, 100]) and np.allclose(found["mass"], [np.nan, 1, 1], equal_nan=True)
    asked = ["clones", run.id, "--by", "kind", "--fates", "up", "down", "--out", str(tmp_path / "clones.csv")]
    assert cli.main(asked) == 0
    assert "Area under the ROC curve, up against down: 1.000 (1.000 to 1.000; 95 %" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "clones.csv")
    assert len(found) == 60 and set(found["clone"]) == set(range(8))
    assert np.allclose(found["predicted up (%)"], found["up among later cells of the clone (%)"])
    assert cli.main(["ancestry", run.id, "--by", "kind", "--of", "left"]) == 2
    assert "left" in capsys.readouterr().err


def test_a_perturbation_is_summed_up_with_its_control_genes(tmp_path, capsys):
    drifted = drifting()
    data = Snapshots(drifted.x, drifted.t, AffineSpace.of_genes(("A", "B")), "day")
    run = finished(recipe(stored(data), model="i-cfm", settings={"width": 8, "depth": 1}))
    assert cli.main(["perturb", run.id, "A", "--out", str(tmp_path / "out.csv")]) == 0
    printed = capsys.readouterr().out
    assert "Knocking out A changes nothing that stands out" in printed and "Trust: " in printed
    assert printed.splitlines()[-1].split()[0] == "B" and "Control genes" in printed
    columns = list(pd.read_csv(tmp_path / "out.csv").columns)
    assert columns[:4] == ["state", "before (%)", "after (%)", "change (points)"]


def test_a_landscape_is_summed_up_with_the_cells_that_leave_it(tmp_path, capsys):
    run = finished(recipe(stored()))
    assert cli.main(["landscape", run.id, "--height", "quasi", "--out", str(tmp_path / "heights.csv")]) == 0
    printed = capsys.readouterr().out
    left = re.search(r"(\d+) of 60 simulated cells leaves? the map", printed)
    assert re.match(r"By day 2, (\d+% of |all )?60 simulated cells ", printed) and "Trust: " in printed
    assert left is None or int(left[1]) < 2 or "leave the map" in printed.splitlines()[0]
    assert "height (-log p)" in printed and 150 < len(pd.read_csv(tmp_path / "heights.csv")) <= 180
    assert cli.main(["landscape", run.id, "--height", "potential"]) == 2
    assert "learnt no potential" in capsys.readouterr().err
    chain = finished(recipe(stored(), model="pba", settings={}, training={}))
    assert cli.main(["landscape", chain.id]) == 0 and "steps along the transitions" in capsys.readouterr().out
    assert cli.main(["landscape", chain.id, "--barriers"]) == 2 and "leave out --time" in capsys.readouterr().err


def test_the_least_action_between_two_groups(tmp_path, capsys):
    cells = drifting()
    data = dataclasses.replace(
        cells, labels={"when": np.where(cells.t < 1, "early", np.where(cells.t < 2, "", "late"))}
    )
    run = finished(recipe(stored(data)))
    line = ["least-action", run.id, "--by", "when", "--from", "early", "--to", "late", "--time", "1"]
    assert cli.main([*line, "--out", str(tmp_path / "path.csv")]) == 0
    message = capsys.readouterr().out
    assert (
        "early" in message and "action" in message and "Trust: " in message and "The field of time 1 is held" in message
    )
    table = pd.read_csv(tmp_path / "path.csv")
    assert len(table) == 82 and set(table["direction"]) == {"early to late", "late to early"}
    assert np.abs(table["PC1"].iloc[40] - table["PC1"].iloc[0]) == pytest.approx(4, abs=0.5)
    assert cli.main([*line[:-3], "early"]) == 2
    assert "choose two different groups" in capsys.readouterr().err
