"""The most likely evolution from one Gaussian cloud of Brownian cells to another: a Schroedinger bridge in closed form.

Among all motions that lead N(m0, S0) to N(m1, S1) it is the one nearest to dx = sigma dW. With s = t / T, v = sigma^2 T
and C = (S0^1/2 (4 S0^1/2 S1 S0^1/2 + v^2 I)^1/2 S0^-1/2 - v I) / 2 the covariance of the first and the last position,

    mean(t) = (1 - s) m0 + s m1
    covariance(t) = (1 - s)^2 S0 + s^2 S1 + s (1 - s) (C + C^T + v I)
    b(t, x) = (m1 - m0 + (s S1 - (1 - s) S0 + (1 - s) C^T - s C - s v I) covariance(t)^-1 (x - mean(t))) / T

Bunne, Hsieh, Cuturi & Krause 2023, arXiv:2202.05722, Theorem 3 with Brownian reference; Mallasto, Gerolin & Minh 2022,
arXiv:2006.03416, for C. At the drift: (E[x(T) | x(t)] - x(t)) / (T - t), in which T - t cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasDrift, HasMarginal, HasScore, HasVelocity, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray


@dataclass(frozen=True)
class Settings(Config):
    """What the bridge stands on."""

    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(1.0, "Last time point", 0.1, 100.0, "day")
    dims: int = setting(2, "Number of dimensions", 2, 50)
    noise: float = setting(
        1.0, "Diffusion coefficient sigma; at 0.05 close to optimal transport", 0.05, 10.0, "1/sqrt(day)"
    )
    initial_mean: float = setting(-2.0, "Mean of the initial distribution on every axis", -100.0, 100.0)
    final_mean: float = setting(2.0, "Mean of the final distribution on every axis", -100.0, 100.0)
    initial_sd: float = setting(1.0, "Standard deviation of the initial distribution", 0.05, 100.0)
    final_sd: float = setting(
        1.0, "Standard deviation of the final distribution", 0.05, 100.0, label="Final standard deviation"
    )
    anisotropy: float = setting(1.0, "Ratio of the largest to the smallest standard deviation", 1.0, 10.0)
    rotation_angle: float = setting(
        0.0, "Rotation of the final against the initial distribution", -180.0, 180.0, "degrees"
    )
    seed: int = setting(0, "Random seed", 0)


class GaussianBridge(Simulator, HasDrift, HasMarginal, HasScore, HasVelocity):
    title = "From cloud to cloud (Schroedinger bridge)"
    summary = (
        "Jittering cells lead one cloud to another along the most likely paths. Mean, spread, drift and score are "
        "known at every moment in between: what bridge methods must find from the two ends."
    )
    paper = "Bunne, Hsieh, Cuturi & Krause 2023, arXiv:2202.05722"
    time_unit = "day"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        use = self.settings
        self.axes = tuple(f"x{k + 1}" for k in range(use.dims))
        self._means = np.full(use.dims, use.initial_mean), np.full(use.dims, use.final_mean)
        first = np.diag([use.anisotropy**2, *[1.0] * (use.dims - 1)])
        turn = _turned(use.dims, np.deg2rad(use.rotation_angle))
        self._ends = use.initial_sd**2 * first, use.final_sd**2 * turn @ first @ turn.T
        self._spread = use.noise**2 * use.last_time
        self._joint = _joint(*self._ends, self._spread)

    def simulate(self) -> Snapshots:
        """Independent cells at each time, drawn from their exact law."""
        use = self.settings
        rng = np.random.default_rng(use.seed)
        times = np.linspace(0, use.last_time, use.n_times)
        x = [rng.multivariate_normal(*self.marginal(t), use.cells_per_time, method="cholesky") for t in times]
        space = AffineSpace.coordinates(self.axes)
        return Snapshots(np.concatenate(x).astype(np.float32), np.repeat(times, use.cells_per_time), space, "day")

    def marginal(self, t: float) -> tuple[Float[Array, " dim"], Float[Array, "dim dim"]]:
        """(mean, covariance) at time t, exact."""
        s, (m0, m1), (c0, c1) = t / self.settings.last_time, self._means, self._ends
        between = self._joint + self._joint.T + self._spread * np.eye(len(m0))
        return (1 - s) * m0 + s * m1, (1 - s) ** 2 * c0 + s**2 * c1 + s * (1 - s) * between

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """b(t, x) of the bridge (state / day)."""
        s, (m0, m1), (c0, c1) = t / self.settings.last_time, self._means, self._ends
        mean, covariance = self.marginal(t)
        pull = s * c1 - (1 - s) * c0 + (1 - s) * self._joint.T - s * self._joint - s * self._spread * np.eye(len(m0))
        return (m1 - m0 + np.linalg.solve(covariance, (x - mean).T).T @ pull.T) / self.settings.last_time

    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma (state / sqrt(day))."""
        return np.full(self.settings.dims, self.settings.noise)

    def score(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """-covariance(t)^-1 (x - mean(t)) (1 / state)."""
        mean, covariance = self.marginal(t)
        return -np.linalg.solve(covariance, (x - mean).T).T

    def velocity(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Probability flow b - sigma^2 / 2 score (state / day)."""
        return self.drift(t, x) - self.settings.noise**2 / 2 * self.score(t, x)


def _joint(first: Float[Array, "dim dim"], last: Float[Array, "dim dim"], spread: float) -> Float[Array, "dim dim"]:
    """Covariance of the first and the last position under the entropic coupling of two Gaussians."""
    root = _root(first)
    middle = _root(4 * root @ last @ root + spread**2 * np.eye(len(first)))
    return (root @ middle @ np.linalg.inv(root) - spread * np.eye(len(first))) / 2


def _root(matrix: Float[Array, "dim dim"]) -> Float[Array, "dim dim"]:
    """The symmetric square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T


def _turned(dims: int, angle: float) -> Float[Array, "dim dim"]:
    """The rotation of the first two axes."""
    turn = np.eye(dims)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn
