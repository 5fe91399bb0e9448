"""Dates as labels: how many days each lies behind the first, where all are surely read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_YEAR_FIRST = re.compile(
    r"(?:19|20)\d\d(?P<gap>[-/.])[01]\d(?P=gap)[0-3]\d"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)
WHY_NOT = "dates are counted in days only where all are written as year-month-day (2021-03-04)"
"""Why a date is left open: 03/04/2021 may be in March or in April."""


@dataclass(frozen=True)
class DaysSinceFirst:
    """Label -> its days since the earliest one, which is `first`."""

    days: dict[str, float]
    first: str


def days_since_first(labels: Sequence[str]) -> DaysSinceFirst | None:
    """Days between dates that all have one form with the year first (ISO 8601: 2021-03-04, 2021-03-04T12:00); None
    for other labels, for dates in several forms, and for one date only."""
    found = [_YEAR_FIRST.fullmatch(each.strip()) for each in labels]
    forms = {(each["gap"], bool(each["clock"]), bool(each["zone"])) if each else None for each in found}
    if len(forms) != 1 or None in forms:
        return None
    try:
        dates = {each: _date(each.strip()) for each in labels}
    except ValueError:  # the 31st of February
        return None
    first = min(dates, key=lambda each: dates[each])
    days = {each: round((date - dates[first]).total_seconds() / 86400, 6) for each, date in dates.items()}
    return DaysSinceFirst(days, first.strip()) if len(set(days.values())) > 1 else None


def _date(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"[/.]", "-", text[:10]) + text[10:])
