"""The steps of an import: filters, scale, time, batches, what else comes in; scanpy is the oracle."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.importing import import_file, inspect_file
from cellflow_core.data.importing.value_type import scale_of
from cellflow_core.data.preprocessing import qc
from cellflow_core.data.preprocessing.pca import principal
from cellflow_core.data.preprocessing.preprocessing import stratified_subsample
from cellflow_core.data.readers import InvalidInputError, Table
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.store import store

PAUL = "paul15_myeloid/paul15_2660x3004_counts.h5ad"
EB = "eb_embryoid_body/eb_subset2750.h5ad"
LARRY = "weinreb_larry_cospar/larry_test_781cells.h5ad"


def counts(cells: int = 300, genes: int = 60, seed: int = 0) -> anndata.AnnData:
    """Two cell types and two batches, each at three days, five mitochondrial genes."""
    rng = np.random.default_rng(seed)
    kind, batch = np.arange(cells) % 2, np.arange(cells) // 2 % 2
    mean = np.exp(rng.normal(0.5, 1, genes))[None] * np.where(kind[:, None] == 1, np.exp(rng.normal(0, 1, genes)), 1)
    mean = mean * np.where(batch[:, None] == 1, np.exp(rng.normal(0, 0.7, genes)), 1)
    names = [f"mt-Gene{k}" if k < 5 else f"Gene{k}a" for k in range(genes)]
    obs = pd.DataFrame(
        {
            "day": np.resize(["d0", "d0", "d0", "d0", "d3", "d3", "d3", "d3", "d7"], cells),
            "type": np.array(["a", "b"])[kind],
            "batch": batch,
            "score": rng.normal(size=cells),
            "growth_rate": rng.normal(size=cells),
            "dpt_pseudotime": np.where(rng.random(cells) < 0.1, np.nan, rng.random(cells)),
        },
        index=[f"c{k}" for k in range(cells)],
    )
    held = anndata.AnnData(csr_matrix(rng.poisson(mean).astype(np.float32)), obs=obs)
    held.var_names = names
    return held


def written(folder, held):
    path = folder / "cells.h5ad"
    held.write_h5ad(path)
    return path


def brought(folder, held, numbers=None, **choices) -> store.Dataset:
    """Imported with "day" as the time."""
    path = written(folder, held)
    numbers = {"d0": 0.0, "d3": 3.0, "d7": 7.0} if numbers is None else numbers
    chosen = ImportChoices(**{"time_column": "day", "unit": "day", **choices})
    return store.open_dataset(import_file(path, path.name, chosen, numbers))


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
    monkeypatch.setattr("cellflow_core.data.preprocessing.pca._SINGLE", 0)
    found = principal(inside, tuple(map(str, range(120))), 20)
    assert found.space.dim == 6 and np.abs(found.space.decode(found.state) - inside).max() < 2e-4


def test_batches_are_brought_together_and_it_is_said(tmp_path) -> None:
    held = counts(cells=600)
    plain = brought(tmp_path, held, components=10).snapshots()
    opened = brought(tmp_path, held, components=10, batch_column="batch")
    data = opened.snapshots()

    def apart(x, labels) -> float:
        centers = [x[labels == each].mean(axis=0) for each in np.unique(labels)]
        return float(np.linalg.norm(centers[0] - centers[1]) / x.std())

    batch, kind = data.labels["batch"], data.labels["type"]
    assert apart(data.x, batch) < 0.3 * apart(plain.x, batch) and apart(data.x, kind) > 0.7 * apart(plain.x, kind)
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


def test_pseudotime_is_cut_into_windows_of_equal_size(tmp_path) -> None:
    held = counts()
    (order,) = [
        each for each in inspect_file(written(tmp_path, held), "c.h5ad").candidates if each.kind == "continuous"
    ]
    known = int(held.obs["dpt_pseudotime"].notna().sum())
    assert order.column == "dpt_pseudotime" and order.is_order and order.known == known
    opened = brought(tmp_path, held, {}, time_column="dpt_pseudotime", windows=4, unit="pseudotime")
    assert len(opened.info.times) == 4 and max(opened.info.counts) - min(opened.info.counts) <= 1
    assert opened.info.cells == known and "an order of cells" in opened.info.notes[0]
    covariate = opened.snapshots().covariates["dpt_pseudotime"]
    assert np.isclose(covariate[opened.snapshots().t == opened.info.times[0]].mean(), opened.info.times[0], atol=0.02)


def test_too_many_cells_are_thinned_with_the_share_of_each_time_kept(tmp_path) -> None:
    opened = brought(tmp_path, counts(), most_cells=100)
    whole = np.array(brought(tmp_path, counts()).info.counts)
    assert opened.info.cells == 100 and np.abs(np.array(opened.info.counts) - whole / 3).max() < 1
    assert "Took 100 of 300 cells at random, the same share of every time" in opened.info.steps
    assert any("only 100 of 300 cells" in each.lower() for each in opened.info.notes)
    times = np.repeat([0.0, 1.0, 2.0], [7, 5, 1])
    chosen = stratified_subsample(times, 6)
    assert chosen.sum() == 6 and (chosen == stratified_subsample(times, 6)).all()


def test_numbers_growth_layers_and_pictures_come_with_the_cells(tmp_path) -> None:
    held = counts()
    held.layers["spliced"] = held.X.copy()
    held.obsm["X_umap"] = np.random.default_rng(0).normal(size=(300, 2))
    held.obsm["X_tsne"] = np.full((300, 2), np.nan)
    path = written(tmp_path, held)
    assert inspect_file(path, path.name).growth == ("growth_rate",)
    opened = brought(tmp_path, held, growth_column="growth_rate", min_genes=20)
    data = opened.snapshots()
    kept = (held.X > 0).sum(axis=1).A1 >= 20
    assert np.allclose(data.growth, held.obs["growth_rate"][kept]) and DataRequirement.GROWTH in data.has
    own = ["total counts", "genes detected", "mitochondrial share"]
    assert list(data.covariates) == [*own, "score", "growth_rate", "dpt_pseudotime"]
    assert set(data.labels) == {"day", "type", "batch"} and opened.info.views == ("pca", "umap")
    assert np.allclose(opened.embedding("umap"), held.obsm["X_umap"][kept])


def test_a_second_modality_comes_with_the_cells(tmp_path) -> None:
    held = counts()
    proteins = np.random.default_rng(1).poisson(30, size=(300, 6))
    held.obsm["protein"] = pd.DataFrame(proteins, index=held.obs_names, columns=[f"CD{k}" for k in range(6)])
    held.obsm["X_lsi"] = np.random.default_rng(2).normal(size=(300, 4))
    for name, count in (("X_pca", 5), ("spatial", 2), ("X_emb", 3), ("velocity_lsi", 4)):  # none of these is one
        held.obsm[name] = np.zeros((300, count))
    path = written(tmp_path, held)
    assert inspect_file(path, path.name).modalities == {"protein": 6, "X_lsi": 4}
    total = held.X.sum(axis=1).A1
    opened = brought(tmp_path, held, modality="protein", min_counts=int(np.median(total)))
    kept = total >= int(np.median(total))
    logged = np.log1p(proteins[kept])
    data = opened.snapshots()
    assert (
        50 < kept.sum() < 300 and DataRequirement.MODALITY in data.has and DataRequirement.MODALITY in opened.info.has
    )
    assert np.allclose(data.second_modality, logged - logged.mean(axis=1, keepdims=True), atol=1e-5)
    assert any("Took 'protein' (6 features) as the second modality" in each for each in opened.info.steps)
    assert opened.embedding("second-modality").shape == (kept.sum(), 2)
    assert opened.view_axes("second-modality") == ("SECOND MODALITY 1", "SECOND MODALITY 2")
    part = data.without(3.0)
    assert (
        np.array_equal(part.second_modality, data.second_modality[data.t != 3.0])
        and part.fingerprint != data.fingerprint
    )
    plain = brought(tmp_path, held)
    assert (
        plain.snapshots().second_modality is None
        and "Left out 'protein', measured in the same cells" in plain.info.steps
    )
    assert np.allclose(
        brought(tmp_path, held, modality="X_lsi").snapshots().second_modality, held.obsm["X_lsi"], atol=1e-6
    )
    with pytest.raises(
        InvalidInputError,
        match=r"no measurement 'ADT' that could be the second modality: it has protein, X_emb, X_lsi, X_pca",
    ):
        brought(tmp_path, held, modality="ADT")


def test_velocities_in_the_axes_of_the_state_are_taken(shared) -> None:
    path = shared / EB
    held = anndata.read_h5ad(path)
    for way in ("coordinates", "obsm:X_pca"):
        chosen = ImportChoices(time_column="time", representation=way, components=10)
        numbers = {str(k): float(k) for k in range(5)}
        data = store.open_dataset(import_file(path, path.name, chosen, numbers)).snapshots()
        assert DataRequirement.VELOCITY in data.has and np.allclose(data.velocity, held.obsm["velocity_pca"][:, :10])


def test_a_snapshot_without_a_time(shared) -> None:
    path = shared / PAUL
    chosen = ImportChoices(min_cells=3)
    info = store.open_dataset(import_file(path, path.name, chosen, {})).info
    assert info.times == (0.0,) and DataRequirement.TIMES.value not in info.has and info.cells == 2660
    assert "reduced2d" in info.views
    chosen = ImportChoices(time_column="slingshot_pseudotime_1", windows=5, unit="pseudotime")
    info = store.open_dataset(import_file(path, path.name, chosen, {})).info
    assert len(info.times) == 5 and info.cells == 2660


def test_individuals_that_are_followed(tmp_path) -> None:
    held = counts()
    held.obs["subject"] = np.resize([f"s{k}" for k in range(30)], 300)
    held.obs["dose"] = np.where(held.obs["day"] == "d0", 2.5, 0.0)
    data = brought(tmp_path, held).snapshots()
    assert (
        data.subject.max() == 29
        and data.dose.shape == (300, 1)
        and {DataRequirement.SUBJECTS, DataRequirement.DOSE} <= data.has
    )


def test_individuals_followed_at_times_of_their_own(shared) -> None:
    path = shared / "pharmacokinetics/warfarin.csv"
    chosen = ImportChoices(time_column="time", unit="hour", representation="coordinates", drop_incomplete=True)
    found = inspect_file(path, path.name)
    numbers = {
        label: number
        for each in found.candidates
        if each.column == "time"
        for label, number in zip(each.labels, each.numbers, strict=True)
    }
    data = store.open_dataset(import_file(path, path.name, chosen, numbers)).snapshots()
    assert (
        {DataRequirement.SUBJECTS, DataRequirement.DOSE} <= data.has
        and data.dim == 2
        and len(set(data.subject.tolist())) > 20
    )
