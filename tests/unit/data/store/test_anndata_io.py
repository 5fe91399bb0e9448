"""Cells written for other tools and read again are the same, to the last bit."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.pipeline import ImportChoices, import_file, inspect_file
from cellflow_core.data.readers import anndata_io, read
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.store.h5ad_export import write_dataset

CELLS = 30
rng = np.random.default_rng(5)
TIMES = np.resize([0.0, 1 / 3, 2.5], CELLS)
X = rng.normal(size=(CELLS, 4)).astype(np.float32)
GENES = ("Sox2", "<b>x</b>", "a/b", "Pu.1", "NA", "ünï")
DECODER = np.linalg.qr(rng.normal(size=(6, 4)))[0].T.astype(np.float32)
SPACES = {
    "coordinates": AffineSpace.coordinates(("x1", "x2", "x/3", "x2 ")),
    "genes": AffineSpace.of_genes(GENES[:4]),
    "pca": AffineSpace("pca", ("PC1", "PC2", "PC3", "PC4"), GENES, rng.normal(size=6).astype(np.float32), DECODER),
}
FIELDS = {
    "velocity": rng.normal(size=(CELLS, 4)),
    "mass": np.array([10.0, 20.0, 1e6]),
    "growth": rng.normal(size=CELLS).astype(np.float32),
    "lineage": np.resize([-1, 0, 7], CELLS),
    "subject": np.resize(np.array([1, 2], dtype=np.int32), CELLS),
    "dose": rng.uniform(size=(CELLS, 1)),
    "observed": rng.uniform(size=(CELLS, 4)) > 0.2,
    "second_modality": rng.normal(size=(CELLS, 3)).astype(np.float32),
    "labels": {
        "type": np.resize(np.array(["a", "NA", "", "long name"]), CELLS),
        "time": np.resize(np.array(["d0", "d1"], dtype="<U9"), CELLS),
        "a/b": np.resize(np.array(["x", "<i>y</i>"], dtype=object), CELLS),
        "..": np.resize(np.array(["1", "2"]), CELLS),
    },
    "covariates": {
        "total counts": np.where(np.arange(CELLS) == 3, np.nan, rng.uniform(size=CELLS)),
        "type": np.ones(CELLS),
    },
}


def back(tmp_path, data: Snapshots, **more) -> Snapshots:
    path = tmp_path / "cells.h5ad"
    anndata_io.write_snapshots(path, data, **more)
    table = read(path, "anything", rows=3)
    assert table.snapshots is not None and table.notes == () and table.cells == len(data.x)
    return table.snapshots


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("field", [None, *FIELDS])
def test_every_space_with_every_field_comes_back(tmp_path, space, field) -> None:
    data = Snapshots(X, TIMES, SPACES[space], "day", **({field: FIELDS[field]} if field else {}))
    found = back(tmp_path, data)
    assert found.fingerprint == data.fingerprint and found.time_unit == "day" and found.has == data.has
    assert list(found.labels) == list(data.labels) and (found.x == X).all()


def test_all_fields_at_once_come_back(tmp_path) -> None:
    data = Snapshots(X, TIMES, SPACES["pca"], "hour", **FIELDS)
    found = back(
        tmp_path, data, expression=csr_matrix(rng.poisson(1.0, size=(CELLS, 6)).astype(np.float32)), genes=GENES
    )
    assert found.fingerprint == data.fingerprint
    assert found.labels["time"].dtype == data.labels["time"].dtype and found.labels["a/b"].dtype == object


def test_a_learnt_space_comes_back(tmp_path) -> None:
    neural = pytest.importorskip("cellflow_core.data.spaces.neural")

    def layer(inner: int, outer: int):
        return rng.normal(size=(inner, outer)).astype(np.float32), rng.normal(size=outer).astype(np.float32)

    encoder, decoder = (layer(6, 5), layer(5, 4)), (layer(4, 5), layer(5, 7))
    gain = rng.uniform(size=6).astype(np.float32)
    space = neural.NeuralSpace("vae", ("z1", "z2", "z3", "z4"), GENES, encoder, decoder, "rate", 1e4, gain)
    data = Snapshots(X, TIMES, space, "day", **FIELDS)
    assert back(tmp_path, data).fingerprint == data.fingerprint


def test_other_tools_see_cells_genes_and_times(tmp_path) -> None:
    values = rng.poisson(1.0, size=(CELLS, 6)).astype(np.float32)
    data = Snapshots(X, TIMES, SPACES["pca"], "hour", **FIELDS)
    path = tmp_path / "a.h5ad"
    anndata_io.write_snapshots(path, data, expression=values, genes=GENES, layers={"spliced": csr_matrix(values)})
    held = anndata.read_h5ad(path)
    assert tuple(held.var_names) == GENES and (values == held.X).all() and (held.obs["time"] == TIMES).all()
    assert list(held.obs["type"][:3]) == ["a", "NA", ""] and (held.obsm["X_state"] == X).all()
    table = read(path, "a.h5ad")
    assert table.features == GENES and (table.layers["spliced"].toarray() == values).all()


def test_cells_left_out_elsewhere_are_fewer_and_that_is_told(tmp_path) -> None:
    data = Snapshots(X, TIMES, SPACES["pca"], "hour", **FIELDS)
    anndata_io.write_snapshots(tmp_path / "a.h5ad", data)
    held = anndata.read_h5ad(tmp_path / "a.h5ad")
    held[held.obs["time"] > 0].copy().write_h5ad(tmp_path / "b.h5ad")
    table = read(tmp_path / "b.h5ad", "b.h5ad")
    assert table.snapshots is not None and table.snapshots.fingerprint == data.take(TIMES > 0).fingerprint
    assert "changed after" in table.notes[0] and table.snapshots.mass is not None and len(table.snapshots.mass) == 2


def test_a_file_that_lost_what_it_needs_is_read_as_any_other(tmp_path) -> None:
    anndata_io.write_snapshots(tmp_path / "a.h5ad", Snapshots(X, TIMES, SPACES["pca"], **FIELDS))
    held = anndata.read_h5ad(tmp_path / "a.h5ad")
    del held.obs["time"]
    held.write_h5ad(tmp_path / "b.h5ad")
    table = read(tmp_path / "b.h5ad", "b.h5ad")
    assert table.snapshots is None and "read as any other" in table.notes[0] and table.x.shape == (CELLS, 4)


@pytest.mark.parametrize("space", SPACES)
def test_a_data_set_exported_and_imported_is_the_same(tmp_path, space) -> None:
    values = rng.poisson(1.0, size=(CELLS, 6)).astype(np.float32) if space == "pca" else None
    data = Snapshots(X, TIMES, SPACES[space], "day", **FIELDS)
    first = store.open_dataset(
        store.save_dataset(
            data,
            label="first",
            origin="upload",
            source="x.csv",
            expression=values,
            expression_genes=GENES if space == "pca" else (),
            layers={"spliced": values} if space == "pca" else {},
        )
    )
    write_dataset(first, tmp_path / "a.h5ad")
    found = inspect_file(tmp_path / "a.h5ad", "a.h5ad")
    assert found.ready and found.cells == CELLS
    again = store.open_dataset(import_file(tmp_path / "a.h5ad", "a.h5ad", ImportChoices(), {}))
    assert again.info.fingerprint == first.info.fingerprint and again.measured.genes == first.measured.genes
    assert again.info.layers == first.info.layers and again.genes == first.genes
    assert (again.measured.table() == first.measured.table()).all()


def test_components_of_genes_decode_to_the_genes_they_were_made_of() -> None:
    """As many components as the genes allow: encode and decode are exact to what a float holds."""
    genes = rng.normal(size=(50, 6)).astype(np.float32)
    state, space = pca(genes, GENES, 6)[:2]
    assert np.abs(space.decode(state) - genes).max() < 1e-5
    assert np.abs(space.encode(genes) - state).max() < 1e-5
