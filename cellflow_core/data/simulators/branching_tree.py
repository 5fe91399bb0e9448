"""Cells that roll down a valley which forks: two to four ends, and a potential written down in full.

    dx = -grad V(x) dt + sigma dW,  V(p, w) = c sqrt((p - L)^2 + 1/16) - sigma^2 / 2 log sum_k a_k N(w; c_k(p), s^2)

p runs along the tree, w across it. The valleys c_k(p) lie together at first and part at the forks. By the
second term the law across the tree, were p held, is the mixture of Gaussians itself, so that widths and shares of the
valleys are the settings'; the landscape at rest is 2 V / sigma^2. Further axes are noise around 0.
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

LABEL = "true fate"
LENGTH = 4.0
"""Of the tree: where the slope along it ends."""
_APEX = 0.25  # over which the slope along the tree turns to rest at its end
_FORKS = ((0.5, 3.2), (0.4, 2.0), (2.0, 3.5))  # begin and end of: the one fork; the first, the second of two
_FAR = 4.0  # standard deviations of a valley beyond which no cell gets
_RETURN = 2.0  # of the axes that are noise, 1 / day


@dataclass(frozen=True)
class Settings(Config):
    """What the tree looks like and what the cells are run with."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(8, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(7.0, "Last time point", 0.5, 100.0, "day")
    n_fates: int = setting(3, "Number of terminal states", 2, 4, label="Number of fates")
    n_branchings: int = setting(
        2,
        "Number of branching events: 1 separates all fates at once, 2 one after the other",
        1,
        2,
        label="Number of branchings",
    )
    bias: float = setting(0.0, "Relative excess of the first fate", -0.8, 4.0)
    speed: float = setting(1.0, "Velocity along the tree", 0.1, 10.0, "1/day", label="Velocity")
    noise: float = setting(0.5, "Diffusion coefficient sigma, the same on every axis", 0.05, 1.0, "1/sqrt(day)")
    branch_sd: float = setting(
        0.2, "Standard deviation of the cells across a branch", 0.1, 0.3, label="Standard deviation across a branch"
    )
    noise_dims: int = setting(0, "Number of additional dimensions of pure noise", 0, 48)
    step: float = setting(0.01, "Largest step of the numerical integration", 0.0005, 0.05, "day")
    seed: int = setting(0, "Random seed", 0)


