"""Three short equations whose terms are known, followed individual by individual: can they be read off the courses?

    gompertz   dx/dt = -r x log(x / K)
    selkov     dx/dt = -x + a y + x^2 y,    dy/dt = b - a y - x^2 y
    lorenz     dx/dt = s (y - x),  dy/dt = x (R - z) - y,  dz/dt = x y - B z

The benches of D-CODE (Qian, Kacprzyk & van der Schaar, ICLR 2022): growth of a tumour (Gompertz 1825), glycolysis that
oscillates (Sel'kov 1968, Eur. J. Biochem. 4:79) and convection (Lorenz 1963, J. Atmos. Sci. 20:130). Each individual
begins at a random state; what is measured has Gaussian noise, in units of the standard deviation of each variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.contract import HasDrift, HasNetwork, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
Coefficients = Mapping[str, float]
"""Of each term that an equation has: "1", "x", "x y", "x^2 y", "x log x"."""
_STEPS = 20  # of Runge-Kutta's fourth order between two measurements
_RATE, _CAPACITY = 1.5, 2.0
_GLYCOLYSIS = (0.1, 0.6)
_CONVECTION = (10.0, 28.0, 8 / 3)
_STARTS = {
    "gompertz": ((0.02, 1.0),),
    "selkov": ((0.2, 1.4), (0.2, 1.4)),
    "lorenz": ((-12.0, 12.0), (-12.0, 12.0), (12.0, 32.0)),
}
"""Range of the first state of each variable."""
_LAST = {"gompertz": 4.0, "selkov": 10.0, "lorenz": 3.0}


@dataclass(frozen=True)
class Settings(Config):
    """Which equation, and how it is watched."""

    equation: Literal["gompertz", "selkov", "lorenz"] = setting(
        "selkov",
        "growth that slows down, an oscillation of two substances, or chaos of three",
        choice_labels={"gompertz": "Gompertz", "selkov": "Selkov", "lorenz": "Lorenz"},
    )
    noise: float = setting(
        0.05, "Measurement noise over the standard deviation of each variable", 0.0, 5.0, label="Measurement noise"
    )
    cells_per_time: int = setting(50, "Number of individuals that are followed", 1, 10_000, label="Individuals")
    n_times: int = setting(100, "Number of time points, equally spaced", 2, 5000)
    seed: int = setting(0, "Random seed", 0)


class FollowedEquations(Simulator, HasDrift, HasNetwork):
    title = "Short equations to be found (Gompertz, Selkov, Lorenz)"
    summary = (
        "Individuals follow an equation of a few terms from different beginnings: the bench of methods that read an "
        "equation in closed form off the courses."
    )
    paper = "Gompertz 1825; Sel'kov 1968, Eur. J. Biochem. 4:79; Lorenz 1963, J. Atmos. Sci. 20:130"
    time_unit = "time unit"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Config | None = None) -> None:
        super().__init__(settings)
        self.axes = ("x", "y", "z")[: len(_STARTS[self.settings.equation])]

    def simulate(self) -> Snapshots:
        """The individuals at each time, sorted by time, with noise; the subject says who is who."""
        use, rng = self.settings, np.random.default_rng(self.settings.seed)
        low, high = np.array(_STARTS[use.equation]).T
        x = rng.uniform(low, high, (use.cells_per_time, len(low)))
        times = np.linspace(0, _LAST[use.equation], use.n_times)
        states = np.empty((use.n_times, *x.shape))
        for k in range(use.n_times):
            states[k] = x
            x = self._moved(x, times[1])
        states = states.reshape(-1, len(low))
        measured = states + use.noise * states.std(axis=0) * rng.standard_normal(states.shape)
        return Snapshots(
            measured.astype(np.float32),
            np.repeat(times, use.cells_per_time),
            AffineSpace.of_genes(self.axes),
            self.time_unit,
            subject=np.tile(np.arange(use.cells_per_time), use.n_times),
        )

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """The equation above (level / time), the same at all times; of Gompertz's a negative level counts as 0."""
        terms = _terms(x)
        return np.stack([sum(c * terms[name] for name, c in each.items()) for each in self.equations()], axis=1)

    def equations(self) -> tuple[Coefficients, ...]:
        """The right-hand side of each variable."""
        if self.settings.equation == "gompertz":
            return ({"x log x": -_RATE, "x": _RATE * float(np.log(_CAPACITY))},)
        if self.settings.equation == "selkov":
            a, b = _GLYCOLYSIS
            return {"x": -1.0, "y": a, "x^2 y": 1.0}, {"1": b, "y": -a, "x^2 y": -1.0}
        s, r, b = _CONVECTION
        return {"x": -s, "y": s}, {"x": r, "y": -1.0, "x z": -1.0}, {"x y": 1.0, "z": -b}

    def noise(self, t: float) -> Float[Array, " dim"]:
        """0: noise is in the measurements alone."""
        return np.zeros(len(self.axes))

    def network(self) -> Int[Array, "dim dim"]:
        """Who is in the equation of whom, with the sign at positive levels; what a variable does to itself as well."""
        ones = np.full((1, len(self.axes)), 1.0)
        step = 1e-6 * np.eye(len(self.axes))
        slopes = [(self.drift(0.0, ones + e) - self.drift(0.0, ones - e))[0] / 2e-6 for e in step]
        return np.sign(np.round(np.stack(slopes, axis=1), 6)).astype(np.int64)

    def _moved(self, x: Float[Array, "cells dim"], duration: float) -> Float[Array, "cells dim"]:
        h = duration / _STEPS
        for _ in range(_STEPS):
            a = self.drift(0.0, x)
            b = self.drift(0.0, x + h / 2 * a)
            c = self.drift(0.0, x + h / 2 * b)
            x = x + h / 6 * (a + 2 * b + 2 * c + self.drift(0.0, x + h * c))
        return x


def _terms(states: Float[Array, "cells dim"]) -> Mapping[str, Float[Array, " cells"]]:
    x = states[:, 0]
    y = states[:, 1] if states.shape[1] > 1 else np.zeros_like(x)
    z = states[:, 2] if states.shape[1] > 2 else np.zeros_like(x)
    grown = np.maximum(x, 1e-12) * np.log(np.maximum(x, 1e-12))
    products = {"x y": x * y, "x z": x * z, "x^2 y": x**2 * y}
    return {"1": np.ones_like(x), "x": x, "y": y, "z": z, "x log x": grown, **products}
