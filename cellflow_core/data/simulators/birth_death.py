"""States that multiply at different rates while all cells drift along: what moved, and what only grew?

    dx = (u + sigma^2 / (2 s^2) (sum_k r_k(x - u t) c_k - (x - u t))) dt + sigma dW,  d log mass = sum_k r_k g_k dt

Cells sit in two or three round states of spread s around centres c_k + u t, far enough apart that none ever changes
state; r_k is the share of state k at a place. Each cell of state k divides at rate b_k and dies at rate d_k, g = b - d,
so that with w_k the share of the founders all is known in closed form:

    mass(t) = sum_k w_k exp(g_k t),  p(t, x) = sum_k w_k exp(g_k t) N(x; c_k + u t, s^2 I) / mass(t)

The numbers of cells are those of a linear birth-death process (Kendall 1948, Ann. Math. Stat. 19:1), with its chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasDrift, HasFates, HasGrowth, HasScore, HasVelocity, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

LABEL = "true state"
_CENTRES = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
_MOST = 20.0  # largest log of the growth of a state
_SHARE = 0.02  # of the relaxation time that one step of the simulation takes


@dataclass(frozen=True)
class Settings(Config):
    """How fast each state divides and dies, and how all cells move."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    founders: int = setting(
        2000, "Number of founder cells at day 0, in equal shares of the states", 30, 1_000_000, label="Founder cells"
    )
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(4.0, "Last time point", 0.1, 100.0, "day")
    states: int = setting(2, "Number of cell states", 2, 3, label="Number of cell states")
    birth_1: float = setting(0.6, "Division rate of state 1", 0.0, 3.0, "1/day", label="Division rate, state 1")
    death_1: float = setting(0.1, "Death rate of state 1", 0.0, 3.0, "1/day", label="Death rate, state 1")
    birth_2: float = setting(0.2, "Division rate of state 2", 0.0, 3.0, "1/day", label="Division rate, state 2")
    death_2: float = setting(0.4, "Death rate of state 2", 0.0, 3.0, "1/day", label="Death rate, state 2")
    birth_3: float = setting(
        0.3, "Division rate of state 3, where there is one", 0.0, 3.0, "1/day", label="Division rate, state 3"
    )
    death_3: float = setting(
        0.3, "Death rate of state 3, where there is one", 0.0, 3.0, "1/day", label="Death rate, state 3"
    )
    drift_velocity: float = setting(
        0.5, "Drift velocity along the second axis, the same for all cells", -10.0, 10.0, "1/day"
    )
    noise: float = setting(0.4, "Diffusion coefficient sigma, the same on every axis", 0.02, 1.0, "1/sqrt(day)")
    within_state_sd: float = setting(
        0.3, "Standard deviation of the cells within a state", 0.05, 0.4, label="Standard deviation within a state"
    )
    noise_dims: int = setting(0, "Number of additional dimensions of pure noise", 0, 48)
    seed: int = setting(0, "Random seed", 0)


