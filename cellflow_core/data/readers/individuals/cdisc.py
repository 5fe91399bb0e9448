"""Concentrations as CDISC lays them down: SDTM PC, with EX beside it in an archive, and ADaM ADPC.

Times are hours. Of PC: from the first dose of EX to PCDTC, without EX from PCRFTDTC or the first sample. Of ADPC:
the actual time from the first dose (AFRLT), the nominal one (NFRLT) where that is missing; doses are DOSEA at
AFRLT - ARRLT, and lines of doses (PARAMCD "DOSE") no measurements. A line of EX with a frequency (EXDOSFRQ) and an end
(EXENDTC) stands for all doses in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.readers.individuals import checks, quantification
from cellflow_core.data.readers.individuals.records import Records, no_doses, table_of
from cellflow_core.data.readers.individuals.source import Source, number, numbers, words
from cellflow_core.data.readers.table import Table
from cellflow_core.time_units import days_in

Array = np.ndarray
_INTERVAL = {"QD": 24.0, "Q24H": 24.0, "BID": 12.0, "Q12H": 12.0, "TID": 8.0, "Q8H": 8.0, "QID": 6.0, "Q6H": 6.0}
_INTERVAL |= {"QOD": 48.0, "QW": 168.0, "Q1W": 168.0, "Q2W": 336.0, "Q3W": 504.0, "Q4W": 672.0}
"""EXDOSFRQ -> hours between doses."""
_EX, _PC = {"USUBJID", "EXDOSE", "EXSTDTC"}, {"USUBJID", "PCTESTCD", "PCSTRESN", "PCDTC"}
_ADPC = {"USUBJID", "PARAMCD", "AVAL"}
_ABOUT = ("AGE", "SEX", "RACE", "WEIGHTBL", "WTBL", "HEIGHTBL", "BMIBL", "ARM", "TRTA", "TRT01A", "COHORT", "STUDYID")
"""Columns of ADPC that say something of the individual."""


def of_frame(frame: Any, source: Source) -> Table | None:
    """ADPC, or PC without EX; None for any other table."""
    frame = _upper(frame)
    if set(frame.columns) >= _ADPC and {"AFRLT", "NFRLT"} & set(frame.columns):
        return table_of(_of_adpc(frame, source), source.name)
    return table_of(_of_pc(frame, source, None), source.name) if set(frame.columns) >= _PC else None


def of_frames(frames: Mapping[str, Any], name: str) -> Table | None:
    """PC with the doses of EX, from the tables of an archive by name; None where one of the two is missing."""
    found = {
        kind: (each, _upper(frame))
        for each, frame in frames.items()
        for kind, columns in (("PC", _PC), ("EX", _EX))
        if columns <= set(_upper(frame).columns)
    }
    if len(found) < 2:
        return None
    (pc, measured), (ex, given) = found["PC"], found["EX"]
    doses, first = _of_ex(given, Source(f"{name}, {ex}"))
    records = _of_pc(measured, Source(f"{name}, {pc}"), first)
    return table_of(Records(records.measured, doses, "hour", records.notes), name)


def _upper(frame: Any) -> Any:
    return frame.rename(columns={each: str(each).strip().upper() for each in frame.columns})


def _moments(frame: Any, column: str, rows: Bool[Array, " rows"], source: Source) -> Any:
    """Dates with times (ISO 8601) as pandas.Series. Raises InvalidInputError where one of `rows` has none."""
    import pandas as pd

    found = pd.to_datetime(
        pd.Series(words(frame[column])).replace("", None), format="ISO8601", errors="coerce", utc=True
    )
    checks.refuse_first(
        rows & found.isna().to_numpy(), column, source, "no whole date and time such as 2026-11-30T08:15 is given"
    )
    return found


def _hours(span: Any) -> Float[Array, " rows"]:
    return span.dt.total_seconds().to_numpy(np.float64) / 3600


def _values(
    frame: Any, value: str, text: str, limit: str, rows: Bool[Array, " rows"], source: Source
) -> tuple[Float[Array, " rows"], Bool[Array, " rows"]]:
    """(value, is it below the limit, which then is the value): by the number, or, where it is missing, by the text,
    such as BLQ or <0.1."""
    known = numbers(frame, value, source)
    least = numbers(frame, limit, source) if limit in frame else np.full(len(frame), np.nan)
    under = rows & (known < least)
    known = np.where(under, least, known)
    if text not in frame:
        return known, under
    texts = words(frame[text])
    lacking = rows & np.isnan(known) & np.array([np.isnan(number(each)) and each != "" for each in texts])
    limits, below = quantification.of_texts(texts, lacking, least, text, source)
    return np.where(lacking, limits, known), below | under


def _of_pc(frame: Any, source: Source, first: Any) -> Records:
    """first  moment of the first dose of each individual, None where doses are not known."""
    import pandas as pd

    done = np.array([each.upper() != "NOT DONE" for each in words(frame["PCSTAT"])]) if "PCSTAT" in frame else True
    rows = np.ones(len(frame), bool) & done
    value, below = _values(frame, "PCSTRESN", "PCSTRESC", "PCLLOQ", rows, source)
    seen = rows & np.isfinite(value)
    people, moment = pd.Series(words(frame["USUBJID"])), _moments(frame, "PCDTC", seen, source)
    notes: tuple[str, ...] = ()
    if first is None:
        given = "PCRFTDTC" in frame and any(words(frame["PCRFTDTC"]))
        start = _moments(frame, "PCRFTDTC", np.zeros(len(frame), bool), source) if given else moment
        first = start.groupby(people).min()
        what = "the reference time (PCRFTDTC)" if given else "the first sample"
        notes = (f"times are hours from {what} of each individual: with EX in the same archive, doses would be known",)
    begins = people.map(first)
    checks.refuse_first(
        seen & begins.isna().to_numpy(), "USUBJID", source, "the individual has no first dose from which times count"
    )
    variable = np.array(words(frame["PCTESTCD"]), dtype=object)
    if "PCSPEC" in frame and len(set(words(frame["PCSPEC"]))) > 1:
        variable = np.array([f"{one} {of}" for one, of in zip(variable, words(frame["PCSPEC"]), strict=True)], object)
    variable = _in_units(variable, frame, "PCSTRESU", seen, source)
    measured = {"subject": people, "time": _hours(moment - begins), "variable": variable, "value": value}
    return Records(pd.DataFrame({**measured, "censored": below})[seen], no_doses(), "hour", notes)


def _in_units(variable: Array, frame: Any, column: str, seen: Bool[Array, " rows"], source: Source) -> Array:
    if column not in frame:
        return variable
    units = checks.one_unit(variable, words(frame[column]), seen, column, source)
    return np.array([f"{each} ({units[each]})" if units.get(each) else each for each in variable], dtype=object)


def _of_ex(frame: Any, source: Source) -> tuple[Any, Any]:
    """(doses as `Records.doses`, moment of the first dose of each individual)."""
    import pandas as pd

    amount = np.nan_to_num(numbers(frame, "EXDOSE", source))
    checks.refuse_first(amount < 0, "EXDOSE", source, "the amount of a dose is below 0")
    rows = amount > 0
    people = pd.Series(words(frame["USUBJID"]))
    start = _moments(frame, "EXSTDTC", rows, source)
    first = start[rows].groupby(people[rows]).min()
    treatment = np.array(words(frame["EXTRT"]) if "EXTRT" in frame else ["dose"] * len(frame), dtype=object)
    treatment = _in_units(treatment, frame, "EXDOSU", rows, source)
    span = np.zeros(len(frame))
    if "EXENDTC" in frame:
        days = np.array([len(each) == 10 for each in words(frame["EXENDTC"])])  # no clock time: to the end of the day
        end = _moments(frame, "EXENDTC", np.zeros(len(frame), bool), source)
        span = np.nan_to_num(_hours(end - start)) + np.where(days, 24 - 1e-6, 0)
        clocked = ~days & np.array([len(each) > 10 for each in words(frame["EXSTDTC"])])
    else:
        clocked = np.zeros(len(frame), bool)
    every = (
        np.array([_INTERVAL.get(each.upper(), np.inf) for each in words(frame["EXDOSFRQ"])])
        if "EXDOSFRQ" in frame
        else np.full(len(frame), np.inf)
    )
    veins = (
        np.array(["INTRAVENOUS" in each.upper() for each in words(frame["EXROUTE"])]) if "EXROUTE" in frame else clocked
    )
    count = np.where(rows, 1 + np.floor(np.maximum(span, 0) / every), 0).astype(np.int64)
    at = np.repeat(np.arange(len(frame)), count)
    number_of = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    begins = _hours(start - people.map(first))
    doses = {
        "subject": people.to_numpy()[at],
        "time": begins[at] + np.where(number_of > 0, number_of * np.where(np.isfinite(every), every, 0)[at], 0),
        "amount": amount[at],
        "duration": np.where(clocked & veins & np.isinf(every), np.maximum(span, 0), 0)[at],
        "treatment": treatment[at],
    }
    return pd.DataFrame(doses), first


def _hours_of_unit(frame: Any, columns: tuple[str, ...], source: Source) -> float:
    """Hours in the unit of time that the first of these columns names; 1 where none does."""
    column = next((each for each in columns if each in frame and any(words(frame[each]))), None)
    if column is None:
        return 1.0
    units = [each.lower() for each in words(frame[column])]
    unit = next(filter(None, units))
    days = days_in(unit)
    if days is None:
        raise source.refusal(units.index(unit), column, f"{unit!r} is no unit of time: write HOURS, DAYS or the like")
    checks.refuse_first(
        np.array([each not in ("", unit) for each in units]),
        column,
        source,
        f"times are in another unit here and in {unit} before: bring all to one",
    )
    return 24 * days


def _of_adpc(frame: Any, source: Source) -> Records:
    import pandas as pd

    copies = np.array([each.upper() == "COPY" for each in words(frame["DTYPE"])]) if "DTYPE" in frame else False
    dosed = np.array([each.upper() == "DOSE" for each in words(frame["PARAMCD"])])
    rows = ~dosed & ~np.asarray(copies)
    value, below = _values(frame, "AVAL", "AVALC", "ALLOQ", rows, source)
    seen = rows & np.isfinite(value)
    none = np.full(len(frame), np.nan)
    actual, nominal = (numbers(frame, each, source) if each in frame else none for each in ("AFRLT", "NFRLT"))
    time = np.where(np.isnan(actual), nominal, actual)
    checks.refuse_first(seen & np.isnan(time), "AFRLT", source, "the time from the first dose is missing")
    notes = []
    if instead := int((seen & np.isnan(actual)).sum()):
        notes.append(f"{instead:,} measurements without an actual time (AFRLT) stand at the nominal one (NFRLT)")
    hours = _hours_of_unit(frame, ("FRLTU", "RELTMU"), source)
    people = np.array(words(frame["USUBJID"]), dtype=object)
    variable = _in_units(np.array(words(frame["PARAMCD"]), dtype=object), frame, "AVALU", seen, source)
    about = {each.lower(): frame[each].to_numpy() for each in _ABOUT if each in frame}
    measured = {"subject": people, "time": time * hours, "variable": variable, "value": value, "censored": below}
    since = _hours_of_unit(frame, ("RRLTU", "FRLTU", "RELTMU"), source) * (
        numbers(frame, "ARRLT", source) if "ARRLT" in frame else none
    )
    amount = numbers(frame, "DOSEA", source) if "DOSEA" in frame else none
    given = np.isfinite(time * hours - since) & (amount > 0)
    unit = next((each for each in words(frame["DOSEU"]) if each), "") if "DOSEU" in frame else ""
    doses = pd.DataFrame(
        {
            "subject": people,
            "time": (time * hours - since).round(6) + 0.0,
            "amount": amount,
            "duration": 0.0,
            "treatment": f"dose ({unit})" if unit else "dose",
        }
    )[given]
    doses = doses.groupby(["subject", "time"], sort=False, as_index=False).first()
    return Records(pd.DataFrame({**measured, **about})[seen], doses, "hour", tuple(notes))
