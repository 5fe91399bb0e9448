"""A short form of `benchmarks/faults.py`: of what is killed or damaged nothing is lost."""

from __future__ import annotations

import json
import sys

import pytest

from tests import ROOT


@pytest.mark.slow
def test_no_run_is_lost_and_weights_are_those_of_an_undisturbed_training(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import faults

    out = tmp_path / "faults.json"
    wanted = "worker,supervisor,server,Dask,truncated,half,disk,read,clock,slow"
    arguments = ["--only", wanted, "--kills", "0.1", "--runs", "3", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["faults.py", *arguments])
    for name in ("CELLFLOW_HOME", "OMP_NUM_THREADS", "CELLFLOW_CHECKPOINT_SECONDS", "CELLFLOW_SLOTS"):
        monkeypatch.setenv(name, "1")  # the program sets them; they are as before when the test has ended
    faults.main()
    rows = {name: row for name, row in json.loads(out.read_text())["rows"].items() if "left out" not in row}
    assert {"worker killed", "supervisor killed", "truncated checkpoint"} <= rows.keys()
    bad = {name: row for name, row in rows.items() if row["lost"] or row["damaged"] or row["other weights"]}
    assert not bad
