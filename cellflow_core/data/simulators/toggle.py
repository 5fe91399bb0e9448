"""A branching gene circuit with known answers: a toggle switch that a progenitor gene holds undecided.

Two masters shut each other off and switch themselves on (Gardner, Cantor & Collins 2000; Huang et al. 2007). The
progenitor gene blocks both; from day 0 on it is no longer made, decays, and the cell decides. Markers follow the
masters and act on nothing. All genes are simulated, none is measured:

    dx = drift(x) dt + noise dW, values reflected at 0, d log mass = growth(x) dt
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import (
    HasDrift,
    HasFates,
    HasGrowth,
    HasLandscape,
    HasNetwork,
    Simulator,
    TrueLandscape,
)
from cellflow_core.data.simulators.stationary import stationary_law
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

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
LABEL = "true fate"

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
_COMMITTED_FROM = 1.0  # difference of the masters from which a cell counts as committed
_BIRTH, _DEATH = 0.35, 0.15  # of a committed cell, 1 / day
_CUT = 30.0  # height above which a state is never seen: beyond what doubles resolve
_WARM_UP = 4.0  # days with the progenitor gene made, before day 0


@dataclass(frozen=True)
class Settings(Config):
    """What the circuit is run with. The defaults make the demo."""

    cells_per_time: int = setting(600, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(4.0, "Last time point", 0.5, 50.0, "day")
    noise: float = setting(0.35, "Diffusion coefficient sigma, the same for every gene", 0.05, 1.0, "1/sqrt(day)")
    bias: float = setting(0.045, "Relative excess of the production of MasterA over MasterB", -0.5, 0.5)
    growth_difference: float = setting(0.06, "Difference in growth rate between fate A and fate B", 0.0, 1.0, "1/day")
    step: float = setting(0.02, "Largest step of the numerical integration", 0.0005, 0.05, "day")
    seed: int = setting(0, "Random seed", 0)


class Toggle(Simulator, HasDrift, HasGrowth, HasLandscape, HasNetwork, HasFates):
    title = "Toggle switch with a progenitor"
    summary = (
        "A progenitor gene fades and two masters compete until one wins. Markers follow the masters and act on "
        "nothing: a marker of a fate looks like its driver, and only a knock-out tells them apart."
    )
    paper = "Gardner, Cantor & Collins 2000, Nature 403:339; Huang et al. 2007, Dev. Biol. 305:695"
    time_unit = "day"
    axes = GENES
    fates = ("fate A", "fate B", "undecided")
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """Independent cells at each time, drawn from the growing population, with the mass each time stands for."""
        use = self.settings
        found = sde.population(
            self,
            self.start_cells,
            np.linspace(0, use.last_time, use.n_times),
            use.cells_per_time,
            np.random.default_rng(use.seed),
            step=use.step,
            positive=True,
            fastest=_BIRTH + use.growth_difference,
        )
        return Snapshots(
            found.x.astype(np.float32),
            found.t,
            AffineSpace.of_genes(GENES),
            self.time_unit,
            mass=found.mass,
            labels={LABEL: self.fate_of(found.x)},
        )

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells genes"]:
        """Undecided cells of day 0."""
        x = np.tile(np.array([_HELD, 0.15, 0.15, *[0.1] * 6, *_STEADY_LEVEL]), (cells, 1))
        return sde.final_state(self, x, -_WARM_UP, 0.0, rng, step=self.settings.step, positive=True)[0]

    def drift(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
        """Mean motion of cells in gene space (level / day). Before day 0 the progenitor gene is made, after it not."""
        change = np.empty_like(x)
        change[:, _PROGENITOR] = _DECAY * ((_HELD if t < 0 else 0.0) - x[:, _PROGENITOR])
        released = 1 - _hill(x[:, _PROGENITOR], _HOLD, 4)
        change[:, [_A, _B]] = self._masters(x[:, [_A, _B]], released)
        on = _hill(x[:, [_A, _B]], 1.5, 4)
        change[:, 3:6] = _MARKER_RATE * (_MARKER_LEVEL * on[:, :1] - x[:, 3:6])
        change[:, 6:9] = _MARKER_RATE * (_MARKER_LEVEL * on[:, 1:] - x[:, 6:9])
        change[:, 9:12] = _STEADY_RATE * (_STEADY_LEVEL - x[:, 9:12])
        return change

    def noise(self, t: float) -> Float[Array, " genes"]:
        """The same for every gene (level / sqrt(day))."""
        return np.full(len(GENES), self.settings.noise)

    def growth(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, " cells"]:
        """Birth minus death (1 / day): undecided cells multiply faster, fate A a little faster than fate B."""
        gap = self.settings.growth_difference
        birth = _BIRTH + 0.15 * _hill(x[:, _PROGENITOR], 1.0, 2) + gap * _hill(x[:, _A], 1.5, 4)
        return birth - _DEATH

    def mass(self, t: float) -> float:
        """Mean mass of 2,000 lines of descent; its standard error is 0.2 % at day 4 with the demo's settings."""
        rng = np.random.default_rng((self.settings.seed, 2))
        x = self.start_cells(2000, rng)
        _, log_mass = sde.final_state(self, x, 0.0, t, rng, step=self.settings.step, positive=True)
        return float(np.exp(log_mass).mean())

    def fate_of(self, x: Float[Array, "cells genes"]) -> Array:
        """Name of the fate each cell is committed to, [cells]: by the difference of the two masters."""
        gap = x[:, _A] - x[:, _B]
        return np.where(
            gap > _COMMITTED_FROM, self.fates[0], np.where(gap < -_COMMITTED_FROM, self.fates[1], self.fates[2])
        )

    def fate_shares(
        self,
        clamp: Mapping[str, float] | None = None,
        *,
        cells: int = 10_000,
        seed: int = 0,
        of: Literal["population", "start cells"] = "population",
    ) -> dict[str, float]:
        """Share of each fate at the last day, with genes held at given levels from day 0 on.

        of  "population": share of the mass; "start cells": share of the cells of day 0 by where their line ends
        Raises KeyError that lists the genes. The Monte-Carlo error is about sqrt(share (1 - share) / cells).
        """
        rng = np.random.default_rng((self.settings.seed, seed, 1))
        x = self.start_cells(cells, rng)
        step, last = self.settings.step, self.settings.last_time
        return sde.fate_shares(self, x, 0.0, last, rng, step=step, positive=True, clamp=clamp, of=of)

    def landscape(self, points: int = 160) -> TrueLandscape:
        """-log p over the masters without the progenitor gene, from the Fokker-Planck equation on a grid.

        NaN from 30 above the lowest point on.
        """
        edges = np.linspace(0, 4.5, points + 1)
        centres = (edges[1:] + edges[:-1]) / 2

        def field(z: Array) -> Array:
            return self._masters(z, np.ones(len(z)))

        p = stationary_law(field, self.settings.noise, centres, centres)
        height = -np.log(np.maximum(p / p.max(), np.finfo(float).tiny))
        stable = np.array([[3.0, 0.1], [0.1, 3.0]])
        for _ in range(4000):
            stable = stable + 0.01 * field(stable)
        axes = GENES[_A], GENES[_B]
        return TrueLandscape(centres, centres, np.where(height > _CUT, np.nan, height), stable, axes)

    def network(self) -> Int[Array, "genes genes"]:
        """The progenitor gene shuts both masters off, each master the other; each makes itself and its markers."""
        acts = np.zeros((len(GENES), len(GENES)), dtype=np.int64)
        acts[[_A, _B], _PROGENITOR] = -1
        acts[_A, _B] = acts[_B, _A] = -1
        acts[_A, _A] = acts[_B, _B] = 1
        acts[3:6, _A] = acts[6:9, _B] = 1
        return acts

    def _masters(self, masters: Float[Array, "cells 2"], released: Float[Array, " cells"]) -> Float[Array, "cells 2"]:
        on = _hill(masters, 1.0, 3)
        made = (_SELF * on + _FREE * (1 - on[:, ::-1])) * np.array([1 + self.settings.bias, 1.0])
        return released[:, None] * made - _RATE * masters


def _hill(x: Array, half: float, power: int) -> Array:
    z = (np.maximum(x, 0) / half) ** power
    return z / (1 + z)
