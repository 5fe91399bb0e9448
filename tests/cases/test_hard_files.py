"""Files of kinds that public bug reports name and no case holds: right values, or one clear sentence."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_matrix, csc_matrix

from cellflow_core.data.importing.pipeline import inspect_file
from tests.cases.case import Case, assert_imports, course, written

DAYS = {"d1": 25, "d4": 30, "d8": 35}
AT = {1.0: 25, 4.0: 30, 8.0: 35}


def table(cells: int = 60, genes: int = 20) -> pd.DataFrame:
    """Counts with the time of each cell."""
    x = np.random.default_rng(1).poisson(3, (cells, genes))
    held = pd.DataFrame(x, [f"c{k}" for k in range(cells)], [f"Gene{k}a" for k in range(genes)])
    return held.assign(time=np.resize(["day 0", "day 2", "day 5"], cells))


TABLE_TIMES = {0.0: 20, 2.0: 20, 5.0: 20}


@pytest.mark.parametrize(
    "kind",
    ["semicolons", "decimal commas", "utf-16", "utf-8-sig", "latin-1", "quoted newline", "carriage returns", "R"],
)
def test_a_table_is_read_however_it_was_written(tmp_path, kind: str) -> None:
    held, path = table(), tmp_path / "cells.csv"
    if kind == "semicolons":
        path.write_text(held.to_csv(sep=";"))
    elif kind == "decimal commas":
        held = held.assign(**{each: np.log1p(held[each]) for each in held.columns[:-1]})
        path.write_text(held.to_csv(sep=";", decimal=","))
    elif kind == "quoted newline":
        path.write_text(held.assign(note=np.resize(['a\n"b", c', "d"], 60)).to_csv())
    elif kind == "carriage returns":
        path.write_bytes(held.to_csv(lineterminator="\r").encode())
    elif kind == "R":
        path.write_text(held.to_csv(sep="\t").removeprefix("\t"))
    else:
        held = held.rename(columns={"Gene0a": "Géne"})
        path.write_bytes(held.to_csv().encode(kind))
    made = assert_imports(Case(path, TABLE_TIMES, "day", 20))
    assert made is not None and made.genes == tuple(held.columns[:20])
    counts = table()["Gene3a"]
    scaled = counts if kind == "decimal commas" else counts / table().iloc[:, :20].sum(axis=1) * 1e4
    assert made.expression("Gene3a") == pytest.approx(np.log1p(scaled).to_numpy(), rel=1e-4)


@pytest.mark.parametrize("share", [1, 20])
def test_numbers_with_commas_inside_are_refused(tmp_path, share: int) -> None:
    held = table()
    for each in held.columns[:share]:
        held[each] = [f"{value * 700:,}" for value in held[each]]
    held.to_csv(tmp_path / "cells.csv")
    assert_imports(Case(tmp_path / "cells.csv", refused=("comma", "thousands", "Gene0a")))


def test_decimal_commas_between_commas_are_refused(tmp_path) -> None:
    held = table()
    for each in held.columns[:-1]:
        held[each] = [f"{value / 7:.4f}".replace(".", ",") for value in held[each]]
    held.to_csv(tmp_path / "cells.csv")
    assert_imports(Case(tmp_path / "cells.csv", refused=("comma", "decimals")))


def test_lists_of_numbers_in_an_annotation_are_no_numbers(tmp_path) -> None:
    table().assign(exons=np.resize(["1,2", "3,14", "7"], 60)).to_csv(tmp_path / "cells.csv")
    assert_imports(Case(tmp_path / "cells.csv", TABLE_TIMES, "day", 20))


def test_names_that_a_spreadsheet_changed_are_reported(tmp_path) -> None:
    held = course(DAYS, "day")
    held.var_names = ["1-Mar", "2-Sep", "2.31E+19", *held.var_names[3:]]
    assert_imports(Case(written(tmp_path, held), AT, genes=40, reported=("3 names", "1-Mar", "MARCHF1")))


def test_a_workbook_and_a_cut_file_are_named(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "cells.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", "<x/>")
    assert_imports(Case(tmp_path / "cells.xlsx", refused=("Excel", "CSV")))
    whole = gzip.compress(table().to_csv().encode())
    (tmp_path / "cells.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert_imports(Case(tmp_path / "cells.csv.gz", refused=("damaged", "upload it again")))


def test_whole_numbers_below_zero_are_asked_about(tmp_path) -> None:
    held = course(DAYS, "day")
    x = held.X.toarray()
    x[3, 4] = -1
    held.X = x
    assert "below zero" in inspect_file(written(tmp_path, held), "cells.h5ad").unsure


@pytest.mark.parametrize("kind", ["csc", "float16", "uint8", "int64", "unused categories", "duplicated cells", "codes"])
def test_values_and_times_of_every_type_are_the_same(tmp_path, kind: str) -> None:
    held = course(DAYS, "day")
    x = held.X.toarray()
    if kind == "csc":
        held.X = csc_matrix(x)
    elif kind in ("float16", "uint8", "int64"):
        held.X = x.astype(kind)
    elif kind == "unused categories":
        held.obs["day"] = pd.Categorical(held.obs["day"], ["d30", "d0", "d8", "d1", "d4"])
    elif kind == "codes":
        held.obs["day"] = pd.Categorical(held.obs["day"].str[1:].astype(int), [8, 1, 4])
    else:
        held.obs_names = ["cell"] * held.n_obs
    twice = ("89 rows have the name",) if kind == "duplicated cells" else ()
    made = assert_imports(Case(written(tmp_path, held), AT, "day", 40, reported=twice))
    scaled = x[:, 3] / x.sum(axis=1) * 1e4
    assert made is not None and made.expression("Gene3a") == pytest.approx(np.log1p(scaled), rel=1e-4)


def test_durations_of_pandas_are_hours(tmp_path) -> None:
    held = course(DAYS, "day")
    held.obs["elapsed"] = pd.to_timedelta(held.obs.pop("day").map({"d1": 6, "d4": 24, "d8": 60}), unit="h").astype(str)
    assert_imports(Case(written(tmp_path, held), {6: 25, 24: 30, 60: 35}, "hour"))


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_folder_of_10x_with_traces_of_a_mac(tmp_path, columns: int) -> None:
    x = np.random.default_rng(1).poisson(2.0, (30, 60))
    kinds = ["Gene Expression"] * 24 + ["Antibody Capture"] * 6
    rows = [(f"ENSG{k:011d}", f"G{k}A", kinds[k]) for k in range(30)]
    genes = "\n".join("\t".join(row[1:2] if columns == 1 else row[:columns]) for row in rows)
    matrix = io.BytesIO()
    mmwrite(matrix, coo_matrix(x), field="integer")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        archive.writestr("out/matrix.mtx", matrix.getvalue())
        archive.writestr("out/barcodes.tsv", "\n".join(f"ACGT{k:04d}-1" for k in range(60)))
        archive.writestr("out/features.tsv" if columns == 3 else "out/genes.tsv", genes)
        archive.writestr("__MACOSX/out/._matrix.mtx", b"\x00\x05\x16\x07")
        archive.writestr("out/.DS_Store", b"x")
    made = assert_imports(Case(tmp_path / "out.zip", {None: 60}, genes=24 if columns == 3 else 30, column=""))
    assert made is not None and made.genes[:2] == ("G0A", "G1A")


def test_a_note_beside_a_file_is_passed_over_and_two_kinds_of_values_are_not_joined(tmp_path) -> None:
    held = course(DAYS, "day")
    path = written(tmp_path, held)
    held.X = held.X.toarray() / held.X.toarray().sum(axis=1, keepdims=True) * 1e6
    other = written(tmp_path, held, "cpm.h5ad")
    with zipfile.ZipFile(tmp_path / "noted.zip", "w") as archive:
        archive.writestr("README.txt", "how it was made")
        archive.write(path, "data/cells.h5ad")
    assert_imports(Case(tmp_path / "noted.zip", AT, "day", 40))
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.write(path, "cells.h5ad")
        archive.write(other, "cpm.h5ad")
    assert_imports(Case(tmp_path / "both.zip", refused=("cells holds whole numbers", "cpm fractions")))
