"""Fates and futures from the shell."""

import pandas as pd

from cellflow_core import cli
from cellflow_core.jobs.executor import InProcess
from cellflow_core.runs import index
from tests.toys import recipe, stored


def test_fates_and_futures_of_a_run_are_told_and_written(tmp_path, capsys):
    run = index.submit(recipe(stored(), model="sf2m", settings={"width": 8, "depth": 1}))
    InProcess().start(run)
    assert cli.main(["fates", run.id, "--out", str(tmp_path / "fates.csv")]) == 0
    said = capsys.readouterr().out
    assert "Interval: 95 % of bootstrap samples of the 60 start cells" in said and "knows no growth" in said
    table = pd.read_csv(tmp_path / "fates.csv")
    assert list(table.columns) == ["fate", "share", "low", "high", "measured"] and table.share.sum() == 1
    assert cli.main(["futures", run.id, "--cell", "3", "--count", "25", "--out", str(tmp_path / "one.csv")]) == 0
    said = capsys.readouterr().out
    assert "cell 3 of time 0, 25 futures" in said
    assert list(pd.read_csv(tmp_path / "one.csv").columns) == ["fate", "share", "low", "high"]
    assert cli.main(["futures", run.id, "--cell", "170"]) == 2
    assert "belongs to the last time" in capsys.readouterr().err


def test_growth_has_its_own_columns(tmp_path):
    settings = {"width": 8, "depth": 1, "price": 1.0}
    run = index.submit(recipe(stored(), model="uot-cfm", settings=settings))
    InProcess().start(run)
    assert cli.main(["fates", run.id, "--out", str(tmp_path / "fates.csv")]) == 0
    assert list(pd.read_csv(tmp_path / "fates.csv").columns)[-3:] == ["once low", "each cell once", "once high"]
