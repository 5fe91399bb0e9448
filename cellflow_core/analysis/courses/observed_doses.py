"""Which doses were observed, and where a plan lies outside them: a model has learnt nothing there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.plural import counted
from cellflow_core.time_units import days_in, format_time

Array = np.ndarray


@dataclass(frozen=True)
class ObservedDoses:
    """What the individuals of the data were given of one treatment.

    amount  lowest and highest single dose; daily: lowest and highest amount of an individual within a day
    number  most doses of one individual; duration: longest infusion; last: latest measurement after a first dose
    """

    amount: tuple[float, float]
    daily: tuple[float, float]
    number: int
    duration: float
    last: float


def observed_doses(data: Trajectories, treatment: int) -> ObservedDoses | None:
    """None where no one was given this treatment."""
    doses = data.doses.of(data.subjects)
    given = (doses.treatment == treatment) & (doses.amount > 0)
    if not given.any():
        return None
    subject, time, amount = doses.subject[given], doses.time[given], doses.amount[given]
    day, people = day_of(data.time_unit), np.unique(subject)
    daily = [most_within(time[subject == each], amount[subject == each], day) for each in people]
    begin = {int(each): time[subject == each].min() for each in people}
    last = max(data.t[data.subject == each].max() - begin[int(each)] for each in people)
    return ObservedDoses(
        (float(amount.min()), float(amount.max())),
        (min(daily), max(daily)),
        int(np.unique(subject, return_counts=True)[1].max()),
        float(doses.duration[given].max()),
        float(last),
    )


def day_of(unit: str) -> float:
    """A day in this unit of time; 1 where it is no measured time."""
    return 1 / (days_in(unit) or 1.0)


def most_within(time: Float[Array, " doses"], amount: Float[Array, " doses"], span: float) -> float:
    """The largest amount that is given within a span of time, its end left out."""
    return max(float(amount[(time >= each) & (time < each + span)].sum()) for each in time)


def outside(events: DoseEvents, data: Trajectories, end: float) -> tuple[float, tuple[str, ...]]:
    """(time from which a plan is outside what was observed, NaN where it is not; the reasons).

    events  doses of one individual; end: last time that is looked at
    A plan is outside where a single dose, the amount within a day, the number of doses or the length of an infusion is
    beyond those of the data, and once more time has passed since the first dose than anyone was followed for.
    """
    found: list[tuple[float, str]] = []
    for treatment in np.unique(events.treatment):
        kept = events.treatment == treatment
        time, amount, duration = events.time[kept], events.amount[kept], events.duration[kept]
        known, name = observed_doses(data, int(treatment)), data.treatments[int(treatment)]
        if known is None:
            found.append((float(time.min()), f"no one was given {name}"))
            continue
        found += _beyond(time, amount, duration, known, name, day_of(data.time_unit))
        if end - time.min() > known.last * (1 + 1e-9):
            text = f"no one was followed for more than {format_time(known.last)} after the first dose{_of(name)}"
            found.append((float(time.min() + known.last), text))
    return min((each for each, _ in found), default=float("nan")), tuple(text for _, text in found)


def _beyond(
    time: Array, amount: Array, duration: Array, known: ObservedDoses, name: str, day: float
) -> list[tuple[float, str]]:
    found = []
    low, high = known.amount
    wrong = (amount < low * (1 - 1e-9)) | (amount > high * (1 + 1e-9))
    if wrong.any():
        seen = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        found.append(
            (float(time[wrong].min()), f"single doses{_of(name)} were {seen}, and {amount[wrong][0]:g} is asked")
        )
    daily = most_within(time, amount, day)
    if daily > known.daily[1] * (1 + 1e-9):
        sums = [amount[(time > each - day) & (time <= each)].sum() for each in time]
        first = time[np.flatnonzero(np.array(sums) > known.daily[1] * (1 + 1e-9))[0]]
        found.append(
            (float(first), f"at most {known.daily[1]:g}{_of(name)} was given within a day, and {daily:g} is asked")
        )
    if len(time) > known.number:
        most = counted(known.number, "dose")
        verb = "was" if known.number == 1 else "were"
        text = f"at most {most}{_of(name)} {verb} given, and {len(time)} are asked"
        found.append((float(np.sort(time)[known.number]), text))
    if duration.max(initial=0) > known.duration * (1 + 1e-9):
        longest = f"the longest was {known.duration:g}" if known.duration else "there was none"
        found.append((float(time.min()), f"an infusion of {duration.max():g} is asked, and {longest}"))
    return found


def _of(name: str) -> str:
    """Which treatment, where it has a name of its own."""
    return "" if name == "dose" else f" of {name}"
