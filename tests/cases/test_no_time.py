"""Files of which no time is known: none is invented, whatever else is chosen at the import."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store.h5ad_export import write_dataset

pytestmark = pytest.mark.usefixtures("home")
TIMED = {DataRequirement.TIME.value, DataRequirement.TIMES.value, DataRequirement.HOLD_OUT.value}


def file(folder: Path) -> Path:
    """300 cells of two groups and two batches with counts of 40 genes."""
    rng = np.random.default_rng(0)
    group = np.resize(["a", "b"], 300)
    x = rng.poisson(np.where(group[:, None] == "a", 2.0, 5.0) * rng.uniform(0.5, 2, 40)).astype(np.float32)
    obs = pd.DataFrame({"group": group, "batch": np.repeat(["one", "two"], 150)}, index=[f"c{k}" for k in range(300)])
    held = anndata.AnnData(x, obs, pd.DataFrame(index=[f"Gene{k}" for k in range(40)]))
    held.write_h5ad(folder / "cells.h5ad")
    return folder / "cells.h5ad"


def opened(path: Path, **choices) -> store.Dataset:
    return store.open_dataset(import_file(path, path.name, ImportChoices(**choices), {}))


@pytest.mark.parametrize(
    ("choices", "cells"),
    [
        ({}, 300),
        ({"unit": "day"}, 300),
        ({"most_cells": 120}, 120),
        ({"batch_column": "batch"}, 300),
        ({"representation": "genes"}, 300),
    ],
    ids=str,
)
def test_no_time_is_stored(tmp_path, choices, cells):
    data = opened(file(tmp_path), **choices)
    info, snapshots = data.info, data.snapshots()
    assert info.times == () and info.counts == () and info.cells == cells and info.time_unit == ""
    assert snapshots.t.shape == (0,) and snapshots.spec.times == () and not TIMED & set(info.has)
    assert "No time of the cells is known" in info.steps
    assert "each time" not in " ".join(info.notes) and "every time" not in " ".join(info.steps)


def test_it_comes_back_from_its_own_file(tmp_path):
    data = opened(file(tmp_path))
    write_dataset(data, tmp_path / "again.h5ad")
    again = opened(tmp_path / "again.h5ad")
    assert again.info.times == () and again.info.fingerprint == data.info.fingerprint


def test_a_set_that_was_stored_at_time_0_still_opens():
    x = np.random.default_rng(0).normal(size=(30, 2))
    id = store.save_dataset(
        Snapshots(x, np.zeros(30), AffineSpace.coordinates(("a", "b"))), label="earlier", origin="upload", source="x"
    )
    info = store.open_dataset(id).info
    assert info.times == (0.0,) and DataRequirement.TIME.value in info.has