class BranchingTree(Simulator, HasDrift, HasLandscape, HasNonGradient, HasStates, HasFates):
    title = "Branching tree"
    summary = (
        "Cells roll down a valley that forks into two to four, at once or one after the other. The whole landscape is "
        "known; a model sees only clouds and must not cut corners between the branches."
    )
    paper = "Waddington 1957, The Strategy of the Genes; potential as in the module"
    time_unit = "day"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = ("along", "across", *(f"noise {k + 1}" for k in range(use.noise_dims)))
        self.fates = (*(f"end {k + 1}" for k in range(use.n_fates)), "undecided")
        self._parts = _parts(use.n_fates, use.n_branchings)
        fastest = max(use.noise**2 / (2 * use.branch_sd**2), use.speed / _APEX)
        self._step = min(use.step, 0.1 / fastest)
        share = np.array([1 + use.bias, *[1.0] * (use.n_fates - 1)])
        self._log_share = np.log(share / share.sum())

    def simulate(self) -> Snapshots:
        """Independent cells at each time."""
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        rng = np.random.default_rng(use.seed)
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=self._step)
        labels = {LABEL: self.fate_of(found.x)}
        return Snapshots(found.x.astype(np.float32), found.t, AffineSpace.coordinates(self.axes), "day", labels=labels)

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells dim"]:
        """Cells of day 0, at the foot of the tree."""
        spread = np.full(len(self.axes), self.settings.noise / np.sqrt(2 * _RETURN))
        spread[:2] = 0.1, self.settings.branch_sd
        return spread * rng.standard_normal((cells, len(spread)))

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """-grad V, the same at all times (1 / day)."""
        use = self.settings
        along, across = x[:, 0], x[:, 1]
        centre, bend = self.branches(along)
        weight = self._weights(across, centre)
        pull = use.noise**2 / (2 * use.branch_sd**2) * weight * (across[:, None] - centre)
        change = -_RETURN * x
        change[:, 0] = (pull * bend).sum(axis=1) - use.speed * (along - LENGTH) / np.hypot(along - LENGTH, _APEX)
        change[:, 1] = -pull.sum(axis=1)
        return change

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (1 / sqrt(day))."""
        return np.full(len(self.axes), self.settings.noise)

    def potential(self, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """V (1 / day), low where cells go; axes of noise included."""
        use = self.settings
        centre, _ = self.branches(x[:, 0])
        exponent = self._log_share - ((x[:, 1:2] - centre) / use.branch_sd) ** 2 / 2
        slope = use.speed * np.hypot(x[:, 0] - LENGTH, _APEX)
        rest = _RETURN / 2 * (x[:, 2:] ** 2).sum(axis=1)
        return slope - use.noise**2 / 2 * np.logaddexp.reduce(exponent, axis=1) + rest

    def branches(self, along: Float[Array, " cells"]) -> tuple[Float[Array, "cells ends"], Float[Array, "cells ends"]]:
        """(where each valley lies across the tree, its slope d across / d along) this far along it."""
        centre, bend = np.zeros((2, len(along), self.settings.n_fates))
        for (begin, end), away in self._parts:
            z = np.clip((along[:, None] - begin) / (end - begin), 0, 1)
            centre += away * z**3 * (10 - 15 * z + 6 * z**2)
            bend += away * 30 * z**2 * (1 - z) ** 2 / (end - begin)
        return centre, bend

    def steady_states(self) -> dict[str, Float[Array, " dim"]]:
        """The bottom of each valley at its end."""
        x = np.zeros((self.settings.n_fates, len(self.axes)))
        x[:, 0] = LENGTH
        centre, _ = self.branches(x[:, 0])
        x[:, 1] = centre[0]
        for _ in range(1000):  # the mean shift of a mixture of Gaussians: it rests where the drift does
            x[:, 1] = (self._weights(x[:, 1], centre) * centre).sum(axis=1)
        return dict(zip(self.fates, x, strict=False))

    def landscape(self, points: int = 160) -> TrueLandscape:
        """2 V / sigma^2 along and across the tree: -log of the law at rest, NaN 4 widths and more from every valley."""
        width, stable = self.settings.branch_sd, np.stack(list(self.steady_states().values()))[:, :2]
        x = np.linspace(-0.5, LENGTH + 0.8, points)
        y = np.abs(stable[:, 1]).max() * np.linspace(-1, 1, points) + (_FAR + 1) * width * np.linspace(-1, 1, points)
        plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        height = 2 / self.settings.noise**2 * self.potential(plane)
        away = np.abs(plane[:, 1:] - self.branches(plane[:, 0])[0]).min(axis=1)
        height = np.where(away > _FAR * width, np.nan, height - np.min(height)).reshape(points, points)
        return TrueLandscape(x, y, height, stable, (self.axes[0], self.axes[1]))

    def non_gradient(self) -> float:
        """0: the drift is the slope of V."""
        return 0.0

    def fate_of(self, x: Float[Array, "cells dim"]) -> Array:
        """The valley a cell lies in, once it is past the last fork; "undecided" before."""
        centre, _ = self.branches(np.full(len(x), LENGTH))
        nearest = np.array(self.fates)[np.abs(x[:, 1:2] - centre).argmin(axis=1)]
        past = max(end for (_, end), _ in self._parts)
        return np.where(x[:, 0] > past, nearest, self.fates[-1])

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """Share of cells in each fate at the last time, with axes held at levels from day 0 on.

        Raises KeyError that lists the axes. The Monte-Carlo error is sqrt(share (1 - share) / cells).
        """
        use, rng = self.settings, np.random.default_rng((self.settings.seed, seed, 1))
        x = self.start_cells(cells, rng)
        return sde.fate_shares(self, x, 0.0, use.last_time, rng, step=self._step, clamp=clamp)

    def _weights(self, across: Float[Array, " cells"], centre: Float[Array, "cells ends"]) -> Array:
        """How much each valley holds of a cell, [cells, ends]; sums to one."""
        exponent = self._log_share - ((across[:, None] - centre) / self.settings.branch_sd) ** 2 / 2
        return np.exp(exponent - np.logaddexp.reduce(exponent, axis=1, keepdims=True))


def _parts(ends: int, levels: int) -> tuple[tuple[tuple[float, float], Float[Array, " ends"]], ...]:
    """(begin and end along the tree, how far each valley moves across it) of every fork."""
    if levels == 1 or ends == 2:
        return ((_FORKS[0], np.linspace(-1.5, 1.5, ends)),)
    first = {3: [-1.0, 0.7, 0.7], 4: [-1.2, -1.2, 1.2, 1.2]}[ends]
    second = {3: [0.0, -0.7, 0.7], 4: [-0.6, 0.6, -0.6, 0.6]}[ends]
    return (_FORKS[1], np.array(first)), (_FORKS[2], np.array(second))
