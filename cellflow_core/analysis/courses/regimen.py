"""Plans of doses: regimens, and the same individuals under other doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

import numpy as np

from cellflow_core.data.trajectories import DoseEvents, Trajectories

_FIELDS = ("subject", "time", "amount", "duration", "treatment")


@dataclass(frozen=True)
class Regimen:
    """Equal doses at equal intervals.

    amount     of each dose, in its unit; interval: between two doses, in the data's unit of time; number: of doses
    duration   of an infusion; 0: all at once
    loading    amount of the first dose; 0: as the others
    missed     numbers of doses that are not taken, the first is 1
    treatment  number of the kind of dose
    delay      from the beginning of the plan to the first dose
    Raises ValueError, with a sentence, for what no one can be given.
    """

    amount: float
    interval: float = 24.0
    number: int = 1
    duration: float = 0.0
    loading: float = 0.0
    missed: tuple[int, ...] = ()
    treatment: int = 0
    delay: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite((self.amount, self.interval, self.duration, self.loading, self.delay)).all():
            raise ValueError("amounts, intervals and durations of a regimen have to be finite numbers")
        least = min(self.amount, self.loading, self.duration, self.delay, self.treatment)
        if least < 0 or self.number < 1 or self.interval <= 0:
            raise ValueError(
                "a regimen needs one dose or more, an interval above 0, and no amount, duration, delay or treatment "
                "below 0"
            )
        if self.number > 1 and self.duration > self.interval:
            raise ValueError(
                f"an infusion of {self.duration:g} is not over when the next one begins, {self.interval:g} later: take "
                "a shorter infusion or a longer interval"
            )
        wrong = [each for each in self.missed if not 1 <= each <= self.number]
        if wrong:
            raise ValueError(f"dose {wrong[0]} cannot be missed: there are {self.number} doses, counted from 1")

    def events(self, start: float) -> DoseEvents:
        """The doses of one individual (number 0); `start`: beginning of the plan."""
        amount = np.full(self.number, float(self.amount))
        if self.loading:
            amount[0] = self.loading
        kept = ~np.isin(np.arange(1, self.number + 1), self.missed) & (amount > 0)
        time = start + self.delay + self.interval * np.arange(self.number)
        count = int(kept.sum())
        return DoseEvents(
            np.zeros(count, np.int64),
            time[kept],
            amount[kept],
            np.full(count, float(self.duration)),
            np.full(count, self.treatment),
        )


@dataclass(frozen=True)
class Plan:
    """A name, and the regimens from the beginning on, of one treatment or several; none: no more doses.

    given  the doses that the individual did get from then on, times this
    Raises ValueError where that is below 0 or not finite.
    """

    name: str
    regimens: tuple[Regimen, ...] = ()
    given: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.given < float("inf"):
            raise ValueError(f"the doses that were given cannot be taken {self.given:g} times")

    @property
    def plain(self) -> tuple[Any, ...]:
        """As words, numbers and tuples, which a question is asked and stored with."""
        return self.name, self.given, tuple(astuple(each) for each in self.regimens)

    @classmethod
    def from_plain(cls, plain: Sequence[Any]) -> Plan:
        """The plan of what `plain` gave, as JSON or a link hold it."""
        name, given, regimens = plain
        held = [dict(zip((each.name for each in fields(Regimen)), parts, strict=True)) for parts in regimens]
        return cls(name, tuple(Regimen(**{**each, "missed": tuple(each["missed"])}) for each in held), float(given))


def joined(parts: Sequence[DoseEvents]) -> DoseEvents:
    """All events of these."""
    parts = parts or (DoseEvents(),)
    return DoseEvents(*(np.concatenate([getattr(each, name) for each in parts]) for name in _FIELDS))


def given_to_all(events: DoseEvents, data: Trajectories, start: float) -> Trajectories:
    """The same individuals, each with its own doses before `start` and with these from then on."""
    own, count = data.doses.of(data.subjects), len(data.subjects)
    kept = own.time < start
    before = DoseEvents(*(getattr(own, name)[kept] for name in _FIELDS))
    size = len(events.time)
    later = DoseEvents(np.repeat(data.subjects, size), *(np.tile(getattr(events, name), count) for name in _FIELDS[1:]))
    return replace(data, doses=joined((before, later)))
