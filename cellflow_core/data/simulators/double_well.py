"""Cells that change state by chance alone: two valleys, and a pass that noise must carry a cell over.

    dx = -U'(x) dt + sigma dW,  U = barrier (x^2 - 1)^2 - tilt x;  every other axis: dy = -rate y dt + sigma dW

The motion is downhill of one potential, so the law at rest is exp(-(U + rate |y|^2 / 2) / D) with D = sigma^2 / 2.
Cells start at rest in the left valley. How often they leave it, with a the bottom of their valley, b that of the other
and m the pass between them:

    Kramers 1940        sqrt(U''(a) |U''(m)|) / (2 pi) exp(-(U(m) - U(a)) / D), for a pass far above D
    exactly             1 / T,  T = 1 / D times the integral over y from a to b of exp(U(y) / D), times that of
                        exp(-U(z) / D) over all z beyond a, up to y (Gardiner 2009, Stochastic Methods, section 5.5)

T is the mean time of a cell from the bottom of its valley to the bottom of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import (
    HasDrift,
    HasFates,
    HasLandscape,
    HasNonGradient,
    HasStates,
    Simulator,
    TrueLandscape,
)
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
Valley = Literal["left", "right"]
_CUT = 30.0  # height above which a state is never seen


@dataclass(frozen=True)
class Settings(Config):
    """What the process is run with."""

    cells_per_time: int = setting(600, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(6, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(10.0, "Last time point", 0.1, 100.0, "day")
    dims: int = setting(2, "Number of dimensions; the two wells lie along the first", 2, 50)
    barrier: float = setting(
        1.0, "Height of the potential barrier without tilt", 0.1, 20.0, "1/day", label="Barrier height"
    )
    tilt: float = setting(
        0.0, "Tilt of the potential towards the right well", -0.1, 0.1, "1/day", label="Potential tilt"
    )
    relaxation_rate: float = setting(4.0, "Relaxation rate of the other axes", 0.01, 20.0, "1/day")
    noise: float = setting(0.85, "Diffusion coefficient sigma, the same on every axis", 0.05, 5.0, "1/sqrt(day)")
    seed: int = setting(0, "Random seed", 0)


class DoubleWell(Simulator, HasDrift, HasLandscape, HasStates, HasFates, HasNonGradient):
    title = "Two valleys (double well)"
    summary = (
        "Cells rest in one of two valleys, and noise now and then carries one over the pass. How often is known, so it "
        "tests whether a method has learnt the height of a pass and not only where cells are."
    )
    paper = "Kramers 1940, Physica 7:284"
    time_unit = "day"
    fates = ("left", "right")
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = tuple(f"x{k + 1}" for k in range(use.dims))
        slope = np.array([4 * use.barrier, 0.0, -4 * use.barrier, -use.tilt])
        self._left, self._pass, self._right = np.sort(np.roots(slope).real)
        self._diffusion = use.noise**2 / 2
        farthest = 1 + np.sqrt(1 + 12 * self._diffusion / use.barrier)  # squared: there U is 12 D above the pass
        self._step = 0.2 / max(4 * use.barrier * (3 * farthest - 1), use.relaxation_rate)

    def simulate(self) -> Snapshots:
        """Independent cells at each time, each with the valley it is in."""
        use = self.settings
        rng = np.random.default_rng(use.seed)
        times = np.linspace(0, use.last_time, use.n_times)
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=self._step)
        space = AffineSpace.coordinates(self.axes)
        labels = {"valley": self.fate_of(found.x)}
        return Snapshots(found.x.astype(np.float32), found.t, space, self.time_unit, labels=labels)

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Cells at rest in the left valley, those right of the pass left out."""
        z = np.linspace(self._left - 3, self._pass, 20_001)
        share = np.cumsum(np.exp(-(self._height(z) - self._height(self._left)) / self._diffusion))
        x = rng.normal(scale=np.sqrt(self._diffusion / self.settings.relaxation_rate), size=(cells, self.settings.dims))
        x[:, 0] = np.interp(rng.random(cells), share / share[-1], z)
        return x

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """-grad of `potential`, the same at all times (state / day)."""
        use = self.settings
        change = -use.relaxation_rate * x
        change[:, 0] = use.tilt - 4 * use.barrier * x[:, 0] * (x[:, 0] ** 2 - 1)
        return change

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (state / sqrt(day))."""
        return np.full(self.settings.dims, self.settings.noise)

    def potential(self, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """U + rate |y|^2 / 2 (state^2 / day)."""
        return self._height(x[:, 0]) + self.settings.relaxation_rate / 2 * np.square(x[:, 1:]).sum(axis=1)

    def kramers_rate(self, valley: Valley = "left") -> float:
        """Kramers' rate of escape from a valley (1 / day): good where the pass is far above D."""
        bottom = self._left if valley == "left" else self._right
        curvature = 4 * self.settings.barrier * (3 * np.array([bottom, self._pass]) ** 2 - 1)
        climb = self._height(self._pass) - self._height(bottom)
        return float(np.sqrt(-curvature[0] * curvature[1]) / (2 * np.pi) * np.exp(-climb / self._diffusion))

    def escape_rate(self, valley: Valley = "left") -> float:
        """1 / T (1 / day), by quadrature."""
        from scipy.integrate import cumulative_trapezoid, trapezoid

        if valley == "left":
            sign, start, end = 1, self._left, self._right
        else:
            sign, start, end = -1, -self._right, -self._left
        before, between = np.linspace(start - 3, start, 20_001), np.linspace(start, end, 20_001)
        bottom, top = self._height(sign * start), self._height(self._pass)
        below = np.exp((bottom - self._height(sign * before)) / self._diffusion)
        inside = np.exp((bottom - self._height(sign * between)) / self._diffusion)
        stay = trapezoid(below, before) + cumulative_trapezoid(inside, between, initial=0)
        over = trapezoid(np.exp((self._height(sign * between) - top) / self._diffusion) * stay, between)
        return float(self._diffusion / over * np.exp((bottom - top) / self._diffusion))

    def steady_states(self) -> dict[str, Float[Array, " dim"]]:
        """The bottom of each valley."""
        bottoms = {name: np.zeros(self.settings.dims) for name in self.fates}
        bottoms["left"][0], bottoms["right"][0] = self._left, self._right
        return bottoms

    def fate_of(self, x: Float[Array, "cells dim"]) -> Array:
        """The valley of each cell, [cells]."""
        return np.where(x[:, 0] < self._pass, *self.fates)

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """Share of the cells in each valley at the last day, with axes held at levels from day 0 on.

        Raises KeyError that lists the axes. The Monte-Carlo error is about sqrt(share (1 - share) / cells).
        """
        use = self.settings
        rng = np.random.default_rng((use.seed, seed, 1))
        x = self.start_cells(cells, rng)
        return sde.fate_shares(self, x, 0.0, use.last_time, rng, step=self._step, clamp=clamp)

    def landscape(self, points: int = 160) -> TrueLandscape:
        """-log of the law at rest over the first two axes."""
        wide = 3.5 * np.sqrt(self._diffusion / self.settings.relaxation_rate)
        x, y = np.linspace(-2, 2, points), wide * np.linspace(-1, 1, points)
        height = (self._height(x)[None] + self.settings.relaxation_rate / 2 * y[:, None] ** 2) / self._diffusion
        height = height - height.min()
        stable = np.array([[self._left, 0.0], [self._right, 0.0]])
        return TrueLandscape(x, y, np.where(height > _CUT, np.nan, height), stable, (self.axes[0], self.axes[1]))

    def non_gradient(self) -> float:
        """0: all motion is downhill."""
        return 0.0

    def _height(self, x: Array) -> Array:
        return self.settings.barrier * (x**2 - 1) ** 2 - self.settings.tilt * x
