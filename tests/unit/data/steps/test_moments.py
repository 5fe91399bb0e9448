"""The step "velocity genes and moments": genes kept and why, moments as the state, what is refused, and its undoing."""

from __future__ import annotations

import dataclasses
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.data import store
from cellflow_core.data.preprocessing.moments import averaged, neighbor_weights, shared_counts
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers, unspliced_shares
from cellflow_core.data.preprocessing.velocity_genes import steady_state, stored_genes
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.steps.moments import CHANCE, HALVES
from cellflow_core.data.store import ancestors
from cellflow_core.data.store.annotation_layers import last_added

CELLS, GENES = 160, 20
FEW = {"neighbors": 10, "components": 5, "min_r2": -1.0}


@cache
def counts() -> tuple[np.ndarray, np.ndarray]:
    """(unspliced, spliced) counts of genes that are switched on one after the other; the last two have no unspliced."""
    rng = np.random.default_rng(0)
    time, on = rng.uniform(0, 10, CELLS)[:, None], np.linspace(0, 6, GENES)
    since = np.clip(time - on, 0, None)
    u = 12 * (1 - np.exp(-since))
    s = 24 * (1 - np.exp(-0.5 * since)) - 24 * (np.exp(-0.5 * since) - np.exp(-since))
    u[:, -2:] = 0
    return rng.poisson(u).astype(np.float32), rng.poisson(s + 0.2).astype(np.float32)


