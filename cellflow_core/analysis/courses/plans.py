"""What becomes of individuals under plans of doses: two regimens, or other treatments than the one that was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.courses import draws as asking
from cellflow_core.analysis.courses.errors import BAND
from cellflow_core.analysis.courses.exposure import NUMBERS, exposure
from cellflow_core.analysis.courses.measurements import place_of
from cellflow_core.analysis.courses.observed_doses import outside
from cellflow_core.analysis.courses.regimen import Plan, given_to_all, joined
from cellflow_core.analysis.results.individuals import RegimenComparison
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.time_units import format_time

Array = np.ndarray

PEOPLE, DRAWS_EACH = 40, 15
"""Individuals of a population and draws of each; their covariates are those of individuals of the data."""
DRAWS = 300
"""Of one individual."""
STEPS = 160


def compare_plans(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    plans: Sequence[Plan],
    individual: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    window: tuple[float, float] = (0.0, float("inf")),
    seed: int = 0,
    after: float = float("inf"),
) -> RegimenComparison:
    """individual: its number; None: a population of which nothing was measured, given doses from `start` on only.

    start  of the plans; the history of an individual, measurements and doses, ends there
    end    last time; None: as long after the start as individuals were followed (median), and no less than one interval
           after the last dose
    window  lowest and highest value between which time is counted
    after   time after which measurements were kept from training: a history ends there at the latest
    Raises ValueError for what cannot be given and an empty time or window, KeyError for who or what is not there.
    """
    k = place_of(variable, data)
    people = _people(data, seed) if individual is None else data.take([individual])
    if individual is None and any(each.given for each in plans):
        raise ValueError("doses that were given are those of an individual: choose one")
    doses = [_doses(each, people, start) for each in plans]
    end = _end(data, plans, start) if end is None else end
    _check(window, start, end)
    times = _times(doses, start, end)
    history = None if individual is None else min(start, after)
    flat = _paths(models, people, k, doses, times, history, start, seed)
    found = [
        exposure(times, course, last_interval(plan, own, start, end), window)
        for course, plan, own in zip(flat, plans, doses, strict=True)
    ]
    table = np.stack(found)  # [plans, numbers, draws]
    first = table[:1]
    ratio = np.where(first > 0, table / np.where(first > 0, first, 1), np.nan)
    low, middle, high = np.quantile(flat, BAND, axis=1)
    return RegimenComparison(
        variable=variable,
        time_unit=data.time_unit,
        plans=tuple(each.name for each in plans),
        of="the population" if individual is None else f"individual {individual}",
        start=start,
        window=window,
        times=times,
        low=low,
        middle=middle,
        high=high,
        numbers=NUMBERS,
        units=_units(variable, data.time_unit),
        values=_spread(table),
        ratio=_spread(ratio),
        treatments=data.treatments,
        **_dose_rows(doses),
        **_flags(doses, people if individual is not None else None, data, start, end),
        **_measured(people, k, individual is not None),
        notes=_notes(people, individual, start, after),
    )


def _check(window: tuple[float, float], start: float, end: float) -> None:
    if not window[0] < window[1]:
        raise ValueError(f"the window from {window[0]:g} to {window[1]:g} is empty: its lower end comes first")
    if not end > start:
        raise ValueError(f"the end {format_time(end)} is not after the beginning {format_time(start)}")


def _times(doses: Sequence[DoseEvents], start: float, end: float) -> Array:
    """Ascending times of a smooth course, with those at which a dose begins or ends."""
    knots = np.concatenate([each for plan in doses for each in (plan.time, plan.time + plan.duration)])
    return np.unique(np.concatenate([np.linspace(start, end, STEPS + 1), knots[(knots >= start) & (knots <= end)]]))


def _paths(
    models: asking.Models,
    people: Trajectories,
    k: int,
    doses: Sequence[DoseEvents],
    times: Array,
    history: float | None,
    start: float,
    seed: int,
) -> Float[Array, "plans draws times"]:
    """Draws of the variable k under each plan, of all people together. history: its end; None: of a population."""
    bare = people if history is not None else replace(people, doses=DoseEvents())
    until, draws = (asking.UNKNOWN, DRAWS_EACH) if history is None else (history, DRAWS)
    found = [asking.at_times(models, given_to_all(each, bare, start), times, until, draws, seed) for each in doses]
    return np.stack([each.true[..., k].reshape(-1, len(times)).astype(float) for each in found])


def _dose_rows(doses: Sequence[DoseEvents]) -> dict[str, Any]:
    given, plan = joined(doses), np.repeat(np.arange(len(doses)), [len(each.time) for each in doses])
    rows = {f"dose_{name}": getattr(given, name) for name in ("time", "amount", "duration", "treatment")}
    return {"dose_plan": plan, **rows}


def _flags(
    doses: Sequence[DoseEvents], one: Trajectories | None, data: Trajectories, start: float, end: float
) -> dict[str, Any]:
    """Where each plan is outside the observed doses; those that the individual got before count."""
    before = DoseEvents() if one is None else given_to_all(DoseEvents(), one, start).doses
    found = [outside(joined((before, each)), data, end) for each in doses]
    return {"outside": np.array([max(each, start) for each, _ in found]), "reasons": tuple(why for _, why in found)}


def _people(data: Trajectories, seed: int) -> Trajectories:
    if len(data.subjects) <= PEOPLE:
        return data
    return data.take(np.random.default_rng(seed).choice(data.subjects, PEOPLE, replace=False))


def _doses(plan: Plan, people: Trajectories, start: float) -> DoseEvents:
    """The doses of a plan for one individual, from `start` on."""
    if not plan.given:
        return joined([each.events(start) for each in plan.regimens])
    own = people.doses.of(people.subjects)
    kept = own.time >= start
    return DoseEvents(
        np.zeros(int(kept.sum()), np.int64),
        own.time[kept],
        plan.given * own.amount[kept],
        own.duration[kept],
        own.treatment[kept],
    )


def _end(data: Trajectories, plans: Sequence[Plan], start: float) -> float:
    spans = [data.t[data.subject == each].max() - data.t[data.subject == each].min() for each in data.subjects]
    lasting = [part.delay + part.interval * part.number for each in plans for part in each.regimens]
    return start + max(float(np.median(spans)), max(lasting, default=0.0))


def last_interval(plan: Plan, own: DoseEvents, start: float, end: float) -> tuple[float, float]:
    """The interval of the last dose that is taken, that of its regimen; to the end where doses are those that were
    given; all of the time where there is none."""
    if not len(own.time):
        return start, end
    last = float(own.time.max())
    if plan.given:
        return last, end
    until = [last + each.interval for each in plan.regimens if last in each.events(start).time]
    return last, min(*until, end)


def _spread(table: Float[Array, "plans numbers draws"]) -> Float[Array, "plans numbers 3"]:
    return np.moveaxis(np.quantile(table, BAND, axis=2), 0, 2)


def _units(variable: str, time_unit: str) -> tuple[str, ...]:
    """Of `NUMBERS`; that of the variable stands in brackets at the end of its name."""
    _, opened, rest = variable.rpartition("(")
    own = rest.rstrip(") ") if opened else ""
    area = f"{own}·{time_unit}" if own and time_unit else "variable × time"
    return area, own, time_unit, own, time_unit


def _measured(people: Trajectories, k: int, one: bool) -> dict[str, Any]:
    rows = people.observed[:, k] if one else np.zeros(len(people.t), bool)
    values = (people.t[rows], people.x[rows, k].astype(float), people.censored[rows, k])
    return dict(zip(("measured_time", "measured_value", "measured_censored"), values, strict=True))


def _notes(people: Trajectories, individual: int | None, start: float, after: float) -> tuple[str, ...]:
    if individual is None:
        return (
            f"A population of {len(people.subjects)} with the covariates of individuals of the data, nothing measured "
            "and no doses before. Bands are 90 % of its courses, without residual error.",
        )
    ends = f"The history of the individual ends at time {format_time(start)}: what was measured and given by then is "
    ends += "used, later measurements are shown only."
    if after < start:
        ends = f"Doses until time {format_time(start)} are used, and measurements until {format_time(after)}: later "
        ends += "ones were kept from training and are shown only."
    return (
        f"{ends} Bands are 90 % of the courses that fit it, without residual error.",
        "Numbers are of the time from there on, with what earlier doses left in the body.",
    )
