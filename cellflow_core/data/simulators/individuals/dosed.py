"""Integration of individuals who are given doses at times of their own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.data.trajectories import DoseEvents

Array = np.ndarray


def integrate(
    rates: Callable[[Float[Array, "subjects dim"]], Float[Array, "subjects dim"]],
    start: Float[Array, "subjects dim"],
    times: Float[Array, " times"],
    doses: DoseEvents,
    subjects: Int[Array, " subjects"],
    into: int,
    step: float,
) -> Float[Array, "subjects times dim"]:
    """States of all individuals at ascending times from 0 on, by steps of Runge-Kutta's fourth order of at most `step`.

    into  the coordinate that a dose raises: by its amount at once, or evenly over its duration
    Doses before 0, and of individuals that are not among `subjects`, are left out. A state at the time of a dose is
    that before it.
    """
    doses = doses.of(subjects)
    who = np.searchsorted(subjects, doses.subject)
    until = doses.time + doses.duration
    stops = np.unique([0.0, *times, *doses.time, *until])
    stops = stops[(stops >= 0) & (stops <= max(times[-1], 0.0))]
    x, found = np.array(start, dtype=np.float64), np.empty((len(start), len(times), start.shape[1]))
    found[:, times <= 0] = x[:, None]
    for begin, end in pairwise(stops):
        at_once = (doses.time == begin) & (doses.duration == 0)
        np.add.at(x[:, into], who[at_once], doses.amount[at_once])
        input_rate = np.zeros_like(x)
        during = (doses.time <= begin) & (until >= end) & (doses.duration > 0)
        np.add.at(input_rate[:, into], who[during], doses.amount[during] / doses.duration[during])
        x = _moved(lambda y, given=input_rate: rates(y) + given, x, end - begin, step)
        found[:, times == end] = x[:, None]
    return found


def _moved(rates: Callable[[Array], Array], x: Array, duration: float, step: float) -> Array:
    steps = int(np.ceil(duration / step - 1e-9))
    h = duration / steps
    for _ in range(steps):
        a = rates(x)
        b = rates(x + h / 2 * a)
        c = rates(x + h / 2 * b)
        x = x + h / 6 * (a + 2 * b + 2 * c + rates(x + h * c))
    return x
