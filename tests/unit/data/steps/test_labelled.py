"""The step "new RNA and moments": new and total RNA of labelled cells as state and channels, and what is refused."""

from __future__ import annotations

from typing import Any

import anndata
import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.data import store
from cellflow_core.data.preprocessing.moments import neighbor_weights
from cellflow_core.data.readers import read
from cellflow_core.data.simulators.simulated_data import simulate
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import principal
from cellflow_core.data.steps.derive import derive
from cellflow_core.models import registry

CELLS, GENES = 120, 12
GIVEN = {"pulse": 2.0, "neighbors": 10, "components": 5}


def counts() -> tuple[np.ndarray, np.ndarray]:
    """(new, old) counts of genes that are switched on one after the other; the last has no new RNA."""
    rng = np.random.default_rng(0)
    since = np.clip(rng.uniform(0, 10, CELLS)[:, None] - np.linspace(0, 6, GENES), 0, None)
    new, old = rng.poisson(8 * (since > 0) + 0.2), rng.poisson(20 * (1 - np.exp(-0.4 * since)) + 0.5)
    new[:, -1] = 0
    return new.astype(np.float32), old.astype(np.float32)


def measured(sparse: bool = True, **layers: Any) -> str:
    new, old = counts()
    held = {"new": new, "total": new + old} | layers
    held = {name: csr_array(each) if sparse else each for name, each in held.items() if each is not None}
    data = Snapshots(
        np.random.default_rng(1).normal(size=(CELLS, 2)), None, AffineSpace.coordinates(("a", "b")), "hour"
    )
    genes = tuple(f"G{k}" for k in range(GENES))
    return store.save_dataset(
        data,
        label="pulsed",
        origin="upload",
        source="f",
        expression=np.log1p(new + old),
        expression_genes=genes,
        layers=held,
    )


@pytest.mark.parametrize("sparse", [True, False])
def test_both_kinds_are_averaged_with_the_factor_of_total_rna(sparse: bool):
    made = store.open_dataset(derive(measured(sparse), "labelled", GIVEN | {"efficiency": 0.8}))
    data, (new, old) = made.snapshots(), counts()
    total = new + old
    factor = np.median(total.sum(axis=1)) / total.sum(axis=1, keepdims=True)
    new, total = (new * factor)[:, :-1], (total * factor)[:, :-1]
    names = tuple(f"G{k}" for k in range(GENES - 1))
    weights = neighbor_weights(principal(np.log1p(total), names, 5).state, 10)
    np.testing.assert_allclose(data.x, np.log1p(weights @ total), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(data.channels["new_rna"], weights @ new / 0.8, rtol=1e-3, atol=1e-4)
    assert (data.channels["pulse"] == 2).all() and data.space.genes == names
    assert {DataRequirement.LABELLING, DataRequirement.GENE_AXES} <= data.has
    assert DataRequirement.MOMENTS not in data.has and data.fingerprint == made.info.fingerprint
    assert "Kept 11 of 12 genes" in made.info.steps[-1] and "pulse of 2 hours" in made.info.steps[-1]


def test_total_rna_is_new_and_old():
    old = counts()[1]
    one, other = (
        store.open_dataset(derive(id, "labelled", GIVEN)) for id in (measured(), measured(total=None, old=old))
    )
    np.testing.assert_allclose(one.snapshots().x, other.snapshots().x, atol=1e-6)


def test_other_axes_are_no_labelled_rna():
    made = derive(measured(), "labelled", GIVEN)
    other = store.open_dataset(derive(made, "state", {"representation": "pca", "axes": 3}))
    assert DataRequirement.LABELLING not in other.snapshots().has


@pytest.mark.parametrize(
    ("layers", "settings", "words"),
    [
        ({}, {"pulse": 0.0}, "how long"),
        ({"new": None}, {}, "no layers of new and total"),
        ({"total": None}, {}, "no layers of new and total"),
        ({"new": counts()[0] / 2}, {}, "no whole numbers"),
        ({"new": 0 * counts()[0]}, {}, "zero everywhere"),
        ({"new": -counts()[0]}, {}, "below zero"),
        ({"new": 100 + counts()[0]}, {}, "exchanged"),
        ({}, {"min_new_counts": 10_000}, "at least 5 are needed"),
    ],
)
def test_what_is_refused(layers, settings, words):
    with pytest.raises(ValueError, match=words):
        derive(measured(sparse=False, **layers), "labelled", GIVEN | settings)


def test_estimators_from_splicing_refuse_labelled_rna_and_the_other_way_round():
    labelled = store.open_dataset(derive(measured(), "labelled", GIVEN)).snapshots()
    kind = registry.find("steady-state")
    assert "unspliced and spliced RNA of velocity genes" in kind.missing_data(kind.Config(), labelled.has)
    simulated = simulate("metabolic-labelling", {"cells_per_time": 60, "genes": 9})
    spliced = store.open_dataset(derive(simulated, "moments", {"neighbors": 10})).snapshots()
    kind = registry.find("labelled")
    assert "new (labelled) and total RNA" in kind.missing_data(kind.Config(), spliced.has)
    again = store.open_dataset(derive(simulated, "labelled", GIVEN)).snapshots()
    assert not kind.missing_data(kind.Config(), again.has)


@pytest.mark.parametrize(
    ("new", "rest", "role"), [("new", "total", "total"), ("X_new", "X_total", "total"), ("labeled", "unlabeled", "old")]
)
def test_layers_are_known_by_their_usual_names(tmp_path, new: str, rest: str, role: str):
    table = anndata.AnnData(np.ones((4, 3), np.float32), layers={new: np.ones((4, 3)), rest: np.full((4, 3), 2.0)})
    table.write_h5ad(tmp_path / "cells.h5ad")
    found = read(tmp_path / "cells.h5ad", "cells.h5ad")
    assert set(found.layers) == {"new", role}
