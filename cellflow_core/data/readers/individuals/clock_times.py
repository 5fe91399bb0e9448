"""Dates and times of day of a table of NONMEM, as hours since the first line of the individual.

TIME holds times of day (8:30, 08:30:15) or dates with them (2024-05-01 08:30, 2024-05-01T08:30); beside times of day a
column DATE says the day: a whole number, a date that begins with its year, or, as for NONMEM, month-day-year in DATE,
day-month-year in DAT1, year-month-day in DAT2, year-day-month in DAT3. Years of two digits are from 1950 to 2049.
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


def are_clock_times(texts: list[str]) -> bool:
    """Are these times of day, or dates?"""
    known = [each for each in texts if each]
    return (
        bool(known) and sum(bool(_CLOCK.fullmatch(each) or _STAMP.fullmatch(each)) for each in known) > len(known) / 2
    )


def hours(frame: Any, column: Any, day: Any, raw: Array, source: Source) -> Float[Array, " rows"]:
    """Since the first line of each individual; NaN where the time is missing.

    day  column of the date, None: there is none; raw: individual of each line
    Raises InvalidInputError for what is neither a time of day nor a date.
    """
    days = words(frame[day]) if day is not None else [""] * len(frame)
    found = np.full(len(frame), np.nan)
    for row, text in enumerate(words(frame[column])):
        if not text:
            continue
        stamp = _STAMP.fullmatch(text)
        whole, clock = (stamp[1], stamp[2] or "0:00") if stamp else (days[row], text)
        if (hour := _hour(clock)) is None:
            raise source.refusal(row, column, f"{text[:30]!r} is no time of day, such as 8:30")
        order = _ORDER.get(heading(day)[0], "ymd") if day is not None and not stamp else "ymd"
        if (number := _day(whole, order)) is None:
            named = {"m": "month", "d": "day", "y": "year"}
            expected = "-".join(named[each] for each in order)
            raise source.refusal(
                row, day or column, f"{whole[:30]!r} is no date: a {expected} is expected, or a number of days"
            )
        found[row] = 24 * number + hour
    first: dict[Any, float] = {}
    for who, each in zip(raw, found, strict=True):
        if np.isfinite(each):
            first.setdefault(who, each)
    return found - np.array([first.get(who, np.nan) for who in raw])


def _hour(text: str) -> float | None:
    found = _CLOCK.fullmatch(text)
    if found is None or int(found[1]) > 24 or int(found[2]) > 59:
        return None
    return int(found[1]) + int(found[2]) / 60 + float(found[3] or 0) / 3600


def _day(text: str, order: str) -> float | None:
    """Number of a day; 0 where none is given."""
    if not text:
        return 0.0
    found = _DAY.fullmatch(text)
    if found is None:
        return float(text) if text.isdecimal() else None
    if len(found[1]) == 4:
        order = "y" + order.replace("y", "") if order[0] == "y" else "ymd"
    part = dict(zip(order, map(int, found.groups()), strict=True))
    year = part["y"] + (0 if part["y"] > 99 else 2000 if part["y"] < 50 else 1900)
    try:
        return float(date(year, part["m"], part["d"]).toordinal())
    except ValueError:
        return None
