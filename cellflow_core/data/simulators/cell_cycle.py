"""Cells that go round and round: a rotation that no landscape can show.

    dz = (w J z + k z (1 - |z|^2)) dt + sigma dW,  J z = (-z2, z1)

the normal form of a Hopf bifurcation (Strogatz 2015, Nonlinear Dynamics and Chaos, section 8.2). The law at rest is
that of the radial part alone, p(z) ~ exp(-2 k (|z|^4 / 4 - |z|^2 / 2) / sigma^2), and the rotation runs along its
heights: cells of mixed phases turn for ever, and their snapshots do not change; cells that started together show that
they turn. With a rate of leaving, an exit axis goes from 0 to 1 meanwhile. Further axes are noise around 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import (
    HasDrift,
    HasLandscape,
    HasNonGradient,
    HasPeriod,
    Simulator,
    TrueLandscape,
)
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

PHASE = "true phase"
_RETURN = 0.3  # of the axes that are noise, 1 / hour


@dataclass(frozen=True)
class Settings(Config):
    """What the cycle is run with."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(7, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(18.0, "Last time point", 0.5, 500.0, "hour")
    period: float = setting(24.0, "Period of the cycle", 1.0, 200.0, "hour")
    synchrony: float = setting(
        0.9,
        "Synchrony of the phases at hour 0: 1 all equal, 0 uniform, where no motion is visible in the snapshots",
        0,
        1,
    )
    attraction: float = setting(0.3, "Rate of attraction to the limit cycle", 0.02, 2.0, "1/hour")
    noise: float = setting(0.08, "Diffusion coefficient sigma, the same on every axis", 0.01, 0.5, "1/sqrt(hour)")
    exit_rate: float = setting(
        0.0, "Rate of exit from the cycle along a third axis; 0: none", 0.0, 1.0, "1/hour", label="Exit rate"
    )
    with_velocity: bool = setting(
        False,
        "Keep the drift of each cell as its RNA velocity, with measurement noise",
        label="RNA velocity of the cells",
    )
    velocity_noise: float = setting(
        0.3, "Measurement noise of the RNA velocity, relative to its root mean square", 0.0, 10.0
    )
    noise_dims: int = setting(0, "Number of additional dimensions of pure noise", 0, 48)
    step: float = setting(0.05, "Largest step of the numerical integration", 0.0005, 0.2, "hour")
    seed: int = setting(0, "Random seed", 0)


class CellCycle(Simulator, HasDrift, HasLandscape, HasNonGradient, HasPeriod):
    title = "Cell cycle"
    summary = (
        "Cells turn on a ring and never come to rest, so no landscape explains them: almost all of the motion is "
        "rotation. Where phases are mixed from the start, snapshots cannot even see that anything turns."
    )
    paper = "Strogatz 2015, Nonlinear Dynamics and Chaos, section 8.2"
    time_unit = "hour"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self._exit = use.exit_rate > 0
        noise = (f"noise {k + 1}" for k in range(use.noise_dims))
        self.axes = ("cycle 1", "cycle 2", *(("exit",) if self._exit else ()), *noise)
        self._turn = 2 * np.pi / use.period
        self._step = min(use.step, 0.05 / max(2 * use.attraction, self._turn))

    def simulate(self) -> Snapshots:
        """Independent cells at each time, with the true phase of each in turns from 0 to 1."""
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        rng = np.random.default_rng(use.seed)
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=self._step)
        covariates = {PHASE: self.phase(found.x)}
        space = AffineSpace.coordinates(self.axes)
        velocity = None
        if use.with_velocity:
            drift = self.drift(0.0, found.x)
            velocity = drift + use.velocity_noise * np.sqrt(np.square(drift).mean()) * rng.standard_normal(drift.shape)
        return Snapshots(
            found.x.astype(np.float32), found.t, space, self.time_unit, velocity=velocity, covariates=covariates
        )

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Cells of hour 0: at rest in every direction but the phase, which synchrony narrows."""
        use = self.settings
        grid, density = self._radii()
        radius = rng.choice(grid, cells, p=density) + (grid[1] - grid[0]) * (rng.random(cells) - 0.5)
        phase = 2 * np.pi * (1 - use.synchrony) * (rng.random(cells) - 0.5)
        x = use.noise / np.sqrt(2 * _RETURN) * rng.standard_normal((cells, len(self.axes)))
        x[:, 0], x[:, 1] = radius * np.cos(phase), radius * np.sin(phase)
        if self._exit:
            x[:, 2] = 0
        return x

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """The same at all times (1 / hour)."""
        use, cycle = self.settings, x[:, :2]
        change = -_RETURN * x
        change[:, :2] = use.attraction * cycle * (1 - (cycle**2).sum(axis=1, keepdims=True)) + self.rotation(x)
        if self._exit:
            change[:, 2] = use.exit_rate * (1 - x[:, 2])
        return change

    def rotation(self, x: Float[Array, "cells dim"]) -> Float[Array, "cells 2"]:
        """The part of the drift that is no slope (1 / hour): of cells with mixed phases, the whole probability flow."""
        return self._turn * np.stack([-x[:, 1], x[:, 0]], axis=1)

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (1 / sqrt(hour))."""
        return np.full(len(self.axes), self.settings.noise)

    def phase(self, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """Where on the cycle a cell is, in turns from 0 to 1."""
        return np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi) % 1

    def period(self, clamp: Mapping[str, float] | None = None) -> float:
        """Time of one turn (hour), exact; 0 where an axis of the cycle is held. Raises KeyError for an unknown axis."""
        sde.held_columns(self.axes, clamp)
        return 0.0 if {"cycle 1", "cycle 2"} & set(clamp or {}) else self.settings.period

    def landscape(self, points: int = 160) -> TrueLandscape:
        """-log of the law at rest over the cycle: a ring-shaped valley with no lowest point, so no state is stable."""
        x = self._radius_at(12.0) * np.linspace(-1, 1, points)
        squared = x[:, None] ** 2 + x[None] ** 2
        height = self._height(np.sqrt(squared))
        height = np.where(height > 12, np.nan, height - height.min())
        return TrueLandscape(x, x, height, np.empty((0, 2)), ("cycle 1", "cycle 2"))

    def non_gradient(self) -> float:
        """E|w z|^2 over E|b|^2 in the plane of the cycle, over the law at rest, by integration along the radius."""
        radius, density = self._radii()
        turning = (density * (self._turn * radius) ** 2).sum()
        rolling = (density * (self.settings.attraction * radius * (1 - radius**2)) ** 2).sum()
        return float(turning / (turning + rolling))

    def _height(self, radius: Array) -> Array:
        """-log of the law at rest, 0 on the ring."""
        return self.settings.attraction / 2 * (radius**2 - 1) ** 2 / self.settings.noise**2

    def _radius_at(self, height: float) -> float:
        """The radius outside the ring at which the law at rest is this high."""
        use = self.settings
        return float(np.sqrt(1 + np.sqrt(2 * height * use.noise**2 / use.attraction)))

    def _radii(self) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
        """(radii, share of the law at rest at each)."""
        radius = self._radius_at(30.0) * (np.arange(3000) + 0.5) / 3000
        density = radius * np.exp(-self._height(radius))
        return radius, density / density.sum()
