"""The exported script trains the same weights in another folder, from its own file of cells."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest
import torch

from cellflow_core.data import store
from cellflow_core.data.readers.anndata_io import read_snapshots
from cellflow_core.data.steps.derive import derive
from cellflow_core.jobs.export_script import write_archive, write_home, write_script
from cellflow_core.train import checkpoint
from cellflow_core.workspace.access import Access
from tests import ROOT
from tests.toys import finished, recipe, stored


def test_the_script_reproduces_the_weights_elsewhere(tmp_path):
    id = stored()
    derive(id, "clusters", {"resolution": 0.3, "name": "groups"})
    run = finished(recipe(dataset=id, label='a "label" \\ with """ signs', hold_out=1.0, seed=3))
    away = tmp_path / "elsewhere"
    away.mkdir()
    write_script(run.id, away / "again.py")
    assert sorted(each.name for each in away.iterdir()) == ["again-data.h5ad", "again.py"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "again.py"], cwd=away, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    ours, theirs = checkpoint.read(run.weights, "cpu"), checkpoint.read(away / "again-model.pt", "cpu")
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(theirs[name], value, rtol=0, atol=0)


def test_other_cells_are_refused(tmp_path):
    run = finished(recipe(dataset=stored()))
    cells = write_script(run.id, tmp_path / "a.py")
    assert len(read_snapshots(cells, store.open_dataset(run.recipe.dataset).snapshots().fingerprint).x) == 180
    with pytest.raises(ValueError, match="fingerprint"):
        read_snapshots(cells, "0123456789abcdef")


def test_the_archive_holds_both(tmp_path):
    run = finished(recipe(dataset=stored()))
    write_archive(run.id, str(tmp_path / "run.zip"))
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert sorted(archive.namelist()) == ["train-data.h5ad", "train.py"]
        compile(archive.read("train.py"), "train.py", "exec")


def test_a_folder_of_a_run_does_not_say_who_may_open_it(tmp_path):
    run = finished(recipe(dataset=stored()))
    for each in (run.folder, run.dataset().folder):
        Access(by_link="copy", key="secret").write(each)
    write_home(run.id, str(tmp_path / "home.zip"))
    with zipfile.ZipFile(tmp_path / "home.zip") as archive:
        names = archive.namelist()
        assert any(each.endswith("model.pt") for each in names) and any("snapshots" in each for each in names)
        assert not [each for each in names if "access" in each or b"secret" in archive.read(each)]
