"""Every format gives the same cells, wherever they came from, and a look reads the first rows only."""

from __future__ import annotations

import gzip
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from cellflow_core.data.readers import InvalidInputError, labels_of, read
from tests import formats
from tests.unit.data.readers.dense import X, dense

FORMATS = {
    "csr.h5ad": lambda p: formats.h5ad(p, "csr"),
    "csc.h5ad": lambda p: formats.h5ad(p, "csc"),
    "dense.h5ad": lambda p: formats.h5ad(p, "dense"),
    "v2.h5": lambda p: formats.tenx(p, 2),
    "a.loom": formats.loom,
    "v2.zip": lambda p: formats.zipped(p, {f"mm10/{k}": v for k, v in formats.folder(2).items()}),
    "v3.zip": lambda p: formats.zipped(p, formats.folder(3)),
    "v3.tar.gz": lambda p: formats.tarred(p, {f"./out/{k}": v for k, v in formats.folder(3).items()}),
    "v2.tar": lambda p: formats.tarred(p, formats.folder(2), "w"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rows", [None, 7])
def test_the_same_cells_in_every_format(tmp_path, name, rows) -> None:
    path = FORMATS[name](tmp_path / name)
    table = read(path, "whatever.bin", rows)  # the ending says nothing
    assert (dense(table.x) == X[:rows]).all() and table.features == tuple(formats.genes())
    assert table.cells == formats.CELLS and list(table.obs.index) == formats.cells()
    for name, factor in (("spliced", 2), ("unspliced", 1)) if path.suffix == ".h5ad" else ():
        assert (dense(table.layers[name]) == factor * X[:rows]).all()


def test_a_table_in_an_archive_and_compressed_hdf5(tmp_path) -> None:
    packed = formats.zipped(tmp_path / "a.zip", {"cells.csv": formats.csv(tmp_path / "cells.csv").read_bytes()})
    assert read(packed, "a.zip").features == ("samples", "x1", "x2")
    (tmp_path / "a.h5ad.gz").write_bytes(gzip.compress(formats.h5ad(tmp_path / "a.h5ad").read_bytes()))
    assert (dense(read(tmp_path / "a.h5ad.gz", "a.h5ad.gz").x) == X).all()


def test_a_loom_file(tmp_path) -> None:
    table = read(formats.loom(tmp_path / "a.loom"), "a.loom")
    assert table.format == "loom" and set(table.layers) == {"spliced", "unspliced", "ambiguous"}
    assert dict(table.obs.iloc[1]) == {"day": 2.0, "Clusters": "b"}
    assert (dense(table.layers["unspliced"]) == 2 * X).all()


@pytest.mark.parametrize("kind", ["a.loom", "a.h5ad"])
def test_a_layer_of_another_shape_is_left_out_with_its_reason(tmp_path, kind) -> None:
    path = tmp_path / kind
    (formats.loom if kind == "a.loom" else formats.h5ad)(path)
    key = "layers/unspliced" if kind == "a.loom" else "layers/Unspliced"
    with h5py.File(path, "a") as file:
        held: Any = file[key]
        values, attributes = held[...], dict(held.attrs)
        del file[key]
        made = file.create_dataset(key, data=values[:5] if kind == "a.loom" else values[:, :5])
        made.attrs.update(attributes)
    table = read(path, kind)
    assert "spliced" in table.layers and "unspliced" not in table.layers
    (reason,) = (each.reason for each in table.unused if "nspliced" in each.place)
    assert "40 x 5 values" in reason and "same cells and genes" in reason


def test_the_arrays_of_the_embryoid_bodies(tmp_path) -> None:
    table = read(formats.npz(tmp_path / "a.npz"), "a.npz", 3)
    assert table.format == "arrays" and table.x.shape == (3, 5) and table.features[0] == "PC1"
    assert list(table.obs.columns) == ["sample_labels"] and table.obsm["velocity_pcs"].shape == (40, 5)


def test_labels_are_text_and_empty_ones_missing() -> None:
    assert labels_of(pd.Series([1.0, np.nan, 2.5])).tolist() == ["1", "missing", "2.5"]
    assert labels_of(pd.Series(pd.Categorical(["a", None, " b "]))).tolist() == ["a", "missing", "b"]
    assert labels_of(pd.Series(["x\u202ey\n", "z" * 300])).tolist() == ["x y", "z" * 200]


def test_a_file_that_is_gone(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match="not there"):
        read(tmp_path / "a.csv", "a.csv")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"\n3 1 ", b"\n13 1 "), "entries where it declares"),
        ((b"\n3 1 ", b"\n0 1 "), "entries where it declares"),
        ((b"\n3 1 ", b"\n3 x "), "damaged"),
        ((b"\n3 1 ", b"\n3 1 1 1 1 "), "damaged"),
        ((b"general", b"symmetric"), "does not begin as"),
    ],
)
def test_entries_of_a_matrix_that_cannot_be(tmp_path, change, words) -> None:
    files = formats.folder(2)
    assert change[0] in files["matrix.mtx"]
    files["matrix.mtx"] = files["matrix.mtx"].replace(change[0], change[1], 1)
    with pytest.raises(InvalidInputError, match=words):
        read(formats.zipped(tmp_path / "a.zip", files), "a.zip")


def test_a_matrix_that_only_says_where_there_is_something(tmp_path) -> None:
    files = formats.folder(2)
    head, *lines = files["matrix.mtx"].replace(b"integer", b"pattern").splitlines()
    size = next(k for k, line in enumerate(lines) if not line.startswith(b"%"))
    entries = [line.rsplit(b" ", 1)[0] for line in lines[size + 1 :]]
    files["matrix.mtx"] = b"\n".join([head, *lines[: size + 1], *entries])
    assert (dense(read(formats.zipped(tmp_path / "a.zip", files), "a.zip").x) == (X > 0)).all()
