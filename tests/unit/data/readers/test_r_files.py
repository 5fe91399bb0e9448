"""Files of R: Seurat 3 to 5, SingleCellExperiment, matrices and data frames, and what cannot be read of them."""

from __future__ import annotations

import bz2
import lzma

import numpy as np
import pytest

from cellflow_core.data.readers.open import read
from cellflow_core.data.readers.r.serialised import read_r
from cellflow_core.data.readers.table import InvalidInputError, ReadOptions
from tests import r_files as r
from tests.r_files import CELLS, GENES, X


def values(table) -> np.ndarray:
    return table.x if isinstance(table.x, np.ndarray) else table.x.toarray()


@pytest.mark.parametrize("squeeze", [bz2.compress, lzma.compress, bytes])
def test_a_seurat_object_with_several_assays(tmp_path, squeeze) -> None:
    path = r.seurat_4(tmp_path / "a.rds", squeeze)
    table = read(path, "a.rds")
    assert table.format == "Seurat" and table.features == GENES and tuple(table.obs.index) == CELLS
    assert np.array_equal(values(table), X.T) and table.matrix == "RNA counts" and not table.logged
    assert list(table.matrices) == ["RNA counts", "ADT counts", "spliced counts", "RNA data", "integrated data"]
    assert table.obs["type"].astype(object).tolist() == ["stem", "blood", np.nan, "stem"]
    assert table.obs["active.ident"].tolist() == ["early", "early", "late", "late"]
    assert np.array_equal(table.obs["batch"], [1, np.nan, 2, 2], equal_nan=True)
    assert np.array_equal(table.obsm["X_umap"], np.arange(8.0).reshape(4, 2))
    assert np.array_equal(table.layers["spliced"].toarray(), 2 * X.T)
    assert table.panels["ADT"].features == ("CD3", "CD4") and "active assay is integrated" in table.notes[0]
    assert {each.place for each in table.unused} == {"RNA data", "integrated data"}

    logs = read(path, "a.rds", 2, ReadOptions(matrix="RNA data"))
    assert logs.logged and np.allclose(values(logs), np.log1p(X.T[:2])) and logs.cells == 4
    assert np.array_equal(logs.layers["counts"].toarray(), X.T[:2])


def test_layers_of_seurat_5_that_are_split_by_sample(tmp_path) -> None:
    layers = {"counts.b": r.sparse(X[1:, 2:]), "counts.a": r.sparse(X[:, :2]), "scale.data": r.dense(X)}
    split = r.s4(
        "Assay5",
        layers=r.named(layers),
        features=r.log_map(GENES, {"counts.a": [1, 1, 1], "counts.b": [0, 1, 1], "scale.data": [1, 1, 1]}),
        cells=r.log_map(CELLS, {"counts.a": [1, 1, 0, 0], "counts.b": [0, 0, 1, 1], "scale.data": [1, 1, 1, 1]}),
    )
    table = read(r.written(tmp_path / "a.rds", r.seurat({"RNA": split}, r.columns(), CELLS)), "a.rds")
    order = [CELLS.index(each) for each in table.obs.index]
    genes = [GENES.index(each) for each in table.features]
    expected = X.copy()
    expected[0, 2:] = 0  # not measured in b
    assert order == [2, 3, 0, 1] and np.array_equal(values(table), expected[genes][:, order].T)
    assert table.obs["day"].tolist() == [2, 2, 0, 0]


def test_values_outside_of_the_file_are_named(tmp_path) -> None:
    on_disk = r.s4("Assay5", layers=r.named({"counts": r.s4("RenameDims")}))
    path = r.written(tmp_path / "a.rds", r.seurat({"RNA": on_disk}, r.columns(), CELLS))
    with pytest.raises(InvalidInputError, match="RNA"):
        read(path, "a.rds")


