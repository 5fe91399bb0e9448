"""Files that cannot become a data set: one clear sentence each, and nothing left behind."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.pipeline import ImportChoices, InvalidInputError, import_file, inspect_file
from cellflow_core.workspace import current

CELLS = 60
TIMES = {"Day 0": 0.0, "Day 2": 2.0, "Day 4": 4.0}


def cells(count: int = CELLS, genes: int = 12, times: object = None) -> anndata.AnnData:
    rng = np.random.default_rng(0)
    x = rng.poisson(2.0, size=(count, genes)).astype(np.float32)
    obs = pd.DataFrame({"day": times if times is not None else np.resize(list(TIMES), count)})
    obs.index = [f"cell{k}" for k in range(count)]
    return anndata.AnnData(x, obs=obs, var=pd.DataFrame(index=[f"Gene{k}a" for k in range(genes)]))


def written(folder: Path, held: anndata.AnnData) -> Path:
    path = folder / "cells.h5ad"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Variable names are not unique")
        held.write_h5ad(path)
    return path


def load(path: Path, numbers=TIMES, **choices) -> str:
    return import_file(path, path.name, ImportChoices(**{"time_column": "day", "unit": "day", **choices}), numbers)


def truncated(folder: Path) -> Path:
    path = written(folder, cells())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def damaged_inside(folder: Path) -> Path:
    path = written(folder, cells())
    with h5py.File(path, "a") as file:
        del file["obs"]["_index"]
    return path


def text(folder: Path) -> Path:
    path = folder / "cells.h5ad"
    path.write_text("My notes of this week:\nnothing grew\n")
    return path


def no_bytes(folder: Path) -> Path:
    path = folder / "cells.h5ad"
    path.write_bytes(b"")
    return path


def not_anndata(folder: Path) -> Path:
    path = folder / "cells.h5ad"
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)
    return path


def no_matrix(folder: Path) -> Path:
    return written(folder, anndata.AnnData(obs=cells().obs, var=cells().var))


def three_cells(folder: Path) -> Path:
    return written(folder, cells(3))


def no_cells(folder: Path) -> Path:
    return written(folder, cells()[:0].copy())


def no_genes(folder: Path) -> Path:
    return written(folder, cells()[:, :0].copy())


def unknown_ending(folder: Path) -> Path:
    path = folder / "cells.docx"
    path.write_bytes(b"PK\3\4")
    return path


def binary_table(folder: Path) -> Path:
    path = folder / "cells.csv"
    path.write_bytes(bytes(range(128, 256)) * 10)
    return path


def ragged_table(folder: Path) -> Path:
    path = folder / "cells.csv"
    path.write_text("day,x,y\n0,1,2\n0,1,2,3,4\n")
    return path


def words_among_numbers(folder: Path) -> Path:
    path = folder / "cells.csv"
    rows = [f"{k % 2},{k},{k * k}" for k in range(50)]
    path.write_text("\n".join(["day,x,y", *rows[:-1], "1,oops,3"]))
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (truncated, "cut short or damaged"),
        (damaged_inside, "write it again"),
        (text, "1 cells and at least 20"),
        (no_bytes, "empty"),
        (not_anndata, "not AnnData, MuData, 10x or loom: it holds weights"),
        (no_matrix, "no matrix X"),
        (three_cells, "3 cells and at least 20"),
        (no_cells, "0 cells"),
        (no_genes, "0 features"),
        (unknown_ending, "damaged"),
        (binary_table, "not a table of text"),
        (ragged_table, "not a table of text"),
        (words_among_numbers, "'x' holds 1 values that are no numbers among numbers, for example 'oops'"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, make: Callable[[Path], Path], sentence) -> None:
    path = make(tmp_path)
    for look in (lambda: inspect_file(path, path.name), lambda: load(path)):
        with pytest.raises(InvalidInputError) as error:
            look()
        check_sentence(str(error.value), sentence, path.name)
    assert list(current().data.iterdir()) == []


def broken(value: float, sparse: bool) -> anndata.AnnData:
    held = cells()
    held.X[3, 2] = held.X[3, 5] = held.X[7, 1] = value
    if sparse:
        held.X = csr_matrix(held.X)
    return held


def constant() -> anndata.AnnData:
    held = cells()
    held.X[:] = 2.0
    return held


def negative() -> anndata.AnnData:
    held = cells()
    held.X[0, 0] = -1.5
    return held


@pytest.mark.parametrize(
    ("held", "choices", "sentence"),
    [
        (broken(np.nan, False), {}, "2 of 60 cells hold a value that is missing (NaN) or infinite"),
        (broken(np.inf, True), {}, "2 of 60 cells"),
        (broken(-np.inf, False), {"representation": "genes"}, "2 of 60 cells"),
        (constant(), {"normalise": False}, "all 12 genes have the same value"),
        (negative(), {"values": "counts"}, "below zero (down to -1.5)"),
        (cells(), {"min_counts": 1000}, "no cell passes the filters; fewer than 1,000 counts takes 60 cells"),
        (cells(), {"min_genes": 12, "min_cells": 61}, "no gene is above zero in 61 cells"),
        (cells(), {"batch_column": "lane"}, "no column of batches 'lane': choose one of day"),
        (cells(), {"batch_column": "day", "representation": "genes"}, "in principal components only"),
        (cells(), {"growth_column": "day"}, "no column of numbers 'day' for growth"),
        (cells(), {"windows": 3}, "'day' holds words"),
        (cells(times=np.linspace(0, 1, CELLS)), {"windows": 20}, "ask for fewer windows"),
        (cells(100, times=np.linspace(0, 1, 100)), {}, "'day' has 100 different values"),
        (cells(), {"time_column": "hour"}, "no column 'hour'"),
        (cells(), {"representation": "obsm:X_pca"}, "no coordinates 'X_pca': it has none"),
        (cells(), {"representation": "magic"}, "'magic' is not known"),
        (cells(times=["Day 0"] * 50 + ["Day 2"] * 6 + ["Day 4"] * 4), {}, "fewer than 5 cells at time 4 (4)"),
        (cells(times=["Day 0"] * 30 + ["later"] * 30), {}, "later (30 cells)"),
    ],
)
def test_content_that_cannot_be_used(tmp_path, held, choices, sentence) -> None:
    path = written(tmp_path, held)
    with pytest.raises(InvalidInputError) as error:
        load(path, {} if choices == {} and held.n_obs == 100 else TIMES, **choices)
    check_sentence(str(error.value), sentence, path.name)
    assert list(current().data.iterdir()) == [] and store.damaged_datasets() == ()


def check_sentence(message: str, expected: str, name: str) -> None:
    assert expected in message and name in message
    assert "\n" not in message and len(message) < 420 and "Traceback" not in message


def test_no_column_with_a_time(tmp_path) -> None:
    held = cells()
    held.obs = held.obs.drop(columns="day").assign(cluster=np.resize(["a", "b"], CELLS))
    path = written(tmp_path, held)
    found = inspect_file(path, path.name)
    assert found.candidates == () and "columns: cluster" in found.notes[-1] and "Day 3" in found.notes[-1]
    assert "one snapshot" in found.notes[-1]
    opened = store.open_dataset(load(path, time_column=""))
    assert opened.info.times == () and "No time of the cells is known" in opened.info.steps


def test_one_time_is_told_before_the_import(tmp_path) -> None:
    path = written(tmp_path, cells(times=["Day 3"] * CELLS))
    found = inspect_file(path, path.name)
    assert found.candidates == () and "one time only (Day 3)" in found.notes[-1]
    assert store.open_dataset(load(path, {"Day 3": 3.0})).info.times == (3.0,)


def test_labels_can_be_joined_to_one_time_but_not_to_none(tmp_path) -> None:
    path = written(tmp_path, cells())
    assert store.open_dataset(load(path, dict.fromkeys(TIMES, 1.0))).info.times == (1.0,)
    with pytest.raises(InvalidInputError, match="no time"):
        load(path, dict.fromkeys(TIMES))


def test_pseudotime_is_named(tmp_path) -> None:
    held = cells(200)
    held.obs = held.obs.drop(columns="day").assign(dpt_pseudotime=np.linspace(0, 1, 200))
    path = written(tmp_path, held)
    (found,) = inspect_file(path, path.name).candidates
    assert found.is_order and (found.low, found.high, found.known) == (0.0, 1.0, 200)


def test_cells_with_missing_values_can_be_left_out(tmp_path) -> None:
    opened = store.open_dataset(load(written(tmp_path, broken(np.nan, True)), drop_incomplete=True))
    assert opened.info.cells == 58 and "Left out 2 cells with missing or infinite values" in opened.info.steps


def test_every_cell_with_missing_values(tmp_path) -> None:
    held = cells()
    held.X[:, 0] = np.nan
    with pytest.raises(InvalidInputError, match="60 cells"):
        load(written(tmp_path, held), drop_incomplete=True)


def test_cells_without_counts_are_left_out_and_told(tmp_path) -> None:
    held = cells()
    held.X[5] = 0
    opened = store.open_dataset(load(written(tmp_path, held)))
    assert opened.info.cells == 59 and any("without a single count" in each for each in opened.info.steps)


def test_genes_that_appear_twice_are_numbered_and_told(tmp_path) -> None:
    held = cells()
    held.var.index = ["Sox2", "Sox2", "Sox2", "Sox2-1", *held.var_names[4:]]
    path = written(tmp_path, held)
    assert any("appear twice" in each for each in inspect_file(path, path.name).notes)
    opened = store.open_dataset(load(path))
    assert opened.genes[:4] == ("Sox2", "Sox2-2", "Sox2-3", "Sox2-1") and "Sox2" in opened.info.notes[0]


def test_constant_genes_are_left_out_and_told(tmp_path) -> None:
    held = cells()
    held.X[:, :3] = 1.0
    opened = store.open_dataset(load(written(tmp_path, held)))
    assert opened.info.genes == 9 and opened.info.notes[0].startswith(
        "Genes left out, as they have the same value in every cell: 3"
    )


def test_a_time_column_of_mixed_strings(tmp_path) -> None:
    path = written(tmp_path, cells(times=np.resize(["Day 1", "d2", "late", "72 h"], CELLS)))
    (found,) = inspect_file(path, path.name).candidates
    assert dict(zip(found.labels, found.numbers, strict=True)) == {
        "Day 1": 24.0,
        "d2": 48.0,
        "72 h": 72.0,
        "late": None,
    }
    opened = store.open_dataset(load(path, {**dict(zip(found.labels, found.numbers, strict=True)), "late": 216.0}))
    assert opened.info.times == (24.0, 48.0, 72.0, 216.0)


def test_missing_times_are_left_out_and_told(tmp_path) -> None:
    times = np.resize([0.0, 1.0, np.nan], CELLS)
    path = written(tmp_path, cells(times=times))
    (found,) = inspect_file(path, path.name).candidates
    assert found.labels == ("0", "1", "missing") and found.numbers == (0.0, 1.0, None)
    opened = store.open_dataset(load(path, dict(zip(found.labels, found.numbers, strict=True))))
    assert opened.info.cells == 40 and any("Left out 20 cells without a time" in each for each in opened.info.steps)


def test_a_failure_while_storing_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("cellflow_core.data.store.catalog.write_info", full)
    with pytest.raises(OSError, match="No space"):
        load(written(tmp_path, cells()))
    assert list(current().data.iterdir()) == []
