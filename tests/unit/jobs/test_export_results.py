"""The exported file holds what a run says of single cells."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from cellflow_core.jobs.export import export_h5ad
from tests import toys
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
    assert columns <= set(table.obs.columns) and blocks <= set(table.obsm), uns["left_out"]
    for name in blocks & set(uns["columns"]):
        assert table.obsm[name].shape == (len(table.obs), len(uns["columns"][name]))
    if "fate_probability" in table.obsm:
        known = table.obsm["fate_probability"][np.isfinite(table.obs["fate_entropy"])]
        np.testing.assert_allclose(known.sum(axis=1), 1, atol=1e-6)
    if model == "pba":
        np.testing.assert_allclose(np.asarray(table.obsp["transitions"].sum(axis=1)).ravel(), 1, atol=1e-6)
    assert len(table.obs) == (180 if model != "i-cfm" else 180 + 3 * 60)
