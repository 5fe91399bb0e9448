"""The column that gives the unit of another one: `age_unit` beside `age`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cellflow_core.data.readers import MISSING, labels_of
from cellflow_core.data.times.column_names import is_age_name, is_measured_time_name
from cellflow_core.data.times.label_units import AFTER, BEFORE
from cellflow_core.data.times.time_labels import Proposal
from cellflow_core.time_units import UNIT_OF

_UNIT_NAME = re.compile(r"(?P<of>.+?)_?units?(?:_?(?:text|label|name))?|units?_of_(?P<of_time>.+)")


def is_unit_column(column: str) -> bool:
    """Does the name say that the column holds units of time?"""
    return is_measured_time_name(_whose(column))


def units_of(obs: Any, column: str) -> tuple[str, ...]:
    """The units of time that the column beside `column` in a pandas.DataFrame gives: none, one, or several.

    Where the column that it is named after is absent (`time_unit` without `time`), it is that of each column of times,
    of ages where it names an age.
    """
    names = [each for each in map(str, obs.columns) if each != column and obs[each].ndim == 1]
    if (beside := _beside(column, names)) is None:
        return ()
    given = {_unit(each) for each in set(labels_of(obs[beside]).tolist()) - {MISSING}}
    return tuple(sorted(given)) if "" not in given else ()


def in_unit_beside(obs: Any, column: str, found: Proposal) -> Proposal:
    """The proposal in the unit that a column beside gives, where it has none itself; open where that gives several."""
    units = () if found.unit else units_of(obs, column)
    if len(units) < 2:
        return replace(found, unit=units[0]) if units else found
    why = f"the file gives several units of it ({', '.join(units)})"
    labels = tuple(sorted(found.labels))
    return Proposal(labels, (None,) * len(labels), "", dict.fromkeys(labels, why))


def _beside(column: str, names: Iterable[str]) -> str | None:
    whose = {each: _whose(each) for each in names}
    stem, stems = _stem(column), {_stem(each) for each in names if not _whose(each)}
    if own := next((each for each, of in whose.items() if of == stem), None):
        return own
    if not is_measured_time_name(column):
        return None
    free = (each for each, of in whose.items() if of not in stems and is_measured_time_name(of))
    return next((each for each in free if is_age_name(whose[each]) == is_age_name(column)), None)


def _stem(column: str) -> str:
    """`organism_age` of "organism.age.value"."""
    words = "_".join(re.findall(r"[a-z\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()))
    return words.removesuffix("_value")


def _whose(column: str) -> str:
    """The stem of the column whose unit this one gives, "" for a column of something else."""
    found = _UNIT_NAME.fullmatch(_stem(column))
    return (found["of"] or found["of_time"] or "") if found else ""


def _unit(text: str) -> str:
    """ "hour" of "hrs", "week" of "PCW"; "" for no unit of time, and for one that may be two."""
    word = re.sub(r"\s+", " ", text.strip().lower())
    sure = {each.name for each in (*AFTER.values(), *BEFORE.values()) if each.sure > 1}
    if word in UNIT_OF or word in AFTER:
        return UNIT_OF.get(word) or (AFTER[word].name if AFTER[word].sure > 1 else "")
    return next((each for each in (word, word.removesuffix("s")) if each in sure), "")
