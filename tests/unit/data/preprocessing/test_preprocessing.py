"""The steps of an import: filters, scale, time, batches, what else comes in; scanpy is the oracle."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data.importing.value_type import scale_of
from cellflow_core.data.readers import Table
from cellflow_core.data.spaces.pca import principal
from tests.unit.data.imports import brought, counts


@pytest.mark.parametrize(
    ("values", "logged", "looks", "unsure"),
    [
        ([0, 1, 7], False, "counts", ""),
        ([0, 1, 7], True, "counts", "the file says that the logarithm was taken"),
        ([0, 0.5, 7], False, "log", ""),
        ([0, 0.5, 7], True, "log", ""),
        ([0, 0.5, 20], False, "log", "go up to 20"),
        ([0, 0.5, 700], False, "counts", ""),
        ([0, 0.5, 700], True, "log", "but values go up to 700"),
        ([0, 1, 1], False, "log", "0 or 1"),
        ([-2, 0.5, 7], False, "log", ""),
        ([np.nan, np.inf, 7.5], False, "log", ""),
    ],
)
@pytest.mark.parametrize("sparse", [False, True])
def test_counts_or_logarithms(values, logged, looks, unsure, sparse) -> None:
    x = np.array([values, values], dtype=np.float64)
    table = Table(
        "AnnData", csr_matrix(x) if sparse else x, ("Sox2", "Gata1", "Pu1"), pd.DataFrame(index=range(2)), logged=logged
    )
    found = scale_of(table)
    assert found.value_type == looks and bool(found.ambiguity) == bool(unsure) and unsure in found.ambiguity


def test_what_the_user_says_of_the_values_counts(tmp_path) -> None:
    held = counts()
    as_log = brought(tmp_path, held, values="log")
    assert (as_log.expression("Gene9a") == held.X[:, 9].toarray().ravel()).all()
    held.uns["log1p"] = {"base": None}
    taken = brought(tmp_path, held)
    assert "taken for counts" in " ".join(taken.info.notes) and taken.expression("Gene9a").max() < 10


def test_preparation_is_that_of_scanpy(tmp_path) -> None:
    import scanpy as sc

    held = counts(genes=200)
    opened = brought(tmp_path, held, variable_genes=50, components=10)
    oracle = held.copy()
    sc.pp.normalize_total(oracle, target_sum=1e4)
    sc.pp.log1p(oracle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.highly_variable_genes(oracle, n_top_genes=50, flavor="seurat")
        sc.pp.pca(oracle, n_comps=10, mask_var="highly_variable", svd_solver="arpack")
    assert np.allclose(opened.measured.table().toarray(), oracle.X.toarray(), atol=1e-5)
    data = opened.snapshots()
    assert data.space.genes == tuple(oracle.var_names[oracle.var["highly_variable"]])
    alike = np.abs(np.sum(data.x * oracle.obsm["X_pca"], axis=0)) / np.sum(data.x**2, axis=0)
    assert np.allclose(alike, 1, atol=1e-3)
    assert np.allclose(opened.variance(), oracle.uns["pca"]["variance_ratio"], rtol=1e-3)


@pytest.mark.parametrize("cells", [80, 900])
def test_training_genes_come_back_from_components(cells) -> None:
    rng = np.random.default_rng(0)
    inside = rng.normal(size=(cells, 6)) @ rng.normal(size=(6, 120)) + 3
    found = principal(inside, tuple(map(str, range(120))), 20)
    assert found.space.dim == 6 and np.isclose(found.shares.sum(), 1)
    assert np.allclose(found.space.decode(found.state), inside, atol=2e-4)
    every = rng.normal(size=(cells, 40))
    found = principal(csr_matrix(every), tuple(map(str, range(40))), 40)
    assert np.allclose(found.space.decode(found.state), every, atol=1e-4)
    assert np.allclose(found.space.encode(every.astype(np.float32)), found.state, atol=1e-4)


def test_single_precision_is_exact_enough(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    inside = rng.normal(size=(3000, 6)) @ rng.normal(size=(6, 120)) + 3
    monkeypatch.setattr("cellflow_core.data.spaces.pca._SINGLE", 0)
    found = principal(inside, tuple(map(str, range(120))), 20)
    assert found.space.dim == 6 and np.abs(found.space.decode(found.state) - inside).max() < 2e-4


def test_batches_are_brought_together_and_it_is_said(tmp_path) -> None:
    held = counts(cells=600)
    plain = brought(tmp_path, held, components=10).snapshots()
    opened = brought(tmp_path, held, components=10, batch_column="batch")
    data = opened.snapshots()

    def gap(x, labels) -> float:
        centers = [x[labels == each].mean(axis=0) for each in np.unique(labels)]
        return float(np.linalg.norm(centers[0] - centers[1]) / x.std())

    batch, kind = data.labels["batch"], data.labels["type"]
    assert gap(data.x, batch) < 0.3 * gap(plain.x, batch) and gap(data.x, kind) > 0.7 * gap(plain.x, kind)
    assert "(Harmony): of the 15 nearest cells, " in opened.info.steps[-1]
    assert "50% would be where batches are spread evenly" in opened.info.steps[-1]
    assert "corrected expression" in opened.info.notes[-1]
    opened = brought(tmp_path, held, components=10, batch_column="day")
    assert any("measured at one time only" in each for each in opened.info.notes)


def test_batches_that_share_no_group_are_told_to_stay_apart(tmp_path) -> None:
    held = counts(cells=400, genes=300)
    side = held.obs["batch"].to_numpy()[:, None] == np.arange(300)[None] % 2
    held.X = csr_matrix(np.random.default_rng(0).poisson(np.where(side, 30.0, 0.01)).astype(np.float32))
    info = brought(tmp_path, held, components=30, batch_column="batch").info
    assert info.steps[-1] == "Harmony found nothing that 2 batches share, and moved no cell"
    assert "differences between 2 batches are still in these states" in info.notes[-1].lower()