def measured(timed: bool = True, sparse: bool = True, **layers: Any) -> str:
    """A stored data set with both layers, in a state of two coordinates."""
    u, s = counts()
    held = {"spliced": s, "unspliced": u} | layers
    held = {name: csr_array(each) if sparse else each for name, each in held.items() if each is not None}
    rng = np.random.default_rng(1)
    data = Snapshots(
        rng.normal(size=(CELLS, 2)),
        np.repeat([0.0, 1.0], CELLS // 2) if timed else None,
        AffineSpace.coordinates(("a", "b")),
        "day" if timed else "",
        labels={"kind": np.array(["x", "y"] * (CELLS // 2))},
    )
    genes = tuple(f"G{k}" for k in range(GENES))
    about = {"label": "counted", "origin": "upload", "source": "f", "expression_genes": genes}
    id = store.save_dataset(data, expression=csr_array(np.log1p(s)), layers=held, **about)
    store.add_view(id, "umap", data.x)
    return id


def rna(data: Snapshots) -> tuple[np.ndarray, np.ndarray]:
    """(unspliced, spliced) channel of cells that have both."""
    assert data.unspliced is not None and data.spliced is not None
    return data.unspliced, data.spliced


def test_moments_are_the_state_and_the_parent_stays():
    id = measured()
    made = store.open_dataset(derive(id, "moments", FEW))
    data, parent = made.snapshots(), store.open_dataset(id)
    assert isinstance(data.space, SplicingSpace) and data.dim == 2 * len(data.space.genes) == 36
    unspliced, spliced = data.space.split(data.x)
    np.testing.assert_allclose(unspliced, rna(data)[0], atol=1e-5)
    np.testing.assert_allclose(spliced, rna(data)[1], atol=1e-5)
    np.testing.assert_allclose(data.x.std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(made.expression("G3"), spliced[:, 3], atol=1e-5)
    assert DataRequirement.SPLICING in data.has and data.fingerprint == made.info.fingerprint
    assert [each.id for each in ancestors(made.info)] == [id] and not last_added(made.info)
    assert parent.info.steps == () and made.info.recipe[-1]["settings"]["neighbors"] == 10
    assert "18 of 20 genes" in made.info.steps[-1] and "unspliced" in made.info.steps[-1]
    np.testing.assert_array_equal(made.embedding("umap"), parent.embedding("umap"))
    assert set(made.info.layers) == {"spliced", "unspliced"} and made.info.label == "counted · velocity genes"


def test_genes_are_kept_for_a_reason():
    u, s = (each.copy() for each in counts())
    u[:, 0], s[:, 1] = 1, np.random.default_rng(0).poisson(20, CELLS)
    table = stored_genes(
        store.open_dataset(derive(measured(unspliced=u, spliced=s), "moments", FEW | {"min_r2": 0.01}))
    )
    assert table is not None and len(table.genes) == GENES and set(table.kept) <= set(table.genes)
    assert table.reason[5] == "" and table.r2[5] > 0.5
    assert "fewer than 20 counts" in table.reason[-1] and np.isnan(table.slope[-1]) and table.shared[-1] == 0
    assert "low R²" in table.reason[0] and table.r2[0] < 0.01
    few = stored_genes(store.open_dataset(derive(measured(), "moments", FEW | {"variable_genes": 7})))
    assert few is not None and 7 <= len(few.kept) < 12  # genes of equal dispersion
    assert sum("7 most variable" in each for each in few.reason) == 18 - len(few.kept)


@pytest.mark.parametrize("sparse", [True, False])
def test_first_moments_are_means_over_the_cell_and_its_neighbors(sparse: bool):
    made = store.open_dataset(derive(measured(sparse=sparse), "moments", FEW | {"neighbors_in": "state"}))
    u, s = counts()
    weights = neighbor_weights(store.open_dataset(made.info.parent).snapshots().x, 10).toarray()
    linked = weights > 0
    assert linked.diagonal().all() and (linked == linked.T).all() and (linked.sum(axis=1) >= 10).all()
    np.testing.assert_allclose(weights, linked / linked.sum(axis=1, keepdims=True), rtol=1e-6)
    size = s.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rna(made.snapshots())[1], (weights @ (s / size * np.median(size)))[:, :18], rtol=1e-4)
    size = u.sum(axis=1, keepdims=True)
    normal = np.where(size > 0, u / np.maximum(size, 1) * np.median(size[size > 0]), u)
    np.testing.assert_allclose(rna(made.snapshots())[0], (weights @ normal)[:, :18], rtol=1e-4)
    spliced, data = s / s.sum(axis=1, keepdims=True) * np.median(s.sum(axis=1)), made.snapshots()
    np.testing.assert_allclose(data.channels["spliced_squared"], (weights @ spliced**2)[:, :18], rtol=1e-4)
    np.testing.assert_allclose(data.channels["spliced_unspliced"], (weights @ (spliced * normal))[:, :18], rtol=1e-4)
    assert {DataRequirement.MOMENTS, DataRequirement.SECOND_MOMENTS} <= data.has


def test_many_genes_are_averaged_in_blocks():
    values = np.random.default_rng(0).poisson(1.0, (12, 600)).astype(np.float32)
    weights = np.full((12, 12), 1 / 12, dtype=np.float32)
    np.testing.assert_allclose(averaged(weights, csr_array(values)), np.tile(values.mean(axis=0), (12, 1)), rtol=1e-5)


def test_cells_without_any_time_stay_without():
    made = store.open_dataset(derive(measured(timed=False), "moments", FEW))
    assert made.info.times == () and made.info.time_unit == "" and len(made.snapshots().t) == 0
    assert made.snapshots().covariates.keys() == {"unspliced share", HALVES, CHANCE}
    some = store.open_dataset(derive(made.info.id, "subset", {"by": "label", "label": "kind", "values": "x"}))
    assert some.info.cells == CELLS // 2 and some.info.times == ()


def test_the_slope_is_that_of_the_cells_at_the_ends():
    s = np.linspace(0, 10, 200)[:, None] * np.ones(3)
    u = s * [0.5, 0.5, 0.0] + np.stack([0 * s[:, 0], np.sin(np.pi * s[:, 0] / 10), 0 * s[:, 0]], axis=1)
    slope, r2 = steady_state(u, s)
    assert slope == pytest.approx([0.5, 0.5, 0.0], abs=0.02) and r2[0] == pytest.approx(1.0) and 0.5 < r2[1] < 1


def test_shared_counts_and_shares_by_group_and_time():
    u, s = np.array([[1.0, 0.0], [2.0, 3.0]]), np.array([[4.0, 5.0], [0.0, 1.0]])
    for layers in (SplicingLayers(u, s, ("A", "B")), SplicingLayers(csr_array(u), csr_array(s), ("A", "B"))):
        assert shared_counts(layers) == pytest.approx([5.0, 4.0])
        np.testing.assert_allclose(layers.share(), [0.1, 5 / 6])
    data = Snapshots(
        s, np.array([0.0, 1.0]), AffineSpace.of_genes(("A", "B")), "day", labels={"k": np.array(["x", "y"])}
    )
    found = {(each.annotation, each.group): (each.cells, each.share) for each in unspliced_shares(layers, data)}
    assert found["", "all cells"] == (2, pytest.approx(6 / 16)) and found["k", "y"] == (1, pytest.approx(5 / 6))
    assert found["time", "0 days"] == (1, pytest.approx(0.1)) and len(found) == 5


def test_an_unusual_share_asks_for_nuclei():
    u, s = counts()
    half = store.open_dataset(derive(measured(unspliced=3 * u + 1), "moments", FEW | {"if_mostly_unspliced": "nuclei"}))
    assert any("cells or nuclei?" in each for each in half.info.notes)
    one = np.where(np.arange(CELLS)[:, None] % 2, 8 * u, u)
    group = store.open_dataset(derive(measured(unspliced=one, spliced=3 * s), "moments", FEW)).info.notes
    assert any("in kind y (" in each and "kind x" not in each for each in group)
    assert not store.open_dataset(derive(measured(), "moments", FEW)).info.notes


U, S = counts()
NOTHING = np.zeros_like(S)
REFUSED = {
    "no layer 'unspliced'": {"unspliced": None},
    "'spliced' is zero everywhere": {"spliced": NOTHING},
    "goes down to -1": {"unspliced": U - 1},
    "no whole numbers": {"spliced": S * 0.37},
    "exchanged": {"spliced": U + 1, "unspliced": S + 9},
    "4 of 20 genes": {"unspliced": np.where(np.arange(GENES) < 4, U + 1, 0.0)},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_velocity_cannot_be_read_from_is_refused_in_one_sentence(sentence: str):
    id = measured(**REFUSED[sentence])
    with pytest.raises(ValueError, match=sentence) as found:
        derive(id, "moments", FEW)
    assert "\n" not in str(found.value) and not str(found.value).rstrip(".").count(". ")
    assert len(store.datasets()) == 1


def test_layers_of_another_shape_and_missing_values_are_refused():
    with pytest.raises(ValueError, match="160 x 19"):
        SplicingLayers(U[:, 1:], S, tuple(f"G{k}" for k in range(GENES)))
    with pytest.raises(ValueError, match="missing"):
        SplicingLayers(np.where(U > 3, np.nan, U), S, tuple(f"G{k}" for k in range(GENES)))


def test_what_was_asked_about_can_be_answered():
    swapped = store.open_dataset(
        derive(measured(spliced=U, unspliced=S), "moments", FEW | {"if_mostly_unspliced": "swapped"})
    )
    usual = store.open_dataset(derive(measured(), "moments", FEW))
    np.testing.assert_allclose(swapped.snapshots().x, usual.snapshots().x, atol=1e-5)
    levels = measured(spliced=S * 0.5, unspliced=U * 0.5)
    made = store.open_dataset(derive(levels, "moments", FEW | {"values": "normalised"}))
    assert rna(made.snapshots())[1].max() <= S.max() / 2 and "values over 10 neighbors" in made.info.steps[-1]


def test_other_axes_for_velocity_genes_and_for_counts():
    made = derive(measured(), "moments", FEW)
    back = store.open_dataset(derive(made, "state", {"axes": 3, "variable_genes": 8}))
    data = back.snapshots()
    assert data.space.kind == "pca" and rna(data)[1].shape == (CELLS, len(data.space.genes))
    assert not {DataRequirement.MOMENTS, DataRequirement.SECOND_MOMENTS} & data.has
    assert set(np.unique(rna(data)[1])) <= set(np.unique(S)) and stored_genes(back) is None
    some = store.open_dataset(derive(made, "subset", {"by": "label", "label": "kind", "values": "x"}))
    assert stored_genes(some) is not None and rna(some.snapshots())[1].shape[0] == CELLS // 2
    assert dataclasses.asdict(some.snapshots().space).keys() >= {"scale", "ratio"}


def test_moments_are_those_of_scvelo(shared):
    """Of 100 cells of the pancreas, whose moments scVelo stored: equal to single precision, neighbors included."""
    anndata = pytest.importorskip("anndata")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held = anndata.read_h5ad(shared / "pancreas_scvelo_tests" / "pancreas_100obs_preprocessed.h5ad")
    weights = neighbor_weights(held.obsm["X_pca"], 30)
    for layer, stored in (("spliced", "Ms"), ("unspliced", "Mu")):
        np.testing.assert_allclose(averaged(weights, held.layers[layer].tocsc()), held.layers[stored], atol=1e-4)
