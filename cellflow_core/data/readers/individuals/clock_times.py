"""Dates and times of day of a table of NONMEM, as hours since the first line of the individual.

TIME holds times of day (8:30, 08:30:15) or dates with them (2024-05-01 08:30, 2024-05-01T08:30); beside times of day a
column DATE says the day: a whole number, a date that begins with its year (20240501 too), or, as for NONMEM,
month-day-year in DATE, day-month-year in DAT1, year-month-day in DAT2, year-day-month in DAT3. Years of two digits are
from 1950 to 2049. Times are those that the clock shows: a time zone is refused (Z is read as none), and changes to
summer time are not undone.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.readers.individuals.source import Source, heading, words

Array = np.ndarray

DATES = ("date", "dat1", "dat2", "dat3")
_ORDER = {"date": "mdy", "dat1": "dmy", "dat2": "ymd", "dat3": "ydm"}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")
_STAMP = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})(?:[T ]+(.+?))?Z?")
_DAY = re.compile(r"(\d+)[-/.](\d+)[-/.](\d+)")
_TOGETHER = re.compile(r"(\d{4})(\d{2})(\d{2})")
LONGEST = 5
"""Digits of a number of days, as spreadsheets count them: eight are year, month and day, six may be either."""


def are_clock_times(texts: list[str]) -> bool:
    """Are these times of day, or dates?"""
    known = [each for each in texts if each]
    return (
        bool(known) and sum(bool(_CLOCK.fullmatch(each) or _STAMP.fullmatch(each)) for each in known) > len(known) / 2
    )


def hours(frame: Any, column: Any, day: Any, raw: Array, source: Source) -> Float[Array, " rows"]:
    """Since the first line of each individual; NaN where the time is missing.

    day  column of the date, None: there is none; raw: individual of each line
    Raises InvalidInputError for what is neither a time of day nor a date, and for an individual whose lines have days
    of several kinds.
    """
    days = words(frame[day]) if day is not None else [""] * len(frame)
    found = np.full(len(frame), np.nan)
    first: dict[Any, tuple[str, float]] = {}  # kind of day and hour of the first line of each individual
    for row, text in enumerate(words(frame[column])):
        if not text:
            continue
        stamp = _STAMP.fullmatch(text)
        whole, clock = (stamp[1], stamp[2] or "0:00") if stamp else (days[row], text)
        if (hour := _hour(clock)) is None:
            raise source.refusal(row, column, f"{text[:30]!r} is no time of day, such as 8:30")
        order = _ORDER.get(heading(day)[0], "ymd") if day is not None and not stamp else "ymd"
        if (given := _day(whole, order)) is None:
            named = {"m": "month", "d": "day", "y": "year"}
            expected = "-".join(named[each] for each in order)
            raise source.refusal(
                row, day or column, f"{whole[:30]!r} is no date: a {expected} is expected, or a number of days"
            )
        kind, number = given
        before, begin = first.setdefault(raw[row], (kind, 24 * number + hour))
        if kind != before:
            raise source.refusal(
                row, day or column, f"this line has {kind}, and an earlier one of the individual {before}: give all one"
            )
        found[row] = 24 * number + hour - begin
    return found


def _hour(text: str) -> float | None:
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[2]) > 59 or float(found[3] or 0) >= 60:
        return None
    hour = int(found[1]) + int(found[2]) / 60 + float(found[3] or 0) / 3600
    return hour if hour <= 24 else None


def _day(text: str, order: str) -> tuple[str, float] | None:
    """(what the text is, number of the day, 0 where none is given); None for what is no day."""
    if not text:
        return "no date", 0.0
    if text.isdecimal() and len(text) <= LONGEST:
        return "a number of days", float(text)
    found = _DAY.fullmatch(text) or _TOGETHER.fullmatch(text)
    if found is None:
        return None
    if len(found[1]) == 4:
        order = "y" + order.replace("y", "") if order[0] == "y" else "ymd"
    part = dict(zip(order, map(int, found.groups()), strict=True))
    year = part["y"] + (0 if part["y"] > 99 else 2000 if part["y"] < 50 else 1900)
    try:
        return "a date", float(date(year, part["m"], part["d"]).toordinal())
    except ValueError:
        return None
