"""Units of time: the words people write for them, their lengths in days, and durations as people say them."""

from __future__ import annotations

import re
from collections.abc import Iterable

WORDS = {
    "second": ("sec", "secs", "second", "seconds"),
    "minute": ("min", "mins", "minute", "minutes"),
    "hour": ("h", "hr", "hrs", "hour", "hours", "hpf", "hpi"),
    "day": ("d", "day", "days", "dpf", "dpi", "dpc"),
    "week": ("w", "wk", "wks", "week", "weeks"),
    "month": ("mo", "month", "months"),
    "year": ("y", "yr", "yrs", "year", "years"),
    "embryonic day": ("e",),
}
"""Unit -> the words that mean it, in lower case."""
UNIT_OF = {word: unit for unit, words in WORDS.items() for word in words}
DAYS = {
    "second": 1 / 86400,
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 30.4375,
    "year": 365.25,
}
"""Unit -> its length in days."""
_COUNTED = (*DAYS, "division", "passage", "stage", "step", "generation")


def days_in(unit: str) -> float | None:
    """Length of a unit of time in days, None where it is no measured time ("stage", "pseudotime", "")."""
    words = [each for each in re.split(r"[^a-z]+", unit.lower()) if each]
    found = next((UNIT_OF[each] for each in reversed(words) if each in UNIT_OF), "")
    return 1.0 if found == "embryonic day" else DAYS.get(found)


def singular(unit: str) -> str:
    """The unit of one: "day" of "days" or "d"; what counts from an event ("hpf") and other words stay as they are."""
    found = UNIT_OF.get(unit, "")
    return found if found in DAYS and "p" not in unit else of_one(unit)


def of_one(unit: str) -> str:
    """The unit beside the number 1: "day" of "days"; "h" and other words stay as they are."""
    bare = unit.removesuffix("s")
    return bare if pluralize(bare) == unit else unit


def pluralize(unit: str) -> str:
    """The unit of many: "days", "cell divisions"; what is no counted word stays as it is ("h", "pseudotime")."""
    return f"{unit}s" if unit.split()[-1:] and unit.split()[-1].lower() in _COUNTED else unit


def format_time(time: float) -> str:
    """A time as people write it: "2.27", "19.5", "2000"; at most two decimals, more only for times near 0."""
    if 0 < abs(time) < 0.1 or abs(time) >= 1e9:
        return f"{time:.2g}"
    return f"{round(time, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def format_times(times: Iterable[float]) -> tuple[str, ...]:
    """Times beside each other, with as many decimals as tell them apart."""
    found = [float(each) for each in times]
    names = tuple(format_time(each) for each in found)
    for digits in range(3, 17):
        if len(set(names)) == len(set(found)):
            break
        names = tuple(f"{each:.{digits}g}" for each in found)
    return names


def heading(unit: str) -> str:
    """Head of a column of times: "time (days)", "time" where the unit is not known."""
    return f"time ({unit})" if unit else "time"


def measured_time(asked: float, times: Iterable[float]) -> float:
    """The one of `times` that a number stands for as they are written: 2.2666 for 2.27. The number itself where it is
    one of them, or where none, or more than one, is written so."""
    found = [float(each) for each in times]
    if asked in found:
        return asked
    for written in (format_times(found), [format_time(each) for each in found], [f"{each:.6g}" for each in found]):
        meant = [each for each, name in zip(found, written, strict=True) if float(name) == asked]
        if len(meant) == 1:
            return meant[0]
    return asked


def format_duration(time: float, unit: str) -> str:
    """ "1 day", "2.5 days", "3 h"; the bare number where there is no unit."""
    return f"{format_time(time)} {of_one(unit) if time == 1 else pluralize(unit)}".rstrip()
