"""A short form of `benchmarks/faults.py`: of what is killed or damaged nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import ROOT


@pytest.mark.slow
def test_no_run_is_lost_and_weights_are_those_of_an_undisturbed_training(tmp_path):
    out = tmp_path / "faults.json"
    wanted = "worker,supervisor,server,Dask,truncated,half,disk,read,clock,slow"
    arguments = ["--only", wanted, "--kills", "0.1", "--runs", "3", "--out", str(out)]
    # a process of its own: it sets the environment, and supervisors outlive whoever has started them
    program = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), *arguments]
    subprocess.run(program, check=True, cwd=ROOT, env=os.environ | {"CELLFLOW_IDLE": "5"})
    rows = {name: row for name, row in json.loads(out.read_text())["rows"].items() if "left out" not in row}
    assert {"worker killed", "supervisor killed", "server killed", "truncated checkpoint"} <= rows.keys()
    bad = {name: row for name, row in rows.items() if row["lost"] or row["damaged"] or row["other weights"]}
    assert not bad
    assert rows["worker killed"]["killed"] > 0 and rows["supervisor killed"]["killed"] > 0
