"""Data sets and runs that version 0.5.0 stored open today, and simulate what they simulated then.

`tests/stored/v05.zip` is a workspace of that version: one data set with all that could be known of a cell, and a run of
every model and variant (6 steps of 8 neurons); `expected.npz` holds 8 cells at 5 times that each run gave.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.store import open_dataset
from cellflow_core.models import registry
from cellflow_core.runs.index import open_run, runs
from cellflow_core.runs.weights import load_model
from tests import STORED

V05 = STORED / "v05.zip"
JUMPING = ("sb-cfm",)
"""Fields that jump at measured times: the last stage of a step saw the next interval then, which was wrong."""
LATER_FAMILIES = ("rna_velocity", "ensembles", "pseudotime", "regulatory", "longitudinal")
FINGERPRINT = "68652f15bac90f4d"


def read() -> tuple[dict[str, str], dict[str, np.ndarray]]:
    with zipfile.ZipFile(V05) as held:
        runs, arrays = json.loads(held.read("runs.json")), io.BytesIO(held.read("expected.npz"))
    with np.load(arrays, allow_pickle=False) as expected:
        return runs, {name: expected[name] for name in expected.files}


RUNS, EXPECTED = read()


@pytest.fixture
def workspace(home: Path) -> Path:
    with zipfile.ZipFile(V05) as held:
        names = [each for each in held.namelist() if each.startswith("home/")]
        held.extractall(home.parent, names)
    return home


def test_the_data_set_opens_with_its_fingerprint(workspace):
    dataset = open_dataset("v05-cells")
    data = dataset.snapshots()
    assert data.fingerprint == dataset.info.fingerprint == FINGERPRINT
    assert data.second_modality is not None and data.second_modality.shape == (len(data.x), 2)
    assert set(data.labels) == {"cell_type"} and set(data.covariates) == {"total_counts"}
    assert dataset.embedding("umap").shape == (len(data.x), 2)


def test_every_run_is_listed(workspace):
    assert {each.id for each in runs()} == set(RUNS.values())
    assert {open_run(id).status().state for id in RUNS.values()} == {"done"}
    then = {name for name in registry.names() if registry.family(name) not in LATER_FAMILIES} - {"moscot"}
    assert {open_run(id).recipe.model for id in RUNS.values()} == then


@pytest.mark.parametrize("case", sorted(RUNS))
def test_a_run_opens_and_simulates_as_it_did(case, workspace):
    data = open_dataset("v05-cells").snapshots()
    model = load_model(open_run(RUNS[case]))
    found = simulate(model, data.x[data.t == 1.0][:8], (1.0, 1.7, 2.0, 3.9, 4.5), seed=5)
    close = {"rtol": 1e-3} if case in JUMPING else {"rtol": 1e-5, "atol": 1e-4}
    np.testing.assert_allclose(found.x, EXPECTED[case], **close)
