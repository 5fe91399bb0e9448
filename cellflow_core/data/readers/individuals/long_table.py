"""The long table of NONMEM, Monolix and nlmixr: one line for each measurement and each dose of an individual.

Columns, in any case: ID TIME DV (Monolix: Y), AMT RATE (or DUR, TINF) ADDL II SS, EVID (0 measurement, 1 dose, 2 other,
3 reset, 4 reset and dose; 101 and the like as in RxODE), MDV, DVID or CMT for the kind of measurement, LLOQ, BLQ, CENS,
STUD, OCC; what is left are covariates. A point is a missing value. TIME may be dates or times of day, with DATE beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.data.readers.individuals import checks, clock_times, dose_schedule, quantification
from cellflow_core.data.readers.individuals.records import Records, no_doses, table_of, with_annotations
from cellflow_core.data.readers.individuals.source import Source, heading, number, numbers, plain, words
from cellflow_core.data.readers.table import Table
from cellflow_core.plural import counted

Array = np.ndarray

SUBJECTS = ("id", "subject", "subj", "patient", "ptnm", "usubjid", "subjid")
_ROLES: Mapping[str, tuple[str, ...]] = {
    "subject": SUBJECTS,
    "time": ("time",),
    "date": clock_times.DATES,
    "value": ("dv", "conc", "concentration"),
    "amount": ("amt", "amount"),
    "kind": ("dvid", "ytype"),
    "compartment": ("cmt", "adm"),
    "duration": ("dur", "tinf", "duration"),
    "study": ("stud", "study", "studyid"),
    "occasion": ("occ",),
    "limit": ("lloq", "loq"),
    "below": ("blq", "bql", "bloq"),
    "unit": ("unit", "units", "dvu", "dv_unit"),
    **{each: (each,) for each in ("evid", "mdv", "rate", "addl", "ii", "ss", "cens")},
}
_STAYS = {"study", "occasion"}
"""Roles whose columns are annotations as well."""


def of_frame(frame: Any, source: Source) -> Table | None:
    """One row an individual and time; None where the columns are not of this kind."""
    headings = {name: column for column in reversed(list(frame.columns)) for name in [heading(column)[0]]}
    roles = {role: next((headings[each] for each in names if each in headings), None) for role, names in _ROLES.items()}
    column = {role: found for role, found in roles.items() if found is not None}
    if "amount" in column and "value" not in column and "y" in headings:
        column["value"] = headings["y"]
    if "amount" not in column and "dose" in headings:
        column["dose"] = headings["dose"]
    if not {"subject", "time", "value"} <= column.keys() or not frame[column["subject"]].duplicated().any():
        return None
    clock = clock_times.are_clock_times(words(frame[column["time"]]))
    dated = None if clock else column.pop("date", None)  # a note beside times that are numbers
    if not _may_be(frame, column, ("value",) if clock else ("time", "value")):
        return None
    ignored = np.array([each.startswith("#") for each in words(frame[column["subject"]])])
    if "c" in headings and set(words(frame[headings["c"]])) <= {"C", "c", ""}:
        ignored |= np.array([each != "" for each in words(frame[headings["c"]])])
        frame = frame.drop(columns=headings["c"])
    if ignored.any():  # as NONMEM ignores lines that begin with C or #
        source = replace(source, rows=np.flatnonzero(~ignored))
        frame = frame[~ignored].reset_index(drop=True)
    records = _records(frame, column, source, clock)
    if dated is not None:
        unread = f"{dated} is not read, since times are numbers: hours of a day are read with it if written as 8:30"
        records = replace(records, notes=(*records.notes, unread))
    return table_of(records, source.name)


def _may_be(frame: Any, column: Mapping[str, Any], roles: tuple[str, ...]) -> bool:
    """Is most of what these columns hold numbers, or missing?"""
    for role in roles:
        texts = words(frame[column[role]])
        strange = [each for each in texts if each and np.isnan(number(each)) and not quantification.is_below(each)]
        if len(strange) > len(texts) / 2:
            return False
    return True


def _records(frame: Any, column: Mapping[str, Any], source: Source, clock: bool) -> Records:
    """clock: times are dates or times of day."""
    import pandas as pd

    checks.duplicated_rows(frame, column["subject"], source)
    raw = _individuals(frame, column)
    value = {each: numbers(frame, column[each], source) for each in _NUMERIC if each in column}
    timed = clock_times.hours(frame, column["time"], column.get("date"), raw, source) if clock else None
    time = value["time"] = numbers(frame, column["time"], source) if timed is None else timed
    checks.contiguous(raw, column["subject"], source)
    checks.times(time, column["time"], source)
    once = _once(value, raw) if "dose" in column else np.zeros(len(frame), bool)
    event, measured = _events(value, column, source)
    subject, notes, people = _occasions(frame, column, raw, time, event, source)
    checks.ascending(subject, time, column["time"], source)
    dv, censored = quantification.values(frame, column, measured, source)
    seen = np.isfinite(dv) & ((event == 0) | (dv != 0))
    variables = _variables(frame, column, seen)
    rows = pd.DataFrame(
        {"subject": subject, "time": time, "variable": _with_units(variables, frame, column, seen, source)}
    )
    rows = with_annotations(rows.assign(value=dv, censored=censored), _about(frame, column))[seen]
    given = once | (np.isin(event, (1, 4)) & (value.get("amount", np.zeros(len(frame))) > 0))
    doses, more = no_doses(), ()
    if given.any():
        events = pd.DataFrame({"subject": subject, "time": time, "treatment": _treatments(frame, column, given)})
        fields = {each: value.get(each, np.zeros(len(frame))) for each in dose_schedule.FIELDS}
        fields["amount"] = np.where(once, value.get("dose", 0.0), fields["amount"])
        doses, more = dose_schedule.expanded(events.assign(**fields)[given], column, source)
    if once.any():
        notes.append(
            f"{column['dose']} is the same in all lines of an individual: it is read as one dose at its first time"
        )
    elif twice := int((given & seen).sum()):
        notes.append(f"{twice:,} lines hold a dose and a measurement, as no EVID or MDV says that they are one of them")
    if clock:
        notes.append("dates and times of day are read as hours since the first line of each individual")
    return Records(rows, doses, "h" if clock else heading(column["time"])[1], (*notes, *more), people)


_NUMERIC = ("amount", "dose", "evid", "mdv", *(each for each in dose_schedule.FIELDS if each != "amount"))


def _individuals(frame: Any, column: Mapping[str, Any]) -> Array:
    """Who each line is of: numbers of individuals begin again in each study."""
    names = np.array(words(frame[column["subject"]]), dtype=object)
    if "study" not in column:
        return names
    return np.array(
        [f"{study}/{name}" for study, name in zip(words(frame[column["study"]]), names, strict=True)], object
    )


def _once(value: dict[str, Array], raw: Array) -> Bool[Array, " rows"]:
    """The lines at which an individual is given the dose that a column DOSE repeats; where DOSE marks single doses, it
    becomes the amount."""
    dose, first = value["dose"], np.append(True, raw[1:] != raw[:-1])
    known = np.isfinite(dose)
    if "evid" in value:
        value["amount"] = np.where(np.isin(value["evid"], (1, 4)), dose, 0.0)
    elif known.all() and (first[1:] | (np.diff(dose) == 0)).all():
        return first & (dose > 0)
    else:
        value["amount"] = dose
    return np.zeros(len(dose), bool)


def _events(
    value: Mapping[str, Array], column: Mapping[str, Any], source: Source
) -> tuple[Int[Array, " rows"], Bool[Array, " rows"]]:
    """(EVID of each line, which lines may be measurements); without EVID, a line with an amount is a dose. A missing
    MDV says nothing, as for NONMEM."""
    amount = np.nan_to_num(value.get("amount", np.zeros(len(value["time"]))))
    marked = value.get("mdv", np.zeros(len(amount)))
    measured = np.nan_to_num(marked) == 0

    def refuse(wrong: Array, role: str, sentence: str) -> None:
        checks.refuse_first(wrong, column.get(role), source, sentence)

    refuse(amount < 0, "amount", "the amount of a dose is below 0")
    if "evid" not in value:
        return (amount > 0).astype(int), measured
    code = np.nan_to_num(value["evid"])
    event = np.where(code > 99, 1, code).astype(int)
    known = np.where(code > 99, (code < 10_000) & (code % 100 == 1), np.isin(code, range(5)))
    refuse(
        ~known.astype(bool), "evid", "this EVID is not known: 0 is a measurement, 1 a dose, 2 other, 3 a reset, 4 both"
    )
    given = value.get("amount", np.full(len(amount), np.nan))
    refuse(np.isin(event, (1, 4)) & np.isnan(given), "amount", "EVID says a dose, and its amount (AMT) is missing")
    refuse((event == 0) & (amount > 0), "evid", "EVID says a measurement (0), and AMT a dose")
    if "mdv" in value:
        refuse((event != 0) & (marked == 0), "mdv", "MDV says a measurement (0), and EVID none")
    return event, measured & (event == 0)


def _occasions(
    frame: Any,
    column: Mapping[str, Any],
    raw: Array,
    time: Float[Array, " rows"],
    event: Int[Array, " rows"],
    source: Source,
) -> tuple[Array, list[str], str]:
    """(individual of each line, notes, who is followed): each occasion is one where resets or OCC begin a new one."""
    same = raw[1:] == raw[:-1]
    resets = np.append(False, np.isin(event[1:], (3, 4)) & same)
    if resets.any():
        part = [f"{1 + count}" for count in _count_within(raw, resets)]
        why = "a reset (EVID 3 or 4) begins a new occasion"
    elif "occasion" in column and (same & (np.diff(time) < 0)).any():
        part = words(frame[column["occasion"]])
        why = f"times begin again with {column['occasion']}"
    else:
        return raw, [], ""
    named = np.array([f"{name}/{k}" for name, k in zip(raw, part, strict=True)], dtype=object)
    checks.contiguous(named, column.get("occasion", column["subject"]), source)
    people = f"{len(set(named)):,} occasions of {counted(len(set(raw)), 'individual')}"
    return named, [f"{why}: each occasion is followed by itself"], people


def _count_within(raw: Array, marks: Bool[Array, " rows"]) -> Int[Array, " rows"]:
    """How many marks there were for the individual of each line by then."""
    total = np.cumsum(marks)
    _, first, member = np.unique(raw.astype(str), return_index=True, return_inverse=True)
    return total - total[first][member]


def _variables(frame: Any, column: Mapping[str, Any], seen: Bool[Array, " rows"]) -> Array:
    """What was measured in each line: by DVID, or by compartment where measurements stand in several."""
    kind = column.get("kind", column.get("compartment"))
    texts = np.array([""] * len(frame) if kind is None else words(frame[kind]), dtype=object)
    several = len(set(texts[seen])) > 1
    if not several and ("kind" not in column or not np.isnan(number(next(iter(texts[seen]), "0")))):
        return np.full(len(frame), plain(column["value"]), dtype=object)
    return np.array([each if np.isnan(number(each)) else f"{kind} {each}" for each in texts], dtype=object)


def _with_units(
    variables: Array, frame: Any, column: Mapping[str, Any], seen: Bool[Array, " rows"], source: Source
) -> Array:
    """The variables with the unit that a column gives, which must be one for each."""
    if "unit" not in column:
        return variables
    units = checks.one_unit(variables, words(frame[column["unit"]]), seen, column["unit"], source)
    return np.array([f"{each} ({unit})" if (unit := units.get(each)) else each for each in variables], dtype=object)


def _treatments(frame: Any, column: Mapping[str, Any], given: Bool[Array, " rows"]) -> Array:
    """What kind of dose each line is: one, or one for each compartment that doses go into."""
    unit = heading(column.get("amount", column.get("dose")))[1]
    name = f"dose ({unit})" if unit else "dose"
    into = np.array(words(frame[column["compartment"]])) if "compartment" in column else np.zeros(0)
    if not len(into) or len(set(into[given])) < 2:
        return np.full(len(frame), name, dtype=object)
    return np.array([f"{name} into {column['compartment']} {each}" for each in into], dtype=object)


def _about(frame: Any, column: Mapping[str, Any]) -> dict[str, Any]:
    """Every other column: as numbers where all that is not missing is a number."""
    taken = {found for role, found in column.items() if role not in _STAYS}
    found: dict[str, Any] = {}
    for each in frame.columns:
        if each in taken:
            continue
        texts = words(frame[each])
        values = np.array([number(text) for text in texts])
        whole = all(not text or np.isfinite(k) for text, k in zip(texts, values, strict=True))
        found[str(each)] = (
            (frame[each] if frame[each].dtype.kind in "fiub" else values) if whole else [t or None for t in texts]
        )
    return found
