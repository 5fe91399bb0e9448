"""Forecasts of individuals from the first part of their history, and their errors by how far ahead they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.courses import draws as asking
from cellflow_core.analysis.courses.errors import errors
from cellflow_core.analysis.courses.measurements import place_of
from cellflow_core.analysis.results.individuals import ForecastErrors
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.plural import counted
from cellflow_core.time_units import format_duration

Array = np.ndarray

DRAWS = 200
SHARES = (0.25, 0.5, 0.75)
"""Of the measured times, at which histories end where no times are given."""
HORIZONS = 4


AS_DRAWN = "90 % bands are those of the draws: they are not calibrated by individuals that the model has not seen."


@runtime_checkable
class Bands(Protocol):
    """How draws are moved so that their bands hold as much as they say (`band_calibration.BandCalibration`)."""

    @property
    def words(self) -> str: ...

    def widened(self, drawn: Array, known: bool | Array) -> Array: ...


class Forecasts(NamedTuple):
    """Values of one variable that were forecast: [n] each, and draws of what would be measured, [draws, n].

    cut  end of the history, `UNKNOWN` where nothing was measured before; ahead: time from it, NaN there
    """

    subject: Int[Array, " n"]
    cut: Float[Array, " n"]
    ahead: Float[Array, " n"]
    observed: Float[Array, " n"]
    draws: Float[Array, "draws n"]

    def where(self, kept: Array) -> Forecasts:
        held = (self.subject, self.cut, self.ahead, self.observed)
        return Forecasts(*(each[kept] for each in held), draws=self.draws[:, kept])


def forecasts(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    cuts: Sequence[float],
    draws: int = DRAWS,
    seed: int = 0,
    after: float = asking.UNKNOWN,
) -> Forecasts:
    """Every quantified value after each cut, of individuals with a measurement by then; and every value before any.

    after  only values later than this are forecast
    Values below the limit of quantification are left out: how far off a forecast is there is not known.
    """
    k = place_of(variable, data)
    parts = []
    for cut in (asking.UNKNOWN, *cuts):
        some, rows = _forecast_rows(data, k, cut, after)
        if not len(rows):
            continue
        found = asking.at_rows(models, some, cut, draws, seed).measured[:, rows, k]
        t = some.t[rows]
        ahead = t - cut if np.isfinite(cut) else np.full(len(rows), np.nan)
        parts.append(
            Forecasts(some.subject[rows], np.full(len(rows), cut), ahead, some.x[rows, k].astype(float), found)
        )
    if not parts:
        later = f" after {format_duration(after, data.time_unit)}" if np.isfinite(after) else ""
        raise ValueError(f"no value of {variable} was measured{later} that could be forecast")
    subject, cut, ahead, observed, drawn = zip(*parts, strict=True)
    joined = (np.concatenate(each) for each in (subject, cut, ahead, observed))
    return Forecasts(*joined, draws=np.concatenate(drawn, axis=1))


def _forecast_rows(data: Trajectories, k: int, cut: float, after: float) -> tuple[Trajectories, Array]:
    """(individuals with a history, rows of theirs to be forecast)."""
    if np.isfinite(cut):
        known = np.unique(data.subject[(data.t <= cut) & data.observed.any(axis=1)])
        if not len(known):
            return data, np.zeros(0, int)
        data = data.take(known)
    return data, np.flatnonzero(data.observed[:, k] & ~data.censored[:, k] & (data.t > max(cut, after)))


def default_cuts(data: Trajectories, k: int) -> tuple[float, ...]:
    """Those of the measurements of a variable (`cuts_of`)."""
    return cuts_of(data.t[data.observed[:, k]])


def cuts_of(t: Float[Array, " n"]) -> tuple[float, ...]:
    """The times by which a quarter, half and three quarters of measurements at these times were made."""
    found = np.unique(np.quantile(t, SHARES, method="lower")) if len(t) else np.zeros(0)
    return tuple(float(each) for each in found if each < t.max())


def horizon_edges(
    data: Trajectories, k: int, cuts: Sequence[float], after: float = asking.UNKNOWN
) -> Float[Array, " edges"]:
    """Edges of horizons that hold about equally many values of these data, from 0 on."""
    parts = [some.t[rows] - cut for cut in cuts for some, rows in (_forecast_rows(data, k, cut, after),)]
    ahead = np.concatenate(parts) if parts else np.zeros(0)
    if not len(ahead):
        return np.zeros(0)
    inner = np.unique(np.quantile(ahead, np.linspace(0, 1, HORIZONS + 1)[1:], method="lower"))
    return np.concatenate([[0.0], inner])


def forecast_errors(
    models: asking.Models,
    data: Trajectories,
    variable: str,
    held_out: Array,
    cuts: Sequence[float] = (),
    draws: int = DRAWS,
    seed: int = 0,
    after: float = np.inf,
    bands: Bands | None = None,
) -> ForecastErrors:
    """held_out: numbers of the individuals that were kept from training; all are forecast where there are none.

    cuts   times at which histories end; none: see `default_cuts`. Horizons are those of all individuals.
    after  time after which all measurements were kept from training: they are forecast, of all individuals, from what
           was measured until then
    bands  calibration of the bands, which the draws are moved by; None: they are as drawn
    """
    k = place_of(variable, data)
    later = bool(np.isfinite(after))
    since = after if later else asking.UNKNOWN
    cuts = tuple(cuts) or ((after,) if later else default_cuts(data, k))
    edges = horizon_edges(data, k, cuts, since)
    some = data.take(held_out) if len(held_out) and not later else data
    found = forecasts(models, some, variable, cuts, draws, seed, since)
    if bands is not None:
        found = found._replace(draws=bands.widened(found.draws, np.isfinite(found.cut)))
    row = np.searchsorted(edges, found.ahead, side="left")  # an edge belongs to the horizon before it
    row[np.isnan(found.ahead)] = 0
    rows = [found.where(row == each) for each in range(max(len(edges), 1))]
    table = [errors(each.draws, each.observed) for each in rows]
    return ForecastErrors(
        variable=variable,
        time_unit=data.time_unit,
        held_out=later or bool(len(held_out)),
        individuals=len(np.unique(found.subject)) if later else len(some.subjects),
        cuts=np.asarray(cuts, float),
        edges=edges,
        count=np.array([each.count for each in table]),
        **{name: np.array([getattr(each, name) for each in table]) for name in ("rmse", "rmspe", "crps", "coverage")},
        notes=(
            *(_later_notes(found, some, held_out, after, k) if later else _notes(some, bool(len(held_out)), k)),
            AS_DRAWN if bands is None else f"{bands.words}.",
        ),
        after=after,
    )


def _later_notes(found: Forecasts, data: Trajectories, held: Array, after: float, k: int) -> tuple[str, ...]:
    people = np.unique(found.subject)
    known = np.setdiff1d(people, held)
    sentences = [
        f"{counted(len(people), 'individual')}: what was measured after {format_duration(after, data.time_unit)} was "
        "kept from training and is forecast from what was measured before."
    ]
    if len(known) < len(people):
        sentences.append(f"{len(people) - len(known)} of them were kept from training altogether.")
    return (*sentences, *_lost(int((data.censored[:, k] & (data.t > after)).sum())))


def _notes(data: Trajectories, held: bool, k: int) -> tuple[str, ...]:
    who = "kept from training" if held else "that were also trained on, so errors of a new one are larger"
    return (f"{len(data.subjects)} individuals, {who}.", *_lost(int(data.censored[:, k].sum())))


def _lost(values: int) -> tuple[str, ...]:
    return (f"{values} values below the limit of quantification are left out.",) if values else ()
