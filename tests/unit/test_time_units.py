"""Times in words."""

from __future__ import annotations

import pytest

from cellflow_core.time_units import format_duration, format_time, format_times, measured_time, pluralize


@pytest.mark.parametrize(
    ("time", "unit", "words"),
    [
        (0, "day", "0 days"),
        (1, "day", "1 day"),
        (1, "days", "1 day"),
        (1, "h", "1 h"),
        (1.5, "embryonic day", "1.5 embryonic days"),
        (2, "cell division", "2 cell divisions"),
        (3, "days", "3 days"),
        (12, "h", "12 h"),
        (0.25, "pseudotime", "0.25 pseudotime"),
        (4, "", "4"),
    ],
)
def test_an_amount_of_time_is_said_as_people_say_it(time: float, unit: str, words: str) -> None:
    assert format_duration(time, unit) == words


def test_many_of_a_unit() -> None:
    assert [pluralize(each) for each in ("hour", "Week", "pseudotime", "", " ")] == [
        "hours",
        "Weeks",
        "pseudotime",
        "",
        " ",
    ]


def test_times_have_two_decimals_and_more_where_they_would_be_the_same():
    written = [format_time(each) for each in (0, 2.26667, 19.5, 2000, 0.004, -3, 100.25)]
    assert written == ["0", "2.27", "19.5", "2000", "0.004", "-3", "100.25"]
    assert format_times([10.2, 10.2001, 10.2003, 11]) == ("10.2", "10.2001", "10.2003", "11")
    assert format_times([1.5, 7.5, 7.5]) == ("1.5", "7.5", "7.5")


def test_a_number_means_the_measured_time_that_is_written_so():
    times = (0.0, 2.2666667, 10.2, 10.2001, 25.333333333)
    assert [measured_time(each, times) for each in (2.27, 2.26667, 10.2, 10.2001, 25.3333, 25.33)] == [
        2.2666667,
        2.2666667,
        10.2,
        10.2001,
        25.333333333,
        25.333333333,
    ]
    assert measured_time(7.0, times) == 7.0 and measured_time(2.3, times) == 2.3
    assert format_time(1e300) == "1e+300"
