"""What a file holds, what of it is kept and why the rest is not, as a table; and what must be answered before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cellflow_core.data.times.dates import WHY_NOT

HEAD = ("kept", "in the file", "as what, or why not")


def rows(contents: Iterable[Any], shown: Callable[[str], str]) -> list[tuple[str, str, str]]:
    """One line a part, what is kept first; `contents` as an inspection or a data set holds them.

    shown  `setting_names.in_shell` or `in_page`: how settings are named
    """
    found = [each if isinstance(each, Mapping) else vars(each) for each in contents]
    ordered = sorted(found, key=lambda each: not each["kept"])
    return [("yes" if each["kept"] else "no", str(each["place"]), shown(str(each["reason"]))) for each in ordered]


def values_question(found: Any) -> str:
    """The choices where it is unclear what the values are, with the options of the command line; "" else."""
    if not found.unsure:
        return ""
    return f"{found.unsure}: say --values counts, --values log or --values coordinates"


def orientation_question(found: Any) -> str:
    """The choices where it is unclear what stands in the rows; "" else."""
    return f"{found.question}: say --orientation cells or --orientation genes" if found.question else ""


def unit_question(candidate: Any) -> str:
    """The options of the command line where neither the labels nor the name of a time column give a unit."""
    return (
        f"neither column {candidate.column!r} nor one beside it gives a unit of time: say --unit hour, "
        '--unit day or another, or --unit "" where the times have none'
    )


def dates_note(candidate: Any) -> str:
    """What the time is where the labels of a column are dates, and what to check, or why they are not read; "" else."""
    if not candidate.first_date:
        return f"{WHY_NOT}: give each label a number" if WHY_NOT in candidate.reasons.values() else ""
    return (
        f"the labels are dates: the time is days since the first, {candidate.first_date}; check that they say when the "
        "cells were collected, not when they were processed or sequenced"
    )
