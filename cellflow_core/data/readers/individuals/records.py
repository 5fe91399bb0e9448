"""Measurements and doses of individuals, from whatever table: one row for each individual and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from cellflow_core.data.dose_events import DoseEvents
from cellflow_core.data.readers.table import Followed, InvalidInputError, Table, labels_of
from cellflow_core.plural import counted

FORMAT = "subject table"
MEASURED = ("subject", "time", "variable", "value", "censored")
GIVEN = ("subject", "time", "amount", "duration", "treatment")


@dataclass(frozen=True)
class Records:
    """What a table tells, as pandas.DataFrames.

    measured   one row a measurement: MEASURED, then annotations in any further columns
    doses      one row a dose: GIVEN
    time_unit  in words, "" where the table doesn't say it; notes: sentences for people
    people     who is followed, in words, where it isn't each individual once
    """

    measured: Any
    doses: Any
    time_unit: str = ""
    notes: tuple[str, ...] = ()
    people: str = ""


def no_doses() -> Any:
    """A frame of doses without any."""
    import pandas as pd

    return pd.DataFrame({name: np.zeros(0, object if name in ("subject", "treatment") else float) for name in GIVEN})


def with_annotations(measured: Any, annotations: Mapping[Any, Any]) -> Any:
    """Rows of MEASURED with further columns beside; one whose name is among those of MEASURED gets another."""
    return measured.assign(
        **{f"{name} (annotation)" if name in MEASURED else str(name): each for name, each in annotations.items()}
    )


def individual_numbers(names: Any) -> Int[np.ndarray, " rows"]:
    """The number by which an individual is known, of the name in each row: the name itself where all are whole numbers,
    else its place among the sorted names."""
    found, member = np.unique(labels_of(names), return_inverse=True)
    whole = [int(each) for each in found if each.isdecimal() and len(each) < 16]
    own = len(set(whole)) == len(found)
    return (np.array(whole, np.int64) if own else np.arange(len(found)))[member]


def table_of(records: Records, name: str) -> Table:
    """Rows of individual and time, variables in columns (NaN where one was not measured then), doses beside.

    Individuals stand in the order of the table. Raises InvalidInputError where there are fewer than two.
    """
    import pandas as pd

    measured = records.measured
    people = measured["subject"].unique()
    if len(people) < 2:
        who = f"one individual ({people[0]})" if len(people) else "no measurement"
        raise InvalidInputError(
            f"{name} holds {who}: models of individuals learn how they differ, so two or more, each measured several "
            "times, are needed"
        )
    if measured["time"].nunique() < 2:
        raise InvalidInputError(
            f"{name} holds measurements of one time only ({measured['time'].iloc[0]:g}): individuals who are followed "
            "are measured at two times or more"
        )
    order = np.lexsort((measured["time"], pd.Categorical(measured["subject"], people).codes))
    measured = measured.iloc[order].reset_index(drop=True)
    keys = measured[["subject", "time", "variable"]]
    again = keys.groupby(list(keys), sort=False).cumcount()  # one variable twice at one time
    rows, found = pd.factorize(pd.MultiIndex.from_frame(keys[["subject", "time"]].assign(again=again)))
    features = sorted(set(measured["variable"]))
    places = pd.Categorical(measured["variable"], features).codes
    x, censored = np.full((len(found), len(features)), np.nan), np.zeros((len(found), len(features)), bool)
    x[rows, places], censored[rows, places] = measured["value"], measured["censored"]
    first = measured.iloc[np.unique(rows, return_index=True)[1]].reset_index(drop=True)
    obs = first[["subject", "time"]].join(first.drop(columns=list(MEASURED)))
    if records.time_unit:
        obs["time_unit"] = records.time_unit
    doses, treatments, notes = _events(records.doses, obs)
    if len(doses.time):
        obs = obs.assign(**_annotations(doses, obs))
    who = records.people or counted(len(people), "individual")
    words = (
        f"{', '.join(_found(measured, features, doses, treatments))}{_known(first.drop(columns=list(MEASURED[1:])))}"
    )
    followed = Followed(doses, treatments, censored, f"{who} followed over time: {words}")
    return Table(FORMAT, x, tuple(features), obs, notes=(*records.notes, *notes), followed=followed)


def _events(given: Any, obs: Any) -> tuple[DoseEvents, tuple[str, ...], list[str]]:
    """(doses of those who were measured, treatments, what must be said of doses)."""
    import pandas as pd

    number = dict(zip(obs["subject"], individual_numbers(obs["subject"]), strict=True))
    last = obs.groupby("subject")["time"].max()
    known = given["subject"].isin(number)
    notes: list[str] = []
    if others := given.loc[~known, "subject"].nunique():
        notes.append(f"{counted(others, 'individual')} with doses and no measurement cannot be fitted and are left out")
    kept = given[known]
    late = kept[kept["time"].to_numpy() > last.reindex(kept["subject"]).to_numpy()]
    if len(late):
        one = late.iloc[0]
        notes.append(
            f"{counted(len(late), 'dose')} after the last measurement of the individual (the first: individual "
            f"{one['subject']} at {one['time']:g}) tell models nothing and are kept"
        )
    treatments = tuple(sorted(set(kept["treatment"]))) or ("dose",)
    kept = kept.assign(number=kept["subject"].map(number).astype(np.int64)).sort_values(
        ["number", "time"], kind="stable"
    )
    time, amount, duration = (kept[each].to_numpy(np.float64) for each in ("time", "amount", "duration"))
    treatment = pd.Categorical(kept["treatment"], treatments).codes.astype(np.int64)
    return DoseEvents(kept["number"].to_numpy(), time, amount, duration, treatment), treatments, notes


def _annotations(doses: DoseEvents, obs: Any) -> dict[str, Any]:
    """Amount given last by then, time since, and all that was given by then, for each row."""
    found = {"dose": np.zeros(len(obs)), "time since dose": np.full(len(obs), np.nan), "total dose": np.zeros(len(obs))}
    codes, times = individual_numbers(obs["subject"]), obs["time"].to_numpy()
    for each in np.unique(doses.subject):
        own, rows = doses.of(np.array([each])), np.flatnonzero(codes == each)
        by_then = np.searchsorted(own.time, times[rows], side="right")
        dosed, at = rows[by_then > 0], by_then[by_then > 0]
        found["dose"][dosed] = own.amount[at - 1]
        found["time since dose"][dosed] = times[dosed] - own.time[at - 1]
        found["total dose"][dosed] = np.cumsum(own.amount)[at - 1]
    return found


def _found(measured: Any, features: list[str], doses: DoseEvents, treatments: tuple[str, ...]) -> list[str]:
    """What was measured and given, in words."""
    listed = ", ".join(features[:6]) + (" ..." if len(features) > 6 else "")
    words = [
        f"{counted(len(measured), 'measurement')} of {counted(len(features), 'variable')} ({listed})",
    ]
    if below := int(measured["censored"].sum()):
        words.append(f"{below:,} of them below the limit of quantification")
    return [*words, *_of_doses(doses, treatments)]


def _known(about: Any) -> str:
    """Covariates: annotations that are the same in all rows of each individual; "" where there are none."""
    varies = about.groupby("subject").nunique(dropna=False).max()
    names = [str(each) for each in varies.index if varies[each] == 1]
    return f"; known of each: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}" if names else ""


def _of_doses(doses: DoseEvents, treatments: tuple[str, ...]) -> Iterator[str]:
    if not len(doses.time):
        yield "no doses"
    for k, name in enumerate(treatments if len(doses.time) else ()):
        amounts = doses.amount[doses.treatment == k]
        low, high = f"{amounts.min():g}", f"{amounts.max():g}"
        size = low if low == high else f"{low} to {high}"
        infused = int((doses.duration[doses.treatment == k] > 0).sum())
        how = f", {infused:,} as infusions" if infused else ""
        yield f"{counted(len(amounts), 'dose')} of {size}{'' if name == 'dose' else f' ({name})'}{how}"
