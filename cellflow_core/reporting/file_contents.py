"""What a file holds, what of it is kept and why the rest is not, as a table; and what must be answered before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cellflow_core.data.times.dates import WHY_NOT

HEAD = ("kept", "in the file", "as what, or why not")

_CONTROLS = (
    (r"\(--representation obsm:(?P<name>.*?)\)", r"(“\g<name>” as stored in the file)"),
    (r" \(obsm:.*?\)", ""),
    (r"\(--modality .*?\)", "(“Second modality of the same cells”)"),
    (r"\(--drop-incomplete-genes\)", "(“Leave out genes with a missing value”)"),
    (r"\(--drop-incomplete\)", "(“Leave out cells with a missing value”)"),
    (r"\(--guides join\)", "(“Guides of one target”)"),
    (r"\(--control-labels\)", "(“Controls”)"),
    (r"\(both options\)", "(both switches under “How the values are prepared”)"),
)
"""Options of the command line in what an import writes -> what the page calls them."""


def rows(contents: Iterable[Any]) -> list[tuple[str, str, str]]:
    """One line a part, what is kept first; `contents` as an inspection or a data set holds them."""
    found = [each if isinstance(each, Mapping) else vars(each) for each in contents]
    ordered = sorted(found, key=lambda each: not each["kept"])
    return [("yes" if each["kept"] else "no", str(each["place"]), str(each["reason"])) for each in ordered]


def in_page(text: str) -> str:
    """What an import writes, with the names of the page's controls instead of the options of the command line."""
    for option, control in _CONTROLS:
        text = re.sub(option, control, text)
    return text


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
