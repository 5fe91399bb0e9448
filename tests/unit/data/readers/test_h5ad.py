"""h5ad files of every version of AnnData, and MuData."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pytest

from cellflow_core.data.readers import InvalidInputError, read
from tests import formats
from tests.unit.data.readers.dense import X, dense


def test_what_an_h5ad_tells_beside_its_values(tmp_path) -> None:
    table = read(formats.h5ad(tmp_path / "a.h5ad"), "a.h5ad")
    held = formats.annotated()
    assert table.format == "AnnData" and list(table.obs.columns) == ["day", "type"] and not table.logged
    assert set(table.layers) == {"spliced", "unspliced"}
    assert (table.obsm["velocity_pca"] == held.obsm["velocity_pca"]).all()
    assert set(table.obsm) == {"X_pca", "velocity_pca", "X_clone"} and table.obsm["X_clone"].shape == (40, 5)
    held.uns["log1p"] = {"base": None}
    held.write_h5ad(tmp_path / "log.h5ad")
    assert read(tmp_path / "log.h5ad", "log.h5ad").logged


def test_an_h5ad_of_anndata_0_7(tmp_path) -> None:
    """No encoding of the dict-like groups, categories in __categories, as 0.7 wrote them."""
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        x = formats.counts()
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array(x.shape)})
        for key in ("data", "indices", "indptr"):
            group[key] = getattr(x, key)
        text = h5py.string_dtype()
        for key, names in (("obs", formats.cells()), ("var", formats.genes())):
            held = file.create_group(key)
            order = np.array(["stage"] if key == "obs" else [], dtype=object).astype(text)
            held.attrs.update({"_index": "index", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
            held.attrs.create("column-order", order, dtype=text)
            held["index"] = np.array(names, dtype=text)
        file["obs/stage"] = np.resize(np.array([0, 1], dtype=np.int8), formats.CELLS)
        file["obs/__categories/stage"] = np.array(["E7", "E8"], dtype=text)
        file["obs/stage"].attrs["categories"] = file["obs/__categories/stage"].ref
    table = read(path, "old.h5ad")
    assert (dense(table.x) == X).all() and list(table.obs["stage"][:2]) == ["E7", "E8"]
    with pytest.warns(anndata.OldFormatWarning):
        assert (anndata.read_h5ad(path).obs["stage"] == table.obs["stage"]).all()


def test_an_h5ad_from_before_that(tmp_path) -> None:
    path = tmp_path / "older.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = X
        file["obs"] = np.array(
            list(zip(formats.cells(), range(40), strict=True)), dtype=[("index", "S20"), ("day", "i8")]
        )
        file["var"] = np.array([(each,) for each in formats.genes()], dtype=[("index", "S20")])
    table = read(path, "older.h5ad", 5)
    assert (dense(table.x) == X[:5]).all() and list(table.obs["day"]) == list(range(40))


@pytest.mark.parametrize("rows", [None, 5])
def test_an_older_h5ad_with_sparse_matrices(tmp_path, rows) -> None:
    table = read(formats.older_h5ad(tmp_path / "older.h5ad"), "older.h5ad", rows)
    assert (dense(table.x) == X[:rows]).all() and (dense(table.layers["spliced"]) == 2 * X[:rows]).all()
    assert table.features == tuple(formats.genes()) and list(table.obs["day"][:3]) == [0, 2, 0]


@pytest.mark.parametrize("part", ["X", "layers/spliced"])
def test_an_older_h5ad_whose_indices_point_elsewhere(tmp_path, part) -> None:
    path = formats.older_h5ad(tmp_path / "older.h5ad")
    with h5py.File(path, "r+") as file:
        file[f"{part}/indices"][3] = 2_000_000_000
    with pytest.raises(InvalidInputError, match="older.h5ad is damaged"):
        read(path, "older.h5ad")


@pytest.mark.parametrize("rows", [None, 5])
def test_mudata_has_a_panel_for_what_is_no_gene(tmp_path, rows) -> None:
    table = read(formats.h5mu(tmp_path / "a.h5mu"), "a.h5mu", rows)
    assert table.format == "MuData" and table.features == tuple(formats.genes()) and table.cells == 36
    assert list(table.obs.index) == formats.cells()[4:] and table.notes[0].startswith("4 cells that not every modality")
    assert list(table.obs.columns) == ["day", "type", "donor"] and table.obs["donor"].iloc[0] == "a"
    assert (dense(table.x) == X[4:][:rows]).all() and (dense(table.layers["spliced"]) == 2 * X[4:][:rows]).all()
    panel = table.panels["atac"]
    assert (dense(panel.x) == formats.counts(36, 1200).toarray()[:rows]).all() and len(panel.features) == 1200
    motifs = table.panels["atac motifs"]
    assert motifs.features == ("GATA",) and motifs.x[:, 0].tolist() == list(range(36))[::-1][:rows]
    assert table.panels["atac X_lsi"].x[0].tolist() == [70, 71] and table.obsm["X_pca"].shape == (36, 3)


def test_mudata_without_genes_or_shared_cells(tmp_path) -> None:
    path = formats.h5mu(tmp_path / "a.h5mu")
    with h5py.File(path, "r+") as file:
        file["mod/atac/obs/_index"][...] = "someone else"
    with pytest.raises(InvalidInputError, match="every modality"):
        read(path, "a.h5mu")
    with h5py.File(path, "r+") as file:
        file.move("mod/rna", "mod/prot")
    with pytest.raises(InvalidInputError, match="rna"):
        read(path, "a.h5mu")
