"""Files whose times are easily read wrongly: each comes in with the right times, or is asked about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.cases.case import Case, assert_imports


def each(cells: int, *times: float) -> dict[float, int]:
    """So many cells at each of these times."""
    return dict.fromkeys(times, cells)


LPS = {"unst": 0.0, "lps2": 2.0, "lps4": 4.0, "lps6": 6.0}
BORN = {"P0": 19.0, "P4": 23.0, "P7": 26.0}
LIBRARIES = {"1": 1.0, "2": 2.0, "3": 3.0}
CASES: Sequence[Case] = (
    Case("01_seurat_factor/seurat_factor.h5ad", each(60, 0, 3, 7, 10), "day", 60),
    Case(
        "02_embryo_and_postnatal/mouse_ages.h5ad",
        each(60, 14, 16, 19, 23, 26),
        "embryonic day",
        numbers=BORN,
        open=("P0", "P4", "P7"),
    ),
    Case("02_embryo_and_postnatal/mouse_ages.h5ad", refused=("P0 (60 cells)", "P7 (60 cells)")),
    Case(
        "05_aggr_suffix/aggr.h5",
        each(60, 1, 2, 3),
        column="suffix of the cell name",
        numbers=LIBRARIES,
        open=("1", "2", "3"),
    ),
    Case("05_aggr_suffix/aggr.h5", refused=("1 (60 cells)", "suffix of the cell name")),
    Case(
        "13_time_in_perturbation/lps.h5ad",
        each(60, 0, 2, 4, 6),
        "hour",
        column="perturbation",
        numbers=LPS,
        choices={"unit": "hour"},
        open=("lps2", "lps4", "lps6", "unst"),
    ),
    Case("15_names_hold_the_day/matrix.txt", each(60, 0, 3, 7), "day", column="part 3 of the cell name"),
    Case("16_library_names/library.h5ad", each(60, 2, 4, 6), "day"),
    Case("19_days_before/before.h5ad", each(60, -7, 0, 7, 14), "day"),
    Case("21_cell_line_h9/h9.h5ad", each(60, 0, 4, 10), "day"),
    Case("23_nullable_strings/nullable.h5ad", {0: 56, 6: 60, 24: 60}, "hour", reported=("4 cells without a time",)),
    Case("24_decimal_by_underscore/e12.h5ad", each(60, 12.5, 13.5, 14.5, 15.5), "embryonic day"),
    Case("24_decimal_by_underscore/e7.h5ad", each(60, 7, 7.25, 7.5, 7.75), "embryonic day"),
    Case("28_two_times_and_few_cells/two_times.h5ad", each(120, 17.5, 18), "day", 60),
    Case("28_two_times_and_few_cells/few.h5ad", {0: 200, 1: 12, 2: 200}, "day", reported=("only 12 cells",)),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_comes_in_as_expected(case: Case) -> None:
    assert_imports(case)
