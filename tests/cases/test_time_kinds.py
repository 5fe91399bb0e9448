"""Times of the kinds of `../shared/cases` with other names and numbers, made here: each right, or asked about."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_matrix, csc_matrix

from tests.cases.case import Case, assert_imports, course, written


@dataclass(frozen=True)
class Kind:
    """Labels of a column with their cells, and what is right for the file of them, as in Case."""

    column: str
    labels: Mapping[str, int]
    cells: Mapping[float, int]
    unit: str
    right: Mapping[str, Any] = field(default_factory=dict)


RATS = {"E13": 21, "E17": 22, "P1": 23, "P10": 24}
KINDS = {
    "a factor of Seurat": Kind("dpi", {"D2": 20, "D5": 21, "D14": 22}, {2: 20, 5: 21, 14: 22}, "day"),
    "before and after birth": Kind(
        "age",
        RATS,
        {13: 21, 17: 22, 23: 23, 32: 24},
        "embryonic day",
        {"open": ("P1", "P10"), "numbers": {"P1": 23.0, "P10": 32.0}},
    ),
    "only before birth": Kind(
        "age",
        RATS,
        {13: 21, 17: 22},
        "embryonic day",
        {"numbers": {"P1": None, "P10": None}, "reported": ("47 cells",)},
    ),
    "time in a treatment": Kind(
        "stimulus",
        {"rest": 20, "tnf1": 21, "tnf3": 22},
        {0: 20, 1: 21, 3: 22},
        "hour",
        {
            "column": "stimulus",
            "choices": {"unit": "hour"},
            "open": ("rest", "tnf1", "tnf3"),
            "numbers": {"rest": 0.0, "tnf1": 1.0, "tnf3": 3.0},
        },
    ),
    "names of libraries": Kind(
        "sample", {"BM_d3_1": 20, "BM_d3_2": 21, "PB_d9_1": 22, "d12_4_1": 23}, {3: 41, 9: 22, 12: 23}, "day"
    ),
    "days before a vaccination": Kind(
        "visit day", {"D-14": 20, "D0": 21, "D3": 22, "D28": 23}, {-14: 20, 0: 21, 3: 22, 28: 23}, "day"
    ),
    "a line of cells": Kind("sample", {"H1_d0": 20, "H1_d6": 21, "H1_d13": 22}, {0: 20, 6: 21, 13: 22}, "day"),
    "decimals by underscore": Kind(
        "stage", {"E9_5": 20, "E10_5": 21, "E11_5": 22}, {9.5: 20, 10.5: 21, 11.5: 22}, "embryonic day"
    ),
    "few cells at a time": Kind(
        "day", {"d0": 60, "d3": 9, "d6": 50}, {0: 60, 3: 9, 6: 50}, "day", {"reported": ("only 9 cells",)}
    ),
    "two times": Kind("day", {"d11.5": 40, "d12": 50}, {11.5: 40, 12: 50}, "day"),
    "a line of cells and hours": Kind(
        "sample", {"THP1_0h": 20, "THP1_6h": 21, "K562_48h": 22}, {0: 20, 6: 21, 48: 22}, "hour"
    ),
    "placeholder for no time": Kind(
        "week", {"-1": 20, "2": 21, "6": 22}, {2: 21, 6: 22}, "week", {"open": ("-1",), "numbers": {"-1": None}}
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_times_comes_in_as_expected(kind: str, tmp_path) -> None:
    given = KINDS[kind]
    path = written(tmp_path, course(given.labels, given.column))
    assert_imports(Case(path, given.cells, given.unit, 40, **given.right))


def test_labels_that_are_open_stop_an_import(tmp_path) -> None:
    assert_imports(Case(written(tmp_path, course(RATS, "age")), refused=("P1 (23 cells)", "P10 (24 cells)")))


def test_nullable_times_with_missing_ones(tmp_path) -> None:
    held = course({"a": 20, "b": 22, "c": 24}, "stand-in")
    values = pd.array(np.repeat([3, 8, 20], [20, 22, 24]), dtype="Int64")
    values[[1, 2, 30]] = pd.NA
    held.obs = held.obs.assign(**{"hours": values}).drop(columns="stand-in")
    with anndata.settings.override(allow_write_nullable_strings=True):
        path = written(tmp_path, held)
    assert_imports(Case(path, {3: 18, 8: 21, 20: 24}, "hour", reported=("3 cells without a time",)))


@pytest.mark.parametrize(("names", "part"), [("NK_D{}_{:03d}", 2), ("s{1}.day{0}.x", 2)])
def test_names_of_cells_hold_the_day(tmp_path, names: str, part: int) -> None:
    days = np.repeat([1, 5, 9], [20, 21, 22])
    cells = [names.format(day, k) for k, day in enumerate(days)]
    values = pd.DataFrame(course({"a": 63}, "x").X.toarray(), cells, [f"Gene{k}a" for k in range(40)])  # type: ignore[union-attr]
    values.to_csv(tmp_path / "cells.txt", sep="\t")
    assert_imports(Case(tmp_path / "cells.txt", {1: 20, 5: 21, 9: 22}, "day", column=f"part {part} of the cell name"))


def barcode(number: int) -> str:
    """A barcode of 16 bases."""
    return "ACGTTGCAACGT" + "".join("ACGT"[number // 4**k % 4] for k in range(4))


def tenx(cells: list[str], x: np.ndarray) -> bytes:
    """A file of Cell Ranger 3 in memory."""
    held, matrix = io.BytesIO(), csc_matrix(x.T)
    with h5py.File(held, "w") as file:
        place = file.create_group("matrix")
        place["data"], place["indices"], place["indptr"] = matrix.data, matrix.indices, matrix.indptr
        place["shape"], place["barcodes"] = np.array(matrix.shape), np.array(cells, dtype="S")
        features = place.create_group("features")
        features["id"] = np.array([f"ENSG{k:011d}" for k in range(x.shape[1])], dtype="S")
        features["name"] = np.array([f"Gene{k}a" for k in range(x.shape[1])], dtype="S")
        features["feature_type"] = np.array(["Gene Expression"] * x.shape[1], dtype="S")
    return held.getvalue()


def counts(cells: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(2.0, (cells, 40)).astype(np.int32)


def test_suffixes_of_aggr_are_asked_for(tmp_path) -> None:
    cells = [f"{barcode(k)}-{1 + (k >= 25) + (k >= 55)}" for k in range(90)]
    (tmp_path / "aggr.h5").write_bytes(tenx(cells, counts(90)))
    column, numbers = "suffix of the cell name", {"1": 0.0, "2": 12.0, "3": 48.0}
    assert_imports(
        Case(tmp_path / "aggr.h5", {0: 25, 12: 30, 48: 35}, column=column, numbers=numbers, open=("1", "2", "3"))
    )


def test_one_file_of_cell_ranger_a_day(tmp_path) -> None:
    with tarfile.open(tmp_path / "RAW.tar", "w") as archive:
        for k, day in enumerate((3, 8, 21)):
            data = tenx([f"{barcode(j)}-1" for j in range(20 + k)], counts(20 + k, k))
            member = tarfile.TarInfo(f"GSM90{k}_d{day}_filtered_feature_bc_matrix.h5")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    made = assert_imports(Case(tmp_path / "RAW.tar", {3: 20, 8: 21, 21: 22}, "day", 40))
    assert made is not None and not any("name of an earlier cell" in each for each in made.info.notes)


def test_a_folder_of_parse(tmp_path) -> None:
    about = pd.DataFrame({"bc_wells": [f"01_{k:02d}_03" for k in range(66)]})
    about["sample"] = np.repeat(["wk2", "wk4", "wk10"], [20, 22, 24])
    genes = pd.DataFrame(
        {"gene_id": [f"ENSG{k:011d}" for k in range(40)], "gene_name": [f"Gene{k}a" for k in range(40)]}
    )
    matrix = io.BytesIO()
    mmwrite(matrix, coo_matrix(counts(66)), field="integer")
    with zipfile.ZipFile(tmp_path / "DGE.zip", "w") as archive:
        archive.writestr("DGE/count_matrix.mtx", matrix.getvalue())
        archive.writestr("DGE/all_genes.csv", genes.to_csv(index=False))
        archive.writestr("DGE/cell_metadata.csv", about.to_csv(index=False))
    assert_imports(Case(tmp_path / "DGE.zip", {2: 20, 4: 22, 10: 24}, "week", 40))


def test_a_table_of_scdiff(tmp_path) -> None:
    values = np.log2(counts(63) * 1.7 + 1)
    rows = pd.DataFrame(values, columns=[f"Gene{k}a" for k in range(40)])
    rows.insert(0, "Cells", [f"C{k}" for k in range(63)])
    rows.insert(1, "Time", np.repeat([2, 9, 30], [20, 21, 22]))
    rows.insert(2, "Label", np.resize(["NA", "neuron", "NA"], 63))
    rows.to_csv(tmp_path / "expression.E", sep="\t", index=False)
    made = assert_imports(Case(tmp_path / "expression.E", {2: 20, 9: 21, 30: 22}, genes=40))
    assert made is not None and made.expression("Gene3a") == pytest.approx(values[:, 3], abs=1e-5)
