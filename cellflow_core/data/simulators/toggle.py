"""A branching gene circuit with known answers: a toggle switch that a progenitor gene holds undecided.

Two masters shut each other off and switch themselves on (Gardner, Cantor & Collins 2000; Huang et al. 2007). The
progenitor gene blocks both; from day 0 on it is no longer made, decays, and the cell decides. Markers follow the
masters and act on nothing. All genes are simulated, none is measured:

    dx = drift(x) dt + noise dW, values reflected at 0, d log mass = growth(x) dt
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.stationary import stationary_law
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.space import StateSpace

Array = np.ndarray

GENES = (
    "Progenitor",
    "MasterA",
    "MasterB",
    "MarkerA1",
    "MarkerA2",
    "MarkerA3",
    "MarkerB1",
    "MarkerB2",
    "MarkerB3",
    "Steady1",
    "Steady2",
    "Steady3",
)
FATES = ("fate A", "fate B", "undecided")
LABEL = "true fate"
TIME_UNIT = "day"

_PROGENITOR, _A, _B = 0, 1, 2
_HELD = 2.0  # level of the progenitor gene while it is made
_DECAY = 1.3  # of the progenitor gene, 1 / day
_HOLD = 0.8  # level at which it halves the making of the masters
_RATE = 3.0  # decay of the masters, 1 / day
_SELF = 3.0  # self-activation of the masters, 1 / day
_FREE = 6.0  # making of a master that the other does not repress, 1 / day
_MARKER_LEVEL = np.array([2.5, 2.0, 1.5])
_MARKER_RATE = np.array([3.0, 2.0, 1.5])  # 1 / day
_STEADY_LEVEL = np.array([1.0, 1.5, 2.0])
_STEADY_RATE = 2.0  # 1 / day
_APART = 1.0  # difference of the masters from which a cell counts as committed
_CUT = 30.0  # height above which a state is never seen
_WARM_UP = 4.0  # days with the progenitor gene made, before day 0


@dataclass(frozen=True)
class Settings(Config):
    """What the circuit is run with. The defaults make the demo."""

    cells_per_time: int = setting(600, "Cells seen at each time, each time others", 10, 100_000)
    frames: int = setting(5, "Number of times, equally spaced from day 0", 2, 50)
    last_day: float = setting(4.0, "Last time", 0.5, 50.0, "day")
    noise: float = setting(0.35, "Noise of every gene", 0.05, 1.0, "1/sqrt(day)")
    bias: float = setting(0.045, "By how much more of MasterA is made than of MasterB", -0.5, 0.5)
    growth_gap: float = setting(0.06, "By how much faster cells of fate A multiply", 0.0, 1.0, "1/day")
    step: float = setting(0.02, "Time step of the simulation", 0.0005, 0.05, "day")
    seed: int = setting(0, "Start of the random numbers", 0)


@dataclass(frozen=True)
class TrueLandscape:
    """Height -log p over MasterA (x [columns]) and MasterB (y [rows]) once the progenitor gene is gone; lowest is 0.

    height [rows, columns] is NaN where no cell ever gets (30 above the lowest: beyond what doubles resolve).
    stable [states, 2]: where the drift vanishes and the cells stay, (MasterA, MasterB).
    """

    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    height: Float[Array, "rows columns"]
    stable: Float[Array, "states 2"]


def drift(
    t: float | int, x: Float[Array, "cells genes"], settings: Settings | None = None
) -> Float[Array, "cells genes"]:
    """Mean motion of cells in gene space (level / day). Before day 0 the progenitor gene is made, after it is not."""
    settings = settings or Settings()
    change = np.empty_like(x)
    change[:, _PROGENITOR] = _DECAY * ((_HELD if t < 0 else 0.0) - x[:, _PROGENITOR])
    released = 1 - _hill(x[:, _PROGENITOR], _HOLD, 4)
    change[:, [_A, _B]] = _toggle(x[:, [_A, _B]], settings.bias, released)
    on = _hill(x[:, [_A, _B]], 1.5, 4)
    change[:, 3:6] = _MARKER_RATE * (_MARKER_LEVEL * on[:, :1] - x[:, 3:6])
    change[:, 6:9] = _MARKER_RATE * (_MARKER_LEVEL * on[:, 1:] - x[:, 6:9])
    change[:, 9:12] = _STEADY_RATE * (_STEADY_LEVEL - x[:, 9:12])
    return change


def growth(x: Float[Array, "cells genes"], settings: Settings | None = None) -> Float[Array, " cells"]:
    """Birth minus death of each cell (1 / day): undecided cells multiply faster, fate A a little faster than fate B."""
    gap = (settings or Settings()).growth_gap
    birth = 0.35 + 0.15 * _hill(x[:, _PROGENITOR], 1.0, 2) + gap * _hill(x[:, _A], 1.5, 4)
    death = 0.15
    return birth - death


def fate_of(x: Float[Array, "cells genes"]) -> Array:
    """Name of the fate each cell is committed to, [cells] of FATES: by the difference of the two masters."""
    gap = x[:, _A] - x[:, _B]
    return np.where(gap > _APART, FATES[0], np.where(gap < -_APART, FATES[1], FATES[2]))


def simulate(settings: Settings | None = None) -> Snapshots:
    """Independent cells at each time, drawn from the growing population, with the mass each time stands for."""
    settings = settings or Settings()
    rng = np.random.default_rng(settings.seed)
    times = np.linspace(0, settings.last_day, settings.frames)
    frames, mass = [], []
    for time in times:
        kept: list[Array] = []
        while sum(map(len, kept)) < settings.cells_per_time:
            x, log_weight = _last(_course(start_cells(2 * settings.cells_per_time, settings, rng), settings, rng, time))
            # A cell is kept with probability weight / largest possible weight: exact and without copies.
            limit = time * (0.35 + settings.growth_gap)
            kept.append(x[rng.random(len(x)) < np.exp(log_weight - limit)])
            if len(kept) == 1:
                mass.append(settings.cells_per_time * float(np.exp(log_weight).mean()))
        frames.append(np.concatenate(kept)[: settings.cells_per_time])
    x = np.concatenate(frames)
    return Snapshots(
        x.astype(np.float32),
        np.repeat(times, settings.cells_per_time),
        StateSpace.of_genes(GENES),
        TIME_UNIT,
        mass=np.array(mass, dtype=np.float32),
        labels={LABEL: fate_of(x)},
    )


def start_cells(cells: int, settings: Settings, rng: np.random.Generator) -> Float[Array, "cells genes"]:
    """Undecided cells of day 0."""
    x = np.tile(np.array([_HELD, 0.15, 0.15, *[0.1] * 6, *_STEADY_LEVEL]), (cells, 1))
    return _last(_course(x, settings, rng, _WARM_UP, begin=-_WARM_UP))[0]


def fate_shares(
    settings: Settings | None = None,
    clamp: Mapping[str, float] | None = None,
    *,
    cells: int = 10_000,
    seed: int = 0,
    of: Literal["population", "start cells"] = "population",
    start: Float[Array, "starts genes"] | None = None,
) -> dict[str, float]:
    """Share of each fate at the last day, with genes held at given levels from day 0 on.

    of     "population": share of the mass, so that cells that multiply count more; "start cells": share of the cells
           of day 0 by where their line ends
    start  cells to begin from instead of fresh ones of day 0
    Raises KeyError that lists the genes. The Monte-Carlo error is about sqrt(share (1 - share) / cells).
    """
    settings = settings or Settings()
    rng = np.random.default_rng((settings.seed, seed, 1))
    unknown = set(clamp or {}) - set(GENES)
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))} not in this circuit: its genes are {', '.join(GENES)}")
    x = start_cells(cells, settings, rng) if start is None else np.array(start, dtype=np.float64)
    x, log_weight = _last(_course(x, settings, rng, settings.last_day, clamp=clamp))
    weight = np.exp(log_weight) if of == "population" else np.ones(len(x))
    fates = fate_of(x)
    return {name: float(weight[fates == name].sum() / weight.sum()) for name in FATES}


def landscape(settings: Settings | None = None, points: int = 160) -> TrueLandscape:
    """The quasi-potential of the two masters without the progenitor gene, from the Fokker-Planck equation on a grid."""
    settings = settings or Settings()
    edges = np.linspace(0, 4.5, points + 1)
    centres = (edges[1:] + edges[:-1]) / 2

    def field(z: Array) -> Array:
        return _toggle(z, settings.bias, np.ones(len(z)))

    p = stationary_law(field, settings.noise, centres, centres)
    height = -np.log(np.maximum(p / p.max(), np.finfo(float).tiny))
    stable = np.array([[3.0, 0.1], [0.1, 3.0]])
    for _ in range(4000):
        stable = stable + 0.01 * field(stable)
    return TrueLandscape(centres, centres, np.where(height > _CUT, np.nan, height), stable)


def _toggle(masters: Float[Array, "cells 2"], bias: float, released: Float[Array, " cells"]) -> Float[Array, "cells 2"]:
    on = _hill(masters, 1.0, 3)
    made = (_SELF * on + _FREE * (1 - on[:, ::-1])) * np.array([1 + bias, 1.0])
    return released[:, None] * made - _RATE * masters


def _course(
    x: Float[Array, "cells genes"],
    settings: Settings,
    rng: np.random.Generator,
    days: float,
    begin: float = 0.0,
    clamp: Mapping[str, float] | None = None,
) -> Iterator[tuple[Float[Array, "cells genes"], Float[Array, " cells"]]]:
    """(cells, log of their mass) after each Euler-Maruyama step, the start included; clamped genes never move."""
    held = [GENES.index(each) for each in clamp or {}]
    levels = np.array(list((clamp or {}).values()))
    x = x.copy()
    x[:, held] = levels
    log_weight = np.zeros(len(x))
    yield x, log_weight
    steps = int(np.ceil(days / settings.step - 1e-9))
    for k in range(steps):
        dt = days / steps
        log_weight = log_weight + growth(x, settings) * dt
        kick = settings.noise * np.sqrt(dt) * rng.standard_normal(x.shape)
        x = np.abs(x + drift(begin + k * dt, x, settings) * dt + kick)
        x[:, held] = levels
        yield x, log_weight


def _last(course: Iterator[tuple[Array, Array]]) -> tuple[Array, Array]:
    *_, end = course
    return end


def _hill(x: Array, half: float, power: int) -> Array:
    z = (np.maximum(x, 0) / half) ** power
    return z / (1 + z)
