"""Three genes that shut each other off in a ring, and so oscillate (Elowitz & Leibler 2000, Nature 403:335).

    dm_i = (transcription / (1 + p_j^hill) + leak - m_i) / mrna_life dt + noise dW
    dp_i = (m_i - p_i) / protein_life dt + noise dW

m is the RNA, p the protein, j the gene before i in the ring. Levels count in units in which a repressor halves its
target at 1, RNA in those of the protein that it holds at rest (the paper's own scaling). Values are reflected at 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasCourse, HasDrift, HasNetwork, HasPeriod, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

RING = ("LacI", "TetR", "CI")
"""Each represses the next, the last the first."""

_SETTLE = 200.0  # lifetimes after which a course has found its cycle or its rest
_WATCHED = 60.0  # lifetimes in which turns are counted
_STILL = 1e-3  # swing, relative to the level, below which nothing turns
_FADING = 0.9  # ratio of a later swing to an earlier one below which a turn is damped


@dataclass(frozen=True)
class Settings(Config):
    """What the ring is run with. A level of 1 is as much repressor as halves its target."""

    transcription: float = setting(
        100.0, "Transcription rate of an unrepressed gene", 0.1, 1000.0, label="Transcription rate"
    )
    leak: float = setting(0.1, "Transcription rate of a fully repressed gene (leakiness)", 0.0, 100.0)
    hill: float = setting(2.0, "Hill coefficient of the repression", 1.0, 6.0)
    mrna_lifetime: float = setting(3.0, "Mean lifetime of mRNA", 0.1, 100.0, "minute", label="mRNA lifetime")
    protein_lifetime: float = setting(15.0, "Mean lifetime of a protein", 0.1, 1000.0, "minute")
    noise: float = setting(0.15, "Diffusion coefficient sigma, the same for every species", 0.0, 5.0, "1/sqrt(minute)")
    synchrony: bool = setting(True, "All cells start in the same phase; otherwise uniformly over the cycle")
    cells_per_time: int = setting(250, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(13, "Number of time points, equally spaced", 2, 200)
    last_time: float = setting(180.0, "Last time point", 1.0, 10_000.0, "minute")
    step: float = setting(0.1, "Largest step of the numerical integration", 0.005, 0.5, "minute")
    seed: int = setting(0, "Random seed", 0)


class Repressilator(Simulator, HasDrift, HasNetwork, HasCourse, HasPeriod):
    title = "Three genes that oscillate (repressilator)"
    summary = (
        "Three genes repress each other in a ring and never come to rest: a turning motion that no landscape explains. "
        "Holding any of them at a level stops the clock."
    )
    paper = "Elowitz & Leibler 2000, Nature 403:335"
    time_unit = "minute"
    axes = (*(f"{each} RNA" for each in RING), *(f"{each} protein" for each in RING))
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """Independent cells at each time."""
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        rng = np.random.default_rng(use.seed)
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=use.step, positive=True)
        return Snapshots(found.x.astype(np.float32), found.t, AffineSpace.of_genes(self.axes), self.time_unit)

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Cells in which mostly LacI is made, within a tenth; or cells at random times of a course that has settled."""
        if self.settings.synchrony:
            return self._start * (1 + 0.1 * rng.standard_normal((cells, len(self.axes))))
        first = _SETTLE * self._lifetime
        turn = self.period() or _WATCHED * self._lifetime
        order = np.argsort(moments := rng.uniform(first, first + turn, cells))
        found = np.empty((cells, len(self.axes)))
        found[order] = self.mean_trajectory(moments[order])
        return found

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """The equations above without noise (level / minute)."""
        use = self.settings
        rna, protein = x[:, :3], x[:, 3:]
        before = np.maximum(protein, 0)[:, [2, 0, 1]]
        made = use.transcription / (1 + before**use.hill) + use.leak
        return np.concatenate([(made - rna) / use.mrna_lifetime, (rna - protein) / use.protein_lifetime], axis=1)

    def noise(self, t: float) -> Float[Array, " dim"]:
        """The same for every level (level / sqrt(minute))."""
        return np.full(len(self.axes), self.settings.noise)

    def network(self) -> Int[Array, "dim dim"]:
        """Each RNA makes its protein, each protein represses the RNA of the next gene."""
        acts = np.zeros((6, 6), dtype=np.int64)
        acts[[3, 4, 5], [0, 1, 2]] = 1
        acts[[1, 2, 0], [3, 4, 5]] = -1
        return acts

    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times dim"]:
        """The ring without noise from the start cells' mean on, at ascending times (from 0), by fine integration."""
        from scipy.integrate import solve_ivp

        held, levels = sde.held_columns(self.axes, clamp)
        moves = np.ones(len(self.axes))
        moves[held] = 0.0
        start = self._start.copy()
        start[held] = levels
        solved = solve_ivp(
            lambda t, y: moves * self.drift(t, y[None])[0],
            (0.0, float(times[-1])),
            start,
            method="LSODA",
            t_eval=times,
            rtol=1e-9,
            atol=1e-9,
        )
        return solved.y.T

    def period(self, clamp: Mapping[str, float] | None = None) -> float:
        """Time between two rises of a protein through its mean, on the cycle that the course settles on (minute).

        0 where it comes to rest, as it does with any gene held.
        """
        first, last = _SETTLE * self._lifetime, (_SETTLE + _WATCHED) * self._lifetime
        times = np.linspace(first, last, 30_001)
        found = self.mean_trajectory(np.concatenate([[0.0], times]), clamp)[1:]
        swings = np.ptp(np.array_split(found, 2)[0], axis=0), np.ptp(np.array_split(found, 2)[1], axis=0)
        k = int(np.argmax(swings[0][3:])) + 3
        x = found[:, k] - found[:, k].mean()
        if swings[0][k] < _STILL * found[:, k].mean() or swings[1][k] < _FADING * swings[0][k]:
            return 0.0
        rises = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
        if len(rises) < 2:
            return 0.0
        crossed = times[rises] - x[rises] * (times[1] - times[0]) / (x[rises + 1] - x[rises])
        return float(np.diff(crossed).mean())

    @property
    def _start(self) -> Float[Array, " dim"]:
        """LacI is being made and holds TetR off; CI is neither made nor quite gone."""
        level = self.settings.transcription
        return np.array([0.5, 0.0, 0.0, 0.25, 0.0, 0.05]) * level

    @property
    def _lifetime(self) -> float:
        """The longest there is (minute)."""
        return max(self.settings.mrna_lifetime, self.settings.protein_lifetime)
