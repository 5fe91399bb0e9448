"""Tables of individuals without a column of values: one with a column for each time, or for each variable.

One line an individual, and columns named by times (`0`, `0.5`, `24 h`, `day 3`, `conc_1h`); or one line an individual
and time, and a column for each of a few variables. What is the same in all lines of every individual is a covariate.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cellflow_core.data.readers.individuals import checks, quantification
from cellflow_core.data.readers.individuals.long_table import SUBJECTS
from cellflow_core.data.readers.individuals.records import Records, no_doses, table_of, with_annotations
from cellflow_core.data.readers.individuals.source import Source, heading, number, numbers, plain, words
from cellflow_core.data.readers.table import Table
from cellflow_core.time_units import UNIT_OF

_NAMES = (*(each for each in SUBJECTS if each != "id"), "individual", "animal", "person")
_TIMES = (
    "time",
    *(unit for unit in ("day", "days", "hour", "hours", "week", "weeks", "month", "months", "year", "years")),
)
_DOSES = ("amt", "amount", "dose")
_MOST = 30  # variables; a line with more than these holds genes
_LEAST = 3  # times in columns
_HEAD = re.compile(r"(?:(?P<lead>[a-z]+)[ _.-]*)?(?P<time>-?\d+(?:\.\d+)?)[ _]*(?P<unit>[a-z]*)", re.I)


def of_frame(frame: Any, source: Source) -> Table | None:
    """One row an individual and time; None where the columns are not of this kind."""
    headings = {heading(each)[0]: each for each in reversed(list(frame.columns))}
    subject = next((headings[each] for each in _NAMES if each in headings), None)
    if subject is None and (given := headings.get("id")) is not None and frame[given].dtype.kind in "iu":
        subject = given
    if subject is None:
        return None
    time = next((headings[each] for each in _TIMES if each in headings), None)
    if time is None:
        return _with_times_in_columns(frame, subject, source)
    return _with_variables_in_columns(frame, subject, time, headings, source)


def _with_times_in_columns(frame: Any, subject: Any, source: Source) -> Table | None:
    import pandas as pd

    heads = {each: _HEAD.fullmatch(str(each).strip()) for each in frame.columns if each != subject}
    heads = {each: found for each, found in heads.items() if found is not None and _is_time(found)}
    leads = {_lead(found) for found in heads.values()}
    units = {UNIT_OF.get(found["unit"].lower(), "") or UNIT_OF.get(_lead(found), "") for found in heads.values()}
    times = np.array([float(found["time"]) for found in heads.values()])
    if len(heads) < _LEAST or len(leads) > 1 or len(units) > 1 or (np.diff(times) <= 0).any():
        return None
    if frame[subject].duplicated().any():
        return None
    lead, unit = leads.pop(), units.pop()
    variable = lead if lead and lead not in UNIT_OF and lead not in ("t", "time", "visit") else "value"
    about = {each: frame[each] for each in frame.columns if each not in heads and each != subject}
    parts = []
    for column, time in zip(heads, times, strict=True):
        value, below = quantification.of_texts(
            words(frame[column]), np.ones(len(frame), bool), np.full(len(frame), np.nan), column, source
        )
        part = pd.DataFrame({"subject": words(frame[subject]), "time": time, "variable": variable, "value": value})
        parts.append(with_annotations(part.assign(censored=below), about)[np.isfinite(value)])
    return table_of(Records(pd.concat(parts, ignore_index=True), no_doses(), unit), source.name)


def _lead(found: re.Match[str]) -> str:
    return (found["lead"] or "").lower()


def _is_time(found: re.Match[str]) -> bool:
    """Is a heading a number alone, of a time, or with a unit of time?"""
    lead, unit = _lead(found), found["unit"].lower()
    named = lead in ("", "t", "time", "visit") or lead in UNIT_OF
    return (named and (not unit or unit in UNIT_OF)) or (bool(unit) and unit in UNIT_OF)


def _with_variables_in_columns(frame: Any, subject: Any, time: Any, headings: Any, source: Source) -> Table | None:
    """None where an individual has several lines at one time, as cells have, or where a line holds genes."""
    import pandas as pd

    people = np.array(words(frame[subject]), dtype=object)
    each_once = not frame.duplicated([subject, time]).any()
    again = frame[subject].duplicated().mean() >= 0.5
    if not each_once or not again or frame[time].dtype.kind not in "fiu" or frame[subject].nunique() < 2:
        return None
    dose = next((headings[each] for each in _DOSES if each in headings), None)
    others = [each for each in frame.columns if each not in (subject, time, dose)]
    varies = [each for each in others if (frame.groupby(subject)[each].nunique(dropna=True) > 1).any()]
    variables = [each for each in varies if _is_measured(frame[each])]
    if not 0 < len(variables) <= _MOST:
        return None
    at = numbers(frame, time, source)
    parts = []
    about = {each: frame[each] for each in others if each not in variables}
    for column in variables:
        value, below = quantification.of_texts(
            words(frame[column]), np.ones(len(frame), bool), np.full(len(frame), np.nan), column, source
        )
        part = pd.DataFrame({"subject": people, "time": at, "variable": plain(column), "value": value})
        parts.append(with_annotations(part.assign(censored=below), about)[np.isfinite(value)])
    doses, notes = (no_doses(), ()) if dose is None else _doses(frame, people, at, dose, source)
    name, unit = heading(time)
    unit = unit or UNIT_OF.get(name, "")
    return table_of(Records(pd.concat(parts, ignore_index=True), doses, unit, notes), source.name)


def _is_measured(column: Any) -> bool:
    """Are most fields numbers, or below a limit?"""
    texts = [each for each in words(column) if each]
    known = [np.isfinite(number(each)) or quantification.is_below(each) for each in texts]
    return sum(known) > len(texts) / 2


def _doses(frame: Any, people: Any, time: Any, column: Any, source: Source) -> tuple[Any, tuple[str, ...]]:
    """A column of doses: each above 0 is one given then; the same in all lines of an individual, it was given once."""
    import pandas as pd

    amount = np.nan_to_num(numbers(frame, column, source))
    checks.refuse_first(amount < 0, column, source, "the amount of a dose is below 0")
    given = pd.DataFrame({"subject": people, "time": time, "amount": amount, "duration": 0.0, "treatment": "dose"})
    once = (given.groupby("subject")["amount"].nunique() == 1).all()
    notes: tuple[str, ...] = ()
    if once:
        given = given.sort_values("time", kind="stable").drop_duplicates("subject")
        notes = (
            f"{column} is the same in all lines of an individual: it is read as one dose at the first of its times",
        )
    return given[given["amount"] > 0], notes
