"""Concentration of a drug in one or two compartments, in closed form; doses add up.

With k10 = CL/V, k12 = Q/V, k21 = Q/V2, the central compartment answers a dose D at once into the vein by

    C(t) = D/V (A exp(-a t) + B exp(-b t)),   A = (a - k21) / (a - b),  B = (k21 - b) / (a - b)

with a + b = k10 + k12 + k21 and ab = k10 k21 (Gibaldi & Perrier 1982, chapter 2); one compartment, Q = 0, has A = 1,
a = k10. An infusion of duration T is the mean of that over T, and an absorbed dose its convolution with
ka exp(-ka t) (Bateman 1910).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

Array = np.ndarray
_LEAST = 1e-9  # difference of two rates below which they are taken for equal


@dataclass(frozen=True)
class Compartments:
    """ka (1/time), CL (volume/time), V, Q (volume/time; 0: one compartment) and V2 of each person, [people]."""

    absorption: Float[Array, " people"]
    clearance: Float[Array, " people"]
    volume: Float[Array, " people"]
    exchange: Float[Array, " people"]
    peripheral_volume: Float[Array, " people"]

    def take(self, some: slice) -> Compartments:
        return Compartments(*(getattr(self, each.name)[some] for each in fields(self)))

    def exponentials(self) -> list[tuple[Float[Array, " people"], Float[Array, " people"]]]:
        """(share, rate) of each exponential of the answer to a dose at once."""
        k10, k12, k21 = (
            self.clearance / self.volume,
            self.exchange / self.volume,
            self.exchange / self.peripheral_volume,
        )
        whole = k10 + k12 + k21
        root = np.sqrt(np.maximum(whole**2 - 4 * k10 * k21, 0))
        fast, slow = (whole + root) / 2, 2 * k10 * k21 / (whole + root)
        gap = np.where(root > _LEAST, root, 1.0)
        of_fast = np.where(root > _LEAST, (fast - k21) / gap, 1.0)
        return [(of_fast, fast), (1 - of_fast, slow)] if (self.exchange > 0).any() else [(np.ones_like(k10), k10)]


@dataclass(frozen=True)
class Doses:
    """Doses of each person, [people, doses]; an amount of 0 is none. One with a duration is infused into a vein."""

    time: Float[Array, "people doses"]
    amount: Float[Array, "people doses"]
    duration: Float[Array, "people doses"]

    def take(self, some: slice) -> Doses:
        return Doses(self.time[some], self.amount[some], self.duration[some])


def concentration(
    people: Compartments, doses: Doses, times: Float[Array, "people times"], swallowed: bool
) -> Float[Array, "people times"]:
    """Concentration in the central compartment (amount/volume) of each person at own times.

    swallowed  doses without a duration are absorbed at the rate ka; False: they go into the vein at once. At the very
               time of such a dose the concentration is that before it.
    """
    total = np.zeros(times.shape)
    ka = people.absorption[:, None]
    for share, rate in people.exponentials():
        share, rate = share[:, None], rate[:, None]
        for k in range(doses.time.shape[1]):
            given, amount, duration = (each[:, k, None] for each in (doses.time, doses.amount, doses.duration))
            since = np.clip(times - given, 0, None)
            if swallowed:
                gap = np.where(np.abs(ka - rate) < _LEAST, _LEAST, ka - rate)
                answer = -ka * np.exp(-rate * since) * np.expm1(-gap * since) / gap
            else:
                answer = np.where(times > given, np.exp(-rate * since), 0.0)
            if (duration > 0).any():
                length = np.where(duration > 0, duration, 1.0)
                entered = -np.expm1(-rate * np.minimum(since, length)) / (rate * length)
                infused = entered * np.exp(-rate * np.clip(since - length, 0, None))
                answer = np.where(duration > 0, infused, answer)
            total += amount * share * answer
    return total / people.volume[:, None]
