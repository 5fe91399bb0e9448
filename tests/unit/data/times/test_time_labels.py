from __future__ import annotations

import pytest

from cellflow_core.data.times.column_names import unit_of_name
from cellflow_core.data.times.time_labels import DOUBTFUL, likeness, propose, read_label


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Day 06-09", (7.5, "day")),
        ("Day 00-03", (1.5, "day")),
        ("d2", (2.0, "day")),
        ("D10.5", (10.5, "day")),
        ("day_3", (3.0, "day")),
        ("Day3", (3.0, "day")),
        ("day-3", None),
        ("Day -2", (-2.0, "day")),
        ("-1", (-1.0, "")),
        ("12 h", (12.0, "hour")),
        ("12h", (12.0, "hour")),
        ("24hrs", (24.0, "hour")),
        ("48hpf", (48.0, "hour")),
        ("30 min", (30.0, "minute")),
        ("E8.5", (8.5, "embryonic day")),
        ("E8,5", (8.5, "embryonic day")),
        ("1 week", (1.0, "week")),
        ("1w3d", (10.0, "day")),
        ("week 1 day 3", (10.0, "day")),
        ("12_h", (12.0, "hour")),
        ("T12", None),
        ("3", (3.0, "")),
        ("1.0", (1.0, "")),
        ("16C", None),
        ("d2_induced", (2.0, "day")),
        ("rep1_day3", (3.0, "day")),
        ("4-8 h", (6.0, "hour")),
        ("Fibroblast", None),
        ("", None),
        ("2021-03-04", None),
        ("day", None),
        ("nan", None),
    ],
)
def test_one_label(label, expected) -> None:
    assert read_label(label) == expected


def test_numbers_are_in_order_and_in_one_unit() -> None:
    found = propose(["1 week", "0h", "6h"])
    assert (found.labels, found.numbers, found.unit) == (("0h", "6h", "1 week"), (0.0, 6.0, 168.0), "hour")
    found = propose(["8 h", "0 d", "1 d", "3 d"])
    assert found.unit == "day" and found.numbers == (0.0, 0.333333, 1.0, 3.0)
    assert propose(["10", "9", "100"]).labels == ("9", "10", "100")


def test_a_unit_comes_from_the_name_where_no_label_has_one() -> None:
    assert propose(["2", "4"], "day").unit == "day"
    assert propose(["2", "4"], "time_info").unit == ""
    assert unit_of_name("day_mid") == "day" and unit_of_name("hours post infection") == "hour"
    assert unit_of_name("stage") == "stage" and unit_of_name("PseudoTime1") == "pseudotime"


def test_names_without_numbers_are_left_to_the_user_in_the_order_of_the_alphabet() -> None:
    found = propose(["late", "early", "middle", "d3"])
    assert found.labels == ("d3", "early", "late", "middle") and found.numbers == (3.0, None, None, None)


def test_units_that_cannot_be_converted_are_left_open() -> None:
    assert propose(["E8.5", "E9.5", "3 weeks"]).numbers == (8.5, 9.5, None)


@pytest.mark.parametrize(
    ("column", "labels", "likely"),
    [
        ("sample_labels", ("Day 00-03", "Day 06-09"), True),
        ("samples", ("0", "1", "2"), True),
        ("day", ("10", "10.5"), True),
        ("stage", ("1C", "2C"), True),
        ("time_info", ("2", "4"), True),
        ("condition", ("d0", "d3"), True),
        ("day", ("10",), False),
        ("cell_type", ("CD4+", "CD8+"), False),
        ("louvain", ("0", "1"), False),
        ("batch", ("1", "2"), False),
        ("split", ("test", "val"), False),
        ("treatment", ("drug", "control"), False),
        ("size", ("1", "2"), False),
    ],
)
def test_which_columns_look_like_time(column, labels, likely) -> None:
    assert (likeness(column, labels) > 0) is likely


def test_the_clearest_column_wins() -> None:
    assert likeness("sample_labels", ("Day 00-03", "Day 06-09")) > likeness("time", ("0", "1"))
    assert likeness("day", ("0", "1")) >= likeness("timing", ("early", "late"))


def test_dates_are_likely_where_the_name_is_that_of_a_time() -> None:
    dates = ("2021-03-04", "2021-03-11")
    assert 0 < likeness("sequenced", dates) < DOUBTFUL < likeness("timepoint", dates)
    assert 0 < likeness("collected", ("03/04/2021", "11/04/2021")) < likeness("collected", dates)
    assert likeness("batch", dates) == 0 and propose(dates).first_date == "2021-03-04"


def test_codes_of_site_and_donor_are_hardly_a_time() -> None:
    assert likeness("sample", ["s1d1", "s1d2", "s2d1", "s2d4", "s3d6"]) < DOUBTFUL
    assert likeness("sample", ["p1d1", "p1d2", "p1d4"]) > DOUBTFUL


@pytest.mark.parametrize(
    ("labels", "numbers", "unit"),
    [
        (("16C", "1C", "2C", "64C"), (0.0, 1.0, 4.0, 6.0), "cell division"),
        (("2-cell", "8-cell stage", "4 cells"), (1.0, 2.0, 3.0), "cell division"),
        (("1C", "3C"), (None, None), "stage"),  # no number of cells after divisions
        (("4C",), (None,), "stage"),
    ],
)
def test_stages_named_by_their_cells_are_divisions(labels, numbers, unit):
    found = propose(labels, "stage")
    assert found.numbers == numbers and found.unit == unit
