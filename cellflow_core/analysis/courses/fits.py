"""Individual fits: what was measured of an individual beside the prediction for the population and for itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellflow_core.analysis.courses import draws as asking
from cellflow_core.analysis.courses.errors import BAND
from cellflow_core.analysis.courses.forecast import AS_DRAWN, Bands
from cellflow_core.analysis.courses.measurements import place_of
from cellflow_core.analysis.results.individuals import IndividualFits
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.time_units import format_duration, format_time

Array = np.ndarray

DRAWS = 400
STEPS = 60
"""Times of a smooth course; those of measurements and doses come on top."""
MOST_TIMES = 300


def individual_fits(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    subjects: Sequence[int],
    until: float = float("inf"),
    held_out: Sequence[int] | Array = (),
    seed: int = 0,
    after: float = float("inf"),
    bands: Bands | None = None,
) -> IndividualFits:
    """Courses of these individuals from the first time of any of them to the last of each.

    until  end of the history that the individual prediction uses; held_out: individuals that were kept from training
    after  time after which measurements were kept from training
    bands  calibration of the bands of forecasts, which begin at `until`; None: they are as drawn
    Raises KeyError for an individual or a variable that is not there.
    """
    k = place_of(variable, data)
    some = data.take(np.asarray(subjects, np.int64))
    times = course_times(some, float(some.t.min()), float(some.t.max()))
    before = asking.at_times(models, some, times, asking.UNKNOWN, DRAWS, seed)
    given = asking.at_times(models, some, times, until, DRAWS, seed)
    drawn = given.measured[..., k]
    if bands is not None:
        drawn = np.where(times > until, bands.widened(drawn, True), drawn)
    low, _, high = np.quantile(drawn, BAND, axis=0)
    last = np.array([some.t[some.subject == each].max() for each in some.subjects])
    first = np.array([some.t[some.subject == each].min() for each in some.subjects])
    followed = (times <= last[:, None] + 1e-9) & (times >= first[:, None] - 1e-9)
    shown = (np.median(before.true[..., k], axis=0), np.median(given.true[..., k], axis=0), low, high)
    population, individual, low, high = (np.where(followed, each, np.nan).astype(float) for each in shown)
    return IndividualFits(
        variable,
        data.time_unit,
        until,
        some.subjects,
        times,
        population,
        individual,
        low,
        high,
        np.isin(some.subjects, held_out),
        _notes(until, after, float(some.t.max()), data.time_unit, bands),
        after,
    )


def course_times(data: Trajectories, first: float, last: float) -> Array:
    """Ascending times of a smooth course, with those of measurements, and of doses that begin or end, where they are
    not too many."""
    doses = data.doses.of(data.subjects)
    knots = np.concatenate([doses.time, doses.time + doses.duration, data.t])
    knots = np.unique(knots[(knots >= first) & (knots <= last)])
    smooth = np.linspace(first, last, STEPS + 1)
    return np.unique(np.concatenate([smooth, knots]) if len(knots) <= MOST_TIMES else smooth)


def _notes(until: float, after: float, last: float, unit: str, bands: Bands | None) -> tuple[str, ...]:
    """What the prediction has seen of what is shown, and of what was held out."""
    held = after < last
    if until >= last:
        too = f", those after {format_duration(after, unit)} too, which were kept from training" if held else ""
        return (f"The individual prediction has seen every measurement shown{too}.",)
    seen = f"The individual prediction has seen what was measured until time {format_time(until)} only"
    drawn = AS_DRAWN if bands is None else f"From there on {bands.words}."
    if held and until > after:
        return (f"{seen}, with values after {format_duration(after, unit)}, which were kept from training.", drawn)
    return (f"{seen}{'; later values were kept from training' if held and until == after else ''}.", drawn)
