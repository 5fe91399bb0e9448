"""Quality metrics and filters, against scanpy."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.sparse import csr_matrix

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import inspect_file
from cellflow_core.data.preprocessing import qc
from tests.unit.data.imports import EB, LARRY, PAUL, brought, counts, written


def test_quality_numbers_are_those_of_scanpy(tmp_path) -> None:
    import scanpy as sc

    held = counts()
    inspect_file(written(tmp_path, held), "cells.h5ad", tmp_path / "quality.npz")
    found = qc.load(tmp_path / "quality.npz")
    held.var["mt"] = held.var_names.str.startswith("mt-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.calculate_qc_metrics(held, qc_vars=["mt"], inplace=True, percent_top=None, log1p=False)
    assert np.allclose(found.counts, held.obs["total_counts"]) and found.mito_genes == 5
    assert (found.genes == held.obs["n_genes_by_counts"]).all()
    assert np.allclose(found.mito * 100, held.obs["pct_counts_mt"])
    assert (found.in_cells == held.var["n_cells_by_counts"]).all()
    assert found.columns["day"][0] == ("d0", "d3", "d7") and np.isnan(found.numbers["dpt_pseudotime"]).any()


def test_what_the_filters_remove_is_told_and_done(tmp_path) -> None:
    held = counts()
    held.X = held.X.toarray()
    held.X[:40, 10:] = 0
    held.X[held.obs["day"] == "d7", 5:] = 0
    held.X = csr_matrix(held.X)
    path = written(tmp_path, held)
    inspect_file(path, path.name, tmp_path / "quality.npz")
    found = qc.load(tmp_path / "quality.npz")
    choices = {"min_genes": 20, "max_counts": 400, "max_mito": 60.0, "min_cells": 200}
    kept = qc.kept(found, ImportChoices(time_column="day", **choices))
    assert [each.words for each in kept.removed] == [
        "more than 400 counts",
        "fewer than 20 genes",
        "more than 60 % mitochondrial counts",
    ]
    assert kept.emptied == {"d7": "fewer than 20 genes"} and kept.left["d7"] == 0
    assert sum(each.cells for each in kept.removed) == 300 - kept.cells.sum()
    opened = brought(tmp_path, held, **choices)
    assert opened.info.cells == kept.cells.sum() and opened.info.times == (0.0, 3.0)
    assert f"Left out {kept.removed[1].cells:,} cells with fewer than 20 genes" in opened.info.steps
    assert opened.info.genes == kept.genes.sum() < 60
    assert opened.info.recipe[0]["settings"]["min_genes"] == 20
    assert opened.info.recipe[0]["settings"]["numbers"]["d7"] == 7.0


def test_filters_are_proposed_for_counts_of_many_genes_only(shared, tmp_path) -> None:
    assert inspect_file(shared / PAUL, "p.h5ad").proposed["min_cells"] == 3
    assert inspect_file(written(tmp_path, counts()), "c.h5ad").proposed == {}
    assert inspect_file(shared / EB, "e.h5ad").proposed == {}
    assert inspect_file(shared / LARRY, "l.h5ad").proposed == {}  # normalised already
