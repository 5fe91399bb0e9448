"""Cells that attract each other from afar and push each other away when close: how much of a motion is company?

    dx = (u - k (x - u t) + mean_j F(x - y_j)) dt + sigma dW,    F(r) = (b exp(-|r|^2 / (2 l^2)) - a) r

The mean is over all cells y_j of a large population (a McKean-Vlasov equation; McKean 1966, PNAS 56:1907), F = -grad of
the pair potential a |r|^2 / 2 + b l^2 exp(-|r|^2 / (2 l^2)). Each force has its counterforce, so the mean of all cells
goes as one cell alone would, u t. Without repulsion, b = 0, what cells feel is a pull to that mean, and on every axis

    V(t) = V(0) exp(-2 (a + k) t) + sigma^2 (1 - exp(-2 (a + k) t)) / (2 (a + k)),

the same for attraction a as for confinement k: a population that stays round its mean does not tell who pulls. Only
what differs from one place to another at the same distance from the mean does, such as groups that merge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasCourse, HasDrift, HasInteraction, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

POPULATION = 500
"""Cells that feel each other; the cells that are seen feel them."""
_LONGEST = 0.03  # step (day)
_SHARE = 0.1  # of the shortest relaxation time that one step takes
_BLOCK = 4096


@dataclass(frozen=True)
class Settings(Config):
    """What cells do to each other, and what they would do alone."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(2.0, "Last time point", 0.1, 100.0, "day")
    dims: int = setting(2, "Number of dimensions", 2, 50)
    attraction: float = setting(0.8, "Strength of the pairwise attraction", 0.0, 5.0, "1/day")
    repulsion: float = setting(2.0, "Strength of the pairwise repulsion at short distance", 0.0, 10.0, "1/day")
    repulsion_range: float = setting(0.6, "Length scale of the repulsion", 0.1, 10.0)
    confinement: float = setting(
        0.0, "Strength of the confinement of each cell to the centre", 0.0, 5.0, "1/day", label="Confinement strength"
    )
    drift_velocity: float = setting(0.5, "Drift velocity of the centre along the second axis", -10.0, 10.0, "1/day")
    noise: float = setting(0.2, "Diffusion coefficient sigma, the same on every axis", 0.01, 10.0, "1/sqrt(day)")
    initial_distance: float = setting(3.0, "Initial distance of the two groups along the first axis", 0.0, 20.0)
    initial_sd: float = setting(0.3, "Initial standard deviation within a group", 0.01, 10.0)
    seed: int = setting(0, "Random seed", 0)


class InteractingParticles(Simulator, HasDrift, HasCourse, HasInteraction):
    title = "Cells that feel each other"
    summary = (
        "Two groups of cells draw each other together and keep a distance when close. Most models learn this as a wind "
        "that blows at a place and a time; only one with interaction can say that the cells themselves are the reason."
    )
    paper = "McKean 1966, PNAS 56:1907"
    time_unit = "day"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = tuple(f"x{k + 1}" for k in range(use.dims))
        fastest = use.attraction + use.repulsion + use.confinement
        self._step = min(_LONGEST, _SHARE / fastest) if fastest else _LONGEST

    def simulate(self) -> Snapshots:
        """Independent cells at each time, each of which felt the population and none of the others that are seen."""
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        rng = np.random.default_rng((use.seed, 1))
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=self._step)
        return Snapshots(found.x.astype(np.float32), found.t, AffineSpace.coordinates(self.axes), self.time_unit)

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Cells of day 0, half of them in each group, whose mean is 0."""
        x = self.settings.initial_sd * rng.standard_normal((cells, len(self.axes)))
        x[:, 0] += self.settings.initial_distance * (rng.permutation(cells) % 2 - 0.5)
        return x

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """What a cell would do alone, and what the population of that moment does to it (state / day)."""
        return self.single_particle_drift(t, x) + self.interaction(x, self.population(t))

    def single_particle_drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """u - k (x - u t) (state / day)."""
        return self._travel - self.settings.confinement * (x - t * self._travel)

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (state / sqrt(day))."""
        return np.full(len(self.axes), self.settings.noise)

    def force(self, distance: Float[Array, " n"]) -> Float[Array, " n"]:
        """(b exp(-r^2 / (2 l^2)) - a) r (state / day)."""
        return self._rate(distance**2) * distance

    def interaction(self, x: Float[Array, "cells dim"], cloud: Float[Array, "others dim"]) -> Float[Array, "cells dim"]:
        found = np.empty_like(x)
        for first in range(0, len(x), _BLOCK):
            part = x[first : first + _BLOCK]
            squares = (part**2).sum(1)[:, None] + (cloud**2).sum(1) - 2 * part @ cloud.T
            rate = self._rate(np.maximum(squares, 0.0)) / len(cloud)
            found[first : first + _BLOCK] = rate.sum(1)[:, None] * part - rate @ cloud
        return found

    def population(self, t: float) -> Float[Array, "others dim"]:
        """The population at time t, of one run of it; beyond the last time that of the last."""
        return self._courses[min(round(t / self.settings.last_time * (len(self._courses) - 1)), len(self._courses) - 1)]

    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times dim"]:
        """The mean of all cells, exact: each pair's forces cancel in it, held or not."""
        held, levels = sde.held_columns(self.axes, clamp)
        x = times[:, None] * self._travel
        x[:, held] = levels
        return x

    @property
    def _travel(self) -> Float[Array, " dim"]:
        return self.settings.drift_velocity * np.eye(len(self.axes))[1]

    def _rate(self, squares: Array) -> Array:
        use = self.settings
        return use.repulsion * np.exp(squares / (-2 * use.repulsion_range**2)) - use.attraction

    @cached_property
    def _courses(self) -> Float[Array, "steps others dim"]:
        """The population from day 0 to the last time; its mean is held where that of endless cells would be."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 0))
        steps = int(np.ceil(use.last_time / self._step))
        dt = use.last_time / steps
        x = self.start_cells(POPULATION, rng)
        found = [x - x.mean(0)]
        for k in range(steps):
            x = found[-1]
            kick = use.noise * np.sqrt(dt) * rng.standard_normal(x.shape)
            x = x + (self.single_particle_drift(k * dt, x) + self.interaction(x, x)) * dt + kick
            found.append(x - x.mean(0) + (k + 1) * dt * self._travel)
        return np.stack(found)
