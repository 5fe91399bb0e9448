"""Lorenz-96: variables on a ring that move each other without ever coming to rest, followed at equal intervals.

    dx_i/dt = (x_(i+1) - x_(i-2)) x_(i-1) - x_i + F

Lorenz, "Predictability: a problem partly solved", ECMWF Seminar 1996. From F of about 8 on the motion is chaotic. It is
the usual bench of methods that read a network off a time series (Tank et al. 2021, arXiv:1802.05842; Bellot, Branson &
van der Schaar 2022, arXiv:2105.02522): the same individuals at every time, measured with Gaussian noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasDrift, HasNetwork, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
_STEP = 0.005  # longest step of the integration
_SETTLE = 20.0  # time after which a course has forgotten how it began


@dataclass(frozen=True)
class Settings(Config):
    """How strongly the ring is driven, and how it is watched."""

    variables: int = setting(10, "Number of variables on the ring", 4, 200)
    forcing: float = setting(10.0, "Forcing F: chaotic from about 8 on", 0.0, 40.0, label="Forcing F")
    noise: float = setting(0.1, "Standard deviation of the measurement noise", 0.0, 5.0, label="Measurement noise")
    cells_per_time: int = setting(1, "Number of individuals that are followed", 1, 10_000, label="Individuals")
    n_times: int = setting(1000, "Number of time points, equally spaced", 2, 20_000)
    interval: float = setting(0.1, "Time between two time points", 0.001, 5.0, "time unit", label="Interval")
    seed: int = setting(0, "Random seed", 0)


class Lorenz96(Simulator, HasDrift, HasNetwork):
    title = "Variables that drive each other on a ring (Lorenz-96)"
    summary = (
        "Each variable is moved by three others and never comes to rest. The same individuals are followed, and who "
        "acts on whom is known: the usual bench of methods that read a network off time series."
    )
    paper = "Lorenz 1996, ECMWF Seminar on Predictability"
    time_unit = "time unit"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Config | None = None) -> None:
        super().__init__(settings)
        self.axes = tuple(f"X{k + 1}" for k in range(self.settings.variables))

    def simulate(self) -> Snapshots:
        """The individuals at each time, sorted by time, with noise; the subject says who is who."""
        use, rng = self.settings, np.random.default_rng(self.settings.seed)
        x = use.forcing + rng.standard_normal((use.cells_per_time, use.variables))
        x = self._moved(x, _SETTLE)
        states = np.empty((use.n_times, *x.shape))
        for k in range(use.n_times):
            states[k] = x
            x = self._moved(x, use.interval)
        states = states.reshape(-1, use.variables)
        states = states + use.noise * rng.standard_normal(states.shape)
        return Snapshots(
            states.astype(np.float32),
            np.repeat(np.arange(use.n_times) * use.interval, use.cells_per_time),
            AffineSpace.of_genes(self.axes),
            self.time_unit,
            subject=np.tile(np.arange(use.cells_per_time), use.n_times),
        )

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """The equation above (level / time), the same at all times."""
        after, before, second = (np.roll(x, k, axis=1) for k in (-1, 1, 2))
        return (after - second) * before - x + self.settings.forcing

    def noise(self, t: float) -> Float[Array, " dim"]:
        """0: noise is in the measurements alone."""
        return np.zeros(self.settings.variables)

    def network(self) -> Int[Array, "dim dim"]:
        """Three others act on each. The next activates and the second before represses, while the one before is above
        0, as it is on average; what the one before does has no constant sign, and is given as 1."""
        found = np.zeros((self.settings.variables, self.settings.variables), dtype=np.int64)
        i = np.arange(self.settings.variables)
        for offset, sign in ((1, 1), (-1, 1), (-2, -1)):
            found[i, (i + offset) % self.settings.variables] = sign
        return found

    def _moved(self, x: Float[Array, "cells dim"], duration: float) -> Float[Array, "cells dim"]:
        """The states after a time, by Runge-Kutta's fourth order."""
        steps = int(np.ceil(duration / _STEP - 1e-9))
        h = duration / steps
        for _ in range(steps):
            a = self.drift(0.0, x)
            b = self.drift(0.0, x + h / 2 * a)
            c = self.drift(0.0, x + h / 2 * b)
            x = x + h / 6 * (a + 2 * b + 2 * c + self.drift(0.0, x + h * c))
        return x
