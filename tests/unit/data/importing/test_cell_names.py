from __future__ import annotations

import numpy as np
import pandas as pd

from cellflow_core.data.importing.cell_names import SUFFIX, library_note, parts_of_names, with_name_parts
from cellflow_core.data.readers import Table

BARCODES = ["AAACCTGA", "AAACGGGT", "CCCATTAG", "TTTGGCAC"]


def table(names: list[str], **columns) -> Table:
    obs = pd.DataFrame(columns, index=names)
    return Table("AnnData", np.ones((len(names), 2)), ("GeneA", "GeneB"), obs)


def test_times_in_names_become_a_column() -> None:
    names = [f"H9.{hour}h_{k:03d}" for hour in ("00", "12", "24") for k in range(4)]
    (values,) = parts_of_names(names).values()
    assert set(values) == {"00h", "12h", "24h"}
    names = [f"Day{day}_W{k:03d}" for day in (0, 3) for k in range(10)]
    assert parts_of_names(names) == {"part 1 of the cell name": ["Day0"] * 10 + ["Day3"] * 10}


def test_names_with_unequal_numbers_of_parts_give_what_stands_before_the_number() -> None:
    names = [f"{sample}_{k}" for sample in ("wt_d0", "d3", "ko_x_d7") for k in range(6)]
    assert set(parts_of_names(names)["beginning of the cell name"]) == {"wt_d0", "d3", "ko_x_d7"}


def test_suffixes_of_barcodes_are_libraries() -> None:
    held = with_name_parts(table([f"{each}-{k}" for k in (1, 2) for each in BARCODES]))
    assert held.obs[SUFFIX].tolist() == ["1"] * 4 + ["2"] * 4
    assert "-1 (4 cells), -2 (4 cells)" in library_note(held)


def test_what_a_column_repeats_is_left_out() -> None:
    names = [f"{each}-{k}" for k in (1, 2) for each in BARCODES]
    assert SUFFIX not in with_name_parts(table(names, batch=["a"] * 4 + ["b"] * 4)).obs
    names = [f"D{day}_{k}_{rep}" for day in (10, 11) for k in (1, 2) for rep in range(3)]
    assert list(with_name_parts(table(names, day=np.repeat([10.0, 11.0], 6))).obs) == ["day"]


def test_names_without_times_give_nothing() -> None:
    assert parts_of_names([f"cell_{k}" for k in range(40)]) == {}
    assert parts_of_names([f"{each}-1" for each in BARCODES]) == {}
    assert library_note(table(["a", "b"])) == ""
