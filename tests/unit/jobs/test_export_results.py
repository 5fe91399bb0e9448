"""The exported file holds what a run says of single cells."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import anndata
import numpy as np
import pytest

from cellflow_core.jobs.export import Cells, export_h5ad, with_velocity
from cellflow_core.jobs.export_results import COLUMNS
from tests import toys
from tests.unit.analysis.test_mean_field import Drawn
from tests.unit.reporting.test_view_scripts import genes


@pytest.mark.parametrize(
    ("model", "settings", "columns", "blocks"),
    [
        ("i-cfm", toys.SMALL, {"likeliest_fate", "fate_entropy"}, {"fate_probability", "velocity_state"}),
        ("slingshot", {"annotation": "kind"}, {"latent_time", "lineage_of_model"}, {"lineage_weight"}),
        ("pba", {}, {"latent_time", "likeliest_fate"}, {"fate_probability"}),
    ],
)
def test_a_file_of_cells_holds_results(model, settings, columns, blocks, tmp_path):
    run = toys.finished(toys.recipe(toys.stored(genes()), model=model, settings=settings, training={"steps": 20}))
    export_h5ad(run.id, str(tmp_path / "cells.h5ad"))
    table = anndata.read_h5ad(tmp_path / "cells.h5ad")
    uns = table.uns["cellflow"]
    others = {"time", "kind", "cell", "weight", "origin"}
    assert {each for each in table.obs.columns if each not in others} <= set(COLUMNS)
    assert columns <= set(table.obs.columns) and blocks <= set(table.obsm), uns["left_out"]
    for name in blocks & set(uns["columns"]):
        assert table.obsm[name].shape == (len(table.obs), len(uns["columns"][name]))
    if "fate_probability" in table.obsm:
        known = table.obsm["fate_probability"][np.isfinite(table.obs["fate_entropy"])]
        np.testing.assert_allclose(known.sum(axis=1), 1, atol=1e-6)
    if model == "pba":
        np.testing.assert_allclose(np.asarray(table.obsp["transitions"].sum(axis=1)).ravel(), 1, atol=1e-6)
    assert len(table.obs) == (180 if model != "i-cfm" else 180 + 3 * 60)


def test_an_annotation_with_the_name_of_a_result_is_kept(tmp_path):
    data = genes()
    data = dataclasses.replace(data, labels={**data.labels, "latent_time": np.repeat(["early", "late"], 90)})
    run = toys.finished(toys.recipe(toys.stored(data), model="pba", settings={}, training={"steps": 1}))
    export_h5ad(run.id, str(tmp_path / "cells.h5ad"))
    table = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert set(table.obs["latent_time (annotation)"]) == {"early", "late"}
    assert table.obs["latent_time"].dtype.kind == "f"


def test_predicted_cells_do_not_move_measured_ones():
    """Each is pulled, at rate 0.7, to the mean of its own kind, predicted ones by their weight."""
    x = np.array([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0], [20.0, 0.0]], np.float32)
    columns = {"weight": np.array([np.nan, np.nan, 0.75, 0.25])}
    subject: Any = SimpleNamespace(model=Drawn())
    found = with_velocity(subject, Cells(x, np.ones(4), "", columns=columns)).velocity
    assert found is not None
    middle = np.array([1.0, 1.0, 12.5, 12.5])
    np.testing.assert_allclose(found[:, 0], 1 + 0.7 * (middle - x[:, 0]), rtol=1e-5)