class BirthDeath(Simulator, HasDrift, HasScore, HasVelocity, HasGrowth, HasFates):
    title = "Birth and death"
    summary = (
        "Two or three states divide and die at different rates, and no cell ever changes state. A method without "
        "growth must invent cells that cross over; drift, growth and mass are known in closed form."
    )
    paper = "Kendall 1948, Ann. Math. Stat. 19:1"
    time_unit = "day"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = ("x1", "x2", *(f"noise {k + 1}" for k in range(use.noise_dims)))
        self.fates = tuple(f"state {k + 1}" for k in range(use.states))
        self.birth = np.array([use.birth_1, use.birth_2, use.birth_3])[: use.states]
        self.death = np.array([use.death_1, use.death_2, use.death_3])[: use.states]
        if (most := (self.birth - self.death).max() * use.last_time) > _MOST:
            raise ValueError(
                f"a state would multiply by exp({most:.3g}) until day {use.last_time:g}, and exp({_MOST:g}) is the "
                "most: lower its births or end earlier"
            )
        self._pull = use.noise**2 / (2 * use.within_state_sd**2)

    def simulate(self) -> Snapshots:
        """Independent cells at each time, drawn from another culture each, with the number of its cells as mass.

        Raises ValueError where all cells of a culture have died.
        """
        use, rng = self.settings, np.random.default_rng(self.settings.seed)
        times = np.linspace(0, use.last_time, use.n_times)
        frames, states, mass = [], [], []
        for t in times:
            numbers = self.numbers(float(t), rng)
            if not numbers.sum():
                raise ValueError(
                    f"all {use.founders} founders and what came of them had died by day {t:g}: lower the rates of "
                    "death, raise those of birth, or end earlier"
                )
            state = rng.choice(use.states, use.cells_per_time, p=numbers / numbers.sum())
            x = self.centres(float(t))[state] + use.within_state_sd * rng.standard_normal(
                (use.cells_per_time, len(self.axes))
            )
            frames.append(x)
            states.append(np.array(self.fates)[state])
            mass.append(numbers.sum())
        return Snapshots(
            np.concatenate(frames).astype(np.float32),
            np.repeat(times, use.cells_per_time),
            AffineSpace.coordinates(self.axes),
            self.time_unit,
            mass=np.array(mass, dtype=np.float32),
            labels={LABEL: np.concatenate(states)},
        )

    def numbers(self, t: float, rng: np.random.Generator) -> Int[Array, " states"]:
        """Cells of each state in one culture at time t: Kendall's law, drawn at once instead of cell by cell.

        A founder's line is extinct with probability d (E - 1) / (b E - d), E = exp((b - d) t); a line that lives has
        a geometric number of cells with ratio b (E - 1) / (b E - d).
        """
        founders = np.full(self.settings.states, self.settings.founders // self.settings.states)
        founders[: self.settings.founders % self.settings.states] += 1
        rate = self.birth - self.death
        grown = np.where(rate == 0, t, np.expm1(rate * t) / np.where(rate == 0, 1, rate))  # (E - 1) / (b - d)
        below = 1 + self.birth * grown  # (b E - d) / (b - d)
        alive = rng.binomial(founders, 1 - self.death * grown / below)
        more = rng.negative_binomial(np.maximum(alive, 1), 1 / below)
        return np.where(alive > 0, alive + more, 0)

    def centres(self, t: float) -> Float[Array, "states dim"]:
        """Where each state sits at time t."""
        return self._centres + t * self._travel

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """All travel alike; within a state cells are pulled to its centre (1 / day)."""
        moved = x - t * self._travel
        return self._travel + self._pull * (self._shares(moved) @ self._centres - moved)

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (1 / sqrt(day))."""
        return np.full(len(self.axes), self.settings.noise)

    def growth(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """Birth minus death of the state a cell is in (1 / day)."""
        return self._shares(x - t * self._travel) @ (self.birth - self.death)

    def mass(self, t: float) -> float:
        """Exact: the mean over the founders of exp(growth t)."""
        return float(np.exp((self.birth - self.death) * t).mean())

    def score(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Of the mixture of all cells alive at time t, exact."""
        moved = x - t * self._travel
        return (
            self._shares(moved, (self.birth - self.death) * t) @ self._centres - moved
        ) / self.settings.within_state_sd**2

    def velocity(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Where cells are, the travel alone: what the pull does within a state the noise undoes (1 / day)."""
        return self.drift(t, x) - self.settings.noise**2 / 2 * self.score(t, x)

    def fate_of(self, x: Float[Array, "cells dim"]) -> Array:
        """The state nearest at the last time, [cells]."""
        nearest = self._shares(x - self.settings.last_time * self._travel).argmax(axis=1)
        return np.array(self.fates)[nearest]

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """Share of each state at the last time: exact where nothing is held, else from so many cells.

        Raises KeyError that lists the axes for an unknown one.
        """
        use = self.settings
        if not clamp:
            weight = np.exp((self.birth - self.death) * use.last_time)
            return {name: float(each) for name, each in zip(self.fates, weight / weight.sum(), strict=True)}
        rng = np.random.default_rng((use.seed, seed, 1))
        x = self.start_cells(cells, rng)
        return sde.fate_shares(self, x, 0.0, use.last_time, rng, step=_SHARE / self._pull, clamp=clamp)

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Founders of day 0, in even shares of the states."""
        state = rng.integers(self.settings.states, size=cells)
        return self._centres[state] + self.settings.within_state_sd * rng.standard_normal((cells, len(self.axes)))

    @property
    def _travel(self) -> Float[Array, " dim"]:
        return self.settings.drift_velocity * np.eye(len(self.axes))[1]

    @property
    def _centres(self) -> Float[Array, "states dim"]:
        return np.pad(_CENTRES[: self.settings.states], ((0, 0), (0, self.settings.noise_dims)))

    def _shares(self, moved: Float[Array, "cells dim"], log_weight: Array | float = 0.0) -> Array:
        """How much each state holds of a place, [cells, states]; sums to one."""
        away = ((moved[:, None] - self._centres) ** 2).sum(axis=-1)
        exponent = log_weight - away / (2 * self.settings.within_state_sd**2)
        return np.exp(exponent - np.logaddexp.reduce(exponent, axis=1, keepdims=True))
