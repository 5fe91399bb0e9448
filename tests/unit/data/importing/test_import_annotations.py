"""What comes in beside the values: time bins, growth, layers, embeddings, velocities, individuals."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file, inspect_file
from cellflow_core.data.preprocessing.selection import stratified_subsample
from cellflow_core.data.readers import InvalidInputError
from cellflow_core.data.snapshots import DataRequirement
from tests.unit.data.imports import EB, PAUL, brought, counts, written


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
        match="'ADT'",
    ):
        brought(tmp_path, held, modality="ADT")


def test_velocities_in_the_axes_of_the_state_are_taken(shared) -> None:
    path = shared / EB
    held = anndata.read_h5ad(path)
    for route in ("coordinates", "obsm:X_pca"):
        chosen = ImportChoices(time_column="time", representation=route, components=10)
        numbers = {str(k): float(k) for k in range(5)}
        data = store.open_dataset(import_file(path, path.name, chosen, numbers)).snapshots()
        assert DataRequirement.VELOCITY in data.has and np.allclose(data.velocity, held.obsm["velocity_pca"][:, :10])


def test_a_snapshot_without_a_time(shared) -> None:
    path = shared / PAUL
    chosen = ImportChoices(min_cells=3)
    info = store.open_dataset(import_file(path, path.name, chosen, {})).info
    assert info.times == () and DataRequirement.TIMES.value not in info.has and info.cells == 2660
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
