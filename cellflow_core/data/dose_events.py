"""Doses given to individuals, as events in time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray

_OF_DOSES = re.compile(r"(?:total[ _])?doses?(?:[ _]group)?|time[ _]since[ _]dose", re.I)


def tells_of_doses(annotation: str) -> bool:
    """Does an annotation only repeat what dose events say, and so contradict them under another regimen?"""
    return bool(_OF_DOSES.fullmatch(annotation))


@dataclass(frozen=True)
class DoseEvents:
    """Doses, one row each: who was given how much of what, when, and for how long.

    subject    individual, as in `Trajectories.subject`
    time       when it begins, in the data's own unit
    amount     in the unit of the dose
    duration   of an infusion at a constant rate, in the data's unit of time; 0: all at once
    treatment  which of `Trajectories.treatments`, by number
    Durations and treatments that are not given are 0.
    """

    subject: Int[Array, " events"] = field(default_factory=lambda: np.zeros(0, np.int64))
    time: Float[Array, " events"] = field(default_factory=lambda: np.zeros(0))
    amount: Float[Array, " events"] = field(default_factory=lambda: np.zeros(0))
    duration: Float[Array, " ..."] = field(default_factory=lambda: np.zeros(0))
    treatment: Int[Array, " ..."] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name in ("duration", "treatment"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(len(self.time), getattr(self, name).dtype))
        if len({len(getattr(self, each.name)) for each in fields(self)}) > 1:
            raise ValueError("each dose needs an individual, a time, an amount, a duration and a treatment")

    def of(self, subjects: Int[Array, " some"]) -> DoseEvents:
        """The doses of these individuals."""
        kept = np.isin(self.subject, subjects)
        return DoseEvents(*(getattr(self, each.name)[kept] for each in fields(self)))

    @property
    def arrays(self) -> dict[str, Array]:
        """Plain arrays, to be stored and hashed."""
        return {f"dose_{each.name}": getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_arrays(cls, held: Mapping[str, Array]) -> DoseEvents | None:
        """What `arrays` gave, None where it is not among these arrays."""
        if "dose_subject" not in held:
            return None
        return cls(*(held[key] for each in fields(cls) if (key := f"dose_{each.name}") in held))
