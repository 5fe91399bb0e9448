"""Cells pulled back to one state of rest: the one noisy motion of which everything is known in closed form.

    dx = -A (x - m) dt + sigma dW,  x(0) ~ N(m0, s0^2 I)

A has the rates of return on its diagonal and turns the first two axes. The law stays Gaussian (Gardiner 2009,
Stochastic Methods, section 4.4.6), with E = exp(-A t) and the covariance at rest R of A R + R A^T = sigma^2 I:

    mean(t) = m + E (m0 - m),  covariance(t) = E (s0^2 I - R) E^T + R

With axes h held at levels c, the mean of the others f follows the same law with A_ff around m - A_ff^-1 A_fh (c - m).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import (
    HasCourse,
    HasDrift,
    HasLandscape,
    HasMarginal,
    HasNonGradient,
    HasScore,
    HasVelocity,
    Simulator,
    TrueLandscape,
)
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray


@dataclass(frozen=True)
class Settings(Config):
    """What the process is run with."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(3.0, "Last time point", 0.1, 100.0, "day")
    dims: int = setting(2, "Number of dimensions", 2, 50)
    stationary_mean: float = setting(0.0, "Stationary mean on every axis", -100.0, 100.0)
    relaxation_rate: float = setting(1.0, "Slowest relaxation rate", 0.01, 20.0, "1/day")
    anisotropy: float = setting(1.0, "Ratio of the fastest to the slowest relaxation rate", 1.0, 20.0)
    rotation_rate: float = setting(0.0, "Angular velocity in the plane of the first two axes", -20.0, 20.0, "1/day")
    noise: float = setting(0.7, "Diffusion coefficient sigma, the same on every axis", 0.01, 10.0, "1/sqrt(day)")
    initial_mean: float = setting(2.0, "Initial mean on every axis", -100.0, 100.0)
    initial_sd: float = setting(0.3, "Initial standard deviation on every axis", 0.01, 100.0)
    seed: int = setting(0, "Random seed", 0)


class OrnsteinUhlenbeck(
    Simulator, HasDrift, HasMarginal, HasScore, HasVelocity, HasLandscape, HasNonGradient, HasCourse
):
    title = "One valley (Ornstein-Uhlenbeck)"
    summary = (
        "Cells start uphill, roll into one valley and jitter there. Every field is known in closed form, so it is the "
        "first thing to test a method on; a turn adds a motion that no landscape can show."
    )
    paper = "Uhlenbeck & Ornstein 1930, Phys. Rev. 36:823"
    time_unit = "day"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = tuple(f"x{k + 1}" for k in range(use.dims))
        self._rates = np.diag(use.relaxation_rate * np.geomspace(1.0, use.anisotropy, use.dims))
        self._rates[0, 1], self._rates[1, 0] = use.rotation_rate, -use.rotation_rate
        self._rest = _covariance_at_rest(self._rates, use.noise)

    def simulate(self) -> Snapshots:
        """Independent cells at each time, drawn from their exact law."""
        use = self.settings
        rng = np.random.default_rng(use.seed)
        times = np.linspace(0, use.last_time, use.n_times)
        x = [rng.multivariate_normal(*self.marginal(t), use.cells_per_time, method="cholesky") for t in times]
        space = AffineSpace.coordinates(self.axes)
        return Snapshots(np.concatenate(x).astype(np.float32), np.repeat(times, use.cells_per_time), space, "day")

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """-A (x - m), the same at all times (state / day)."""
        return -(x - self.settings.stationary_mean) @ self._rates.T

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (state / sqrt(day))."""
        return np.full(self.settings.dims, self.settings.noise)

    def marginal(self, t: float) -> tuple[Float[Array, " dim"], Float[Array, "dim dim"]]:
        """(mean, covariance) at time t, exact."""
        from scipy.linalg import expm

        use, decay = self.settings, expm(-self._rates * t)
        mean = use.stationary_mean + decay @ np.full(use.dims, use.initial_mean - use.stationary_mean)
        return mean, decay @ (use.initial_sd**2 * np.eye(use.dims) - self._rest) @ decay.T + self._rest

    def score(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """-covariance(t)^-1 (x - mean(t)) (1 / state)."""
        mean, covariance = self.marginal(t)
        return -np.linalg.solve(covariance, (x - mean).T).T

    def velocity(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Probability flow b - sigma^2 / 2 score (state / day)."""
        return self.drift(t, x) - self.settings.noise**2 / 2 * self.score(t, x)

    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times dim"]:
        """The mean cell at these times, exact; noise does not move it."""
        from scipy.linalg import expm

        use = self.settings
        held, levels = sde.held_columns(self.axes, clamp)
        free = [k for k in range(use.dims) if k not in held]
        found = np.zeros((len(times), use.dims))
        found[:, held] = levels
        own, pull = self._rates[np.ix_(free, free)], self._rates[np.ix_(free, held)]
        rest = use.stationary_mean - np.linalg.solve(own, pull @ (levels - use.stationary_mean))
        found[:, free] = [rest + expm(-own * t) @ (use.initial_mean - rest) for t in times]
        return found

    def landscape(self, points: int = 160) -> TrueLandscape:
        """-log of the Gaussian law at rest over the first two axes, out to 4 standard deviations."""
        use, plane = self.settings, self._rest[:2, :2]
        x, y = (use.stationary_mean + 4 * np.sqrt(plane[k, k]) * np.linspace(-1, 1, points) for k in (0, 1))
        away = np.stack(np.meshgrid(x - use.stationary_mean, y - use.stationary_mean), axis=-1)
        height = np.einsum("...i,ij,...j", away, np.linalg.inv(plane), away) / 2
        return TrueLandscape(
            x, y, height - height.min(), np.full((1, 2), use.stationary_mean), (self.axes[0], self.axes[1])
        )

    def non_gradient(self) -> float:
        """Exact: E|(A - sigma^2 / 2 R^-1) x|^2 / E|A x|^2 over the law at rest N(0, R)."""
        rest = self._rates - self.settings.noise**2 / 2 * np.linalg.inv(self._rest)
        return float(np.trace(rest @ self._rest @ rest.T) / np.trace(self._rates @ self._rest @ self._rates.T))


def _covariance_at_rest(rates: Float[Array, "dim dim"], noise: float) -> Float[Array, "dim dim"]:
    from scipy.linalg import solve_continuous_lyapunov

    return solve_continuous_lyapunov(rates, noise**2 * np.eye(len(rates)))
