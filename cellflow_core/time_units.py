"""Times with their unit as people say them."""

from __future__ import annotations

_COUNTED = [
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "division",
    "passage",
    "stage",
    "step",
    "generation",
]


def pluralize(unit: str) -> str:
    """The unit of many: "days", "cell divisions"; what is no counted word stays as it is ("h", "pseudotime")."""
    return f"{unit}s" if unit.split()[-1:] and unit.split()[-1].lower() in _COUNTED else unit


def format_duration(time: float, unit: str) -> str:
    """ "1 day", "2.5 days", "3 h"; the bare number where there is no unit."""
    return f"{time:g} {unit if time == 1 else pluralize(unit)}".rstrip()
