from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csr_array

from cellflow_core.data import store
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import pca


def cells(count: int = 30, **more) -> Snapshots:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 3)).astype(np.float32)
    space = AffineSpace.of_genes(("Sox2", "<b>bad</b>", "../../etc"))
    labels = {"type/../x": np.array(["a", "b", "ü"] * (count // 3), dtype=object)}
    return Snapshots(x, np.repeat([0.0, 1.5], count // 2), space, "day", labels=labels, **more)


def saved(**more) -> str:
    return store.save_dataset(cells(), label="Mine", origin="upload", source="mine.h5ad", **more)


def test_comes_back_as_it_was() -> None:
    data = cells(velocity=np.ones((30, 3), np.float32), mass=np.array([1.0, 2.0]), lineage=np.arange(30))
    id = store.save_dataset(data, label="x", origin="upload", source="f", steps=("one",), notes=("two",))
    opened = store.open_dataset(id)
    back = opened.snapshots()
    assert (back.x == data.x).all() and (back.t == data.t).all() and back.space == data.space
    assert (back.labels["type/../x"] == data.labels["type/../x"]).all()
    assert back.velocity is not None and back.mass is not None and back.lineage is not None
    assert back.fingerprint == opened.info.fingerprint
    assert opened.info.times == (0.0, 1.5) and opened.info.counts == (15, 15)
    assert opened.info.steps == ("one",) and opened.info.annotations == ("type/../x",)


def test_pca_space_comes_back_and_is_its_own_view() -> None:
    table = np.random.default_rng(1).normal(size=(40, 6))
    genes = tuple("abcdef")
    x, space = pca(table, genes, 3)
    data = Snapshots(x, np.repeat([0.0, 1.0], 20), space)
    opened = store.open_dataset(
        store.save_dataset(
            data, label="x", origin="upload", source="f", expression=csr_array(table), expression_genes=genes
        )
    )
    assert np.allclose(opened.snapshots().space.decode(x), space.decode(x))
    assert (opened.embedding("pca") == x[:, :2]).all() and opened.view_axes("pca") == ("PC1", "PC2")
    assert np.allclose(opened.expression("e"), table[:, 4]) and opened.genes == genes
    assert opened.snapshots().fingerprint == opened.info.fingerprint


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_one_gene_is_read_alone(kind) -> None:
    table = np.random.default_rng(2).poisson(0.5, size=(30, 4)).astype(np.float32)
    opened = store.open_dataset(saved(expression=kind(table), expression_genes=("Sox2", "B", "C", "D")))
    assert (opened.expression("D") == table[:, 3]).all()
    assert (opened.expression("../../etc") == opened.snapshots().x[:, 2]).all()
    assert opened.genes == ("Sox2", "<b>bad</b>", "../../etc", "B", "C", "D") and opened.info.genes == 6
    with pytest.raises(KeyError, match="'Nanog'"):
        opened.expression("Nanog")


def test_an_empty_sparse_table_is_all_zero() -> None:
    opened = store.open_dataset(saved(expression=csr_array((30, 1)), expression_genes=("Z",)))
    assert not opened.expression("Z").any()


def test_view_is_the_stored_map_of_the_state() -> None:
    opened = store.open_dataset(saved())
    mapped = opened.view_map("pca")
    assert mapped is not None
    assert np.allclose((opened.snapshots().x - mapped[0]) @ mapped[1], opened.embedding("pca"), atol=1e-5)
    store.add_view(opened.info.id, "umap", np.zeros((30, 2), np.float32))
    again = store.open_dataset(opened.info.id)
    assert again.info.views == ("pca", "umap") and again.view_map("umap") is None
    assert again.view_axes("umap") == ("UMAP 1", "UMAP 2")
    with pytest.raises(KeyError, match="pca, umap"):
        again.embedding("tsne")
    with pytest.raises(ValueError, match="shape"):
        store.add_view(opened.info.id, "umap", np.zeros((29, 2), np.float32))


def test_rename_delete_restore() -> None:
    id = saved()
    store.open_dataset(id).rename("  New\nname ")
    assert store.open_dataset(id).info.label == "New name"
    with pytest.raises(ValueError, match="empty"):
        store.open_dataset(id).rename(" \n")
    store.delete(id)
    assert store.datasets() == () and store.damaged_datasets() == ()
    with pytest.raises(KeyError, match="no data set"):
        store.open_dataset(id)
    store.restore(id)
    assert store.open_dataset(id).snapshots().x.shape == (30, 3)
    store.delete(id)
    store.save_dataset(cells(), id=id, label="x", origin="upload", source="f")
    with pytest.raises(ValueError, match="already"):
        store.restore(id)


def test_no_two_new_data_sets_have_the_same_name() -> None:
    made = [store.open_dataset(saved()).info.label for _ in range(3)]
    assert made == ["Mine", "Mine (2)", "Mine (3)"]


def test_demos_come_first_then_the_newest() -> None:
    first, second = saved(), saved()
    demo = store.save_dataset(cells(), id="demo-x", label="x", origin="demo", source="s")
    assert [each.id for each in store.datasets()] == [demo, second, first]
    assert store.save_dataset(cells(), id="demo-x", label="again", origin="demo", source="s") == demo
    assert store.open_dataset(demo).info.label == "x"


@pytest.mark.parametrize("id", ["../x", "", ".trash", "a/b", "/etc", "x" * 99])
def test_an_id_is_never_a_path(id) -> None:
    with pytest.raises(KeyError):
        store.open_dataset(id)
    with pytest.raises(KeyError):
        store.restore(id)


@pytest.mark.parametrize("file", ["info.json", "snapshots.npz", "views/pca.npy"])
@pytest.mark.parametrize("how", ["gone", "short"])
def test_damage_is_told_and_the_others_stay(file, how) -> None:
    id, good = saved(), saved()
    path = store.open_dataset(id).folder / file
    data = path.read_bytes()
    path.unlink() if how == "gone" else path.write_bytes(data[: len(data) // 2])
    assert [each.id for each in store.datasets()] == [good]
    (sentence,) = store.damaged_datasets()
    assert id in sentence and file in sentence
    with pytest.raises(store.DamagedDatasetError, match="load it again"):
        store.open_dataset(id)
    store.delete(id)
    assert store.damaged_datasets() == ()


def test_damage_of_the_same_size_is_told_when_read() -> None:
    opened = store.open_dataset(saved())
    path = opened.folder / "snapshots.npz"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(store.DamagedDatasetError, match=r"snapshots\.npz"):
        opened.snapshots()


def test_a_failure_leaves_nothing(home, monkeypatch) -> None:
    monkeypatch.setattr(
        "cellflow_core.data.store.catalog.write_info", lambda folder, info: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        saved()
    assert list((home / "data").iterdir()) == []


def test_info_is_plain_json() -> None:
    held = json.loads((store.open_dataset(saved()).folder / "info.json").read_text())
    assert held["label"] == "Mine" and held["format"] == 1


def test_one_coordinate_is_refused() -> None:
    with pytest.raises(ValueError, match="1 coordinate"):
        store.save_dataset(
            Snapshots(np.zeros((4, 1), np.float32), np.arange(4.0), AffineSpace.coordinates(("x",))),
            label="x",
            origin="upload",
            source="f",
        )


def test_layers_views_and_the_recipe_come_with_the_cells() -> None:
    spliced = csr_array(np.random.default_rng(3).poisson(0.5, size=(30, 2)).astype(np.float32))
    numbers = {"total counts": np.arange(30.0), "unknown": np.full(30, np.nan)}
    id = store.save_dataset(
        cells(covariates=numbers, growth=np.ones(30, np.float32)),
        label="x",
        origin="upload",
        source="f",
        expression=spliced * 2,
        expression_genes=("A", "B"),
        layers={"spliced": spliced},
        views={"umap": np.ones((30, 2))},
        recipe=({"step": "import", "settings": {"time_column": "day"}},),
        parent="another",
    )
    opened = store.open_dataset(id)
    assert (opened.layer("spliced").column("B") == spliced.toarray()[:, 1]).all()
    assert (opened.layer("spliced").table() != spliced).nnz == 0 and opened.measured.genes == ("A", "B")
    assert opened.info.views == ("pca", "umap") and opened.info.parent == "another"
    assert opened.info.recipe[0]["settings"] == {"time_column": "day"} and opened.info.layers == ("spliced",)
    back = opened.snapshots()
    assert (back.covariates["total counts"] == np.arange(30)).all() and back.fingerprint == opened.info.fingerprint
    assert back.growth is not None and "a growth rate of each cell" in opened.info.has
    with pytest.raises(KeyError, match="'unspliced'.* spliced"):
        opened.layer("unspliced")