def test_a_single_cell_experiment(tmp_path) -> None:
    ids = ("ENSMUSG00000031162", "ENSMUSG00000002111", "ENSMUSG00000054191")
    about = r.s4("DFrame", rownames=r.NULL, nrows=r.ints([3]), listData=r.named({"Symbol": r.text(*GENES)}))
    ranges = r.s4(
        "CompressedGRangesList", partitioning=r.s4("PartitioningByEnd", NAMES=r.text(*ids)), elementMetadata=about
    )
    antibodies = r.experiment({"counts": r.dense(X[:1])}, {}, CELLS, NAMES=r.text("CD3"))
    lengths = r.s4("Rle", values=r.text("x", "y"), lengths=r.ints([1, 3]))
    inner = r.named(
        {
            "reducedDims": r.s4("DFrame", listData=r.named({"PCA": r.dense(np.eye(4)[:, :3])})),
            "altExps": r.s4("DFrame", listData=r.named({"ADT": r.s4("SummarizedExperimentByColumn", se=antibodies)})),
        }
    )
    assays = {"logcounts": r.dense(np.log1p(X)), "counts": r.sparse(X), "unspliced": r.sparse(X / 2)}
    held = r.experiment(
        assays, {**r.columns(), "run": lengths}, CELLS, rowRanges=ranges, int_colData=r.s4("DFrame", listData=inner)
    )
    table = read(r.workspace(tmp_path / "a.RData", cells=held, note=r.text("of 2026")), "a.RData")
    assert table.features == GENES and table.ids == ids and np.array_equal(values(table), X.T)
    assert table.obs["run"].tolist() == ["x", "y", "y", "y"] and table.obsm["X_pca"].shape == (4, 3)
    assert list(table.layers) == ["unspliced"] and table.panels["ADT"].features == ("CD3",)
    assert "not note" in table.notes[0] and list(table.matrices) == ["counts", "logcounts", "unspliced"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_sparse_matrix_holds_cells_in_the_rows_where_they_are_named_so(tmp_path, turned) -> None:
    barcodes = tuple(f"ACGTACGTAC{each}" for each in "ACGT")
    held = r.sparse(X.T, barcodes, GENES) if turned else r.sparse(X, GENES, barcodes)
    table = read(r.written(tmp_path / "a.rds", held), "a.rds")
    assert table.features == GENES and np.array_equal(values(table), X.T) and "genes stand" in table.notes[0]


def test_a_data_frame_is_read_as_the_same_table_of_text(tmp_path) -> None:
    count = 12
    held = {"day": r.sequence(1, count), "type": r.factor([1, 2] * 6, "a", "b"), "x": r.real(range(count)),
            "y": r.real(np.sqrt(range(count)))}  # fmt: skip
    rows = [f"cell{k}" for k in range(count)]
    table = read(r.written(tmp_path / "a.rds", r.frame(held, rows)), "a.rds")
    lines = ["index,day,type,x,y"]
    lines += [f"cell{k},{k + 1},{'ab'[k % 2]},{float(k)!r},{float(np.sqrt(k))!r}" for k in range(count)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    same = read(tmp_path / "a.csv", "a.csv")
    assert table.features == same.features and np.allclose(table.x, same.x)
    assert list(table.obs.index) == list(same.obs.index) and table.obs["type"].tolist() == same.obs["type"].tolist()


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (r.s4("seurat"), "UpdateSeuratObject"),
        (r.s4("CellChat"), "class CellChat.*writeH5AD"),
        (r.named({"a": r.text("x"), "b": r.NULL}), "a list of a, b"),
        (r.seurat({}, r.columns(), CELLS), "no counts or data"),
        (r.frame({"x": r.sequence(1, 1e15)}, CELLS), "memory"),
        (r.s4("dgCMatrix", Dim=r.ints([2, 2]), p=r.ints([0, 1, 5]), i=r.ints([0]), x=r.real([1.0])), "damaged"),
        (b"\0\0\0\x13\x7f\xff\xff\xff", "damaged"),
        (b"\0\0\0\x63", "damaged"),
    ],
)
def test_what_is_no_cells_is_one_sentence(tmp_path, held, words) -> None:
    path = r.written(tmp_path / "a.rds", held)
    with pytest.raises(InvalidInputError, match=words) as error:
        read(path, "a.rds")
    assert "\n" not in str(error.value)


def test_text_and_numbers_of_r(tmp_path) -> None:
    """Latin-1, NA, references to symbols, environments and calls."""
    latin = b"\0\0\x40\x09\0\0\0\x02\xe9a"
    held = r.named({"t": b"\0\0\0\x10\0\0\0\x02" + latin + r._char(None), "e": r.environment(a=r.ints([7]))})
    again = b"\0\0\0\x13\0\0\0\x03" + r.symbol("s") + b"\0\0\1\xff" + held
    path = r.written(tmp_path / "a", again, bytes)
    first, second, found = read_r(path, "a").value
    assert first is second and first.value == "s"
    assert found.slot("t").value == ["éa", None] and found.slot("e", "a").value.tolist() == [7]
