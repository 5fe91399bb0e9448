"""Sugars and casein that are heated together (Maillard reaction), in several environments: which terms are the cause?

Eleven reactions of mass action between eleven species (Brands & van Boekel 2002, J. Agric. Food Chem. 50:6725, model
BIOMD0000000052), with the interventions of the bench of CausalKinetiX (Pfister, Bauer & Peters 2019, PNAS 116:25405):
the first environment is as measured; each other one begins with random sugars and lysine, and some reactions that do
not concern the target are blocked. Each environment is measured several times, with Gaussian noise relative to the
range of each species there.
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
SPECIES = (
    "Glucose",
    "Fructose",
    "Formic acid",
    "Triose",
    "Acetic acid",
    "Cn",
    "Amadori",
    "AMP",
    "C5",
    "Lysine",
    "Melanoidin",
)
REACTIONS = (
    (("Glucose",), ("Fructose",), 0.01),
    (("Fructose",), ("Glucose",), 0.00509),
    (("Glucose",), ("Formic acid", "C5"), 0.00047),
    (("Fructose",), ("Formic acid", "C5"), 0.0011),
    (("Fructose",), ("Triose", "Triose"), 0.00712),
    (("Triose",), ("Cn", "Acetic acid"), 0.00439),
    (("Glucose", "Lysine"), ("Amadori",), 0.00018),
    (("Amadori",), ("Acetic acid", "Lysine"), 0.11134),
    (("Amadori",), ("AMP",), 0.14359),
    (("Fructose", "Lysine"), ("AMP",), 0.00015),
    (("AMP",), ("Melanoidin",), 0.12514),
)
"""What reacts, what is made, and the rate (1 / minute, or L / mmol / minute)."""
ENVIRONMENT = "environment"
_MEASURED = {"Glucose": 160.0, "Lysine": 15.0}  # mmol / L
_MOST = {"Glucose": 800.0, "Fructose": 800.0, "Lysine": 75.0}
_BLOCKED, _LAST, _STEP = 3, 100.0, 0.05


@dataclass(frozen=True)
class Settings(Config):
    """What is heated, and how it is watched."""

    target: int = setting(
        1, "Species by number, 1 to 11: reactions that make or use it are never blocked", 1, 11, label="Target"
    )
    environments: int = setting(5, "Number of environments", 1, 60)
    repetitions: int = setting(3, "How often each environment is measured", 1, 1000)
    noise: float = setting(
        0.01, "Measurement noise over the range of each species in its environment", 0.0, 5.0, label="Measurement noise"
    )
    n_times: int = setting(15, "Number of time points, closer at first", 3, 500)
    seed: int = setting(0, "Random seed", 0)


class Maillard(Simulator, HasDrift, HasNetwork):
    title = "Reactions in several environments (Maillard)"
    summary = (
        "Heated sugars and lysine react; each environment begins differently and lacks some reactions. What makes or "
        "uses a species is known: the bench of methods that look for what stays the same everywhere."
    )
    paper = "Brands & van Boekel 2002, J. Agric. Food Chem. 50:6725; Pfister, Bauer & Peters 2019, PNAS 116:25405"
    time_unit = "minute"
    axes = SPECIES
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """Every repetition at each time, sorted by time, with noise (mmol / L); the label says the environment."""
        use, rng = self.settings, np.random.default_rng(self.settings.seed)
        start, rates = zip(*(self._environment(k, rng) for k in range(use.environments)), strict=True)
        times = _LAST * np.linspace(0, 1, use.n_times) ** 2
        states = _courses(np.stack(start), np.stack(rates), times)  # [times, environments, species]
        measured = np.repeat(states, use.repetitions, axis=1)
        scale = np.repeat(np.ptp(states, axis=0), use.repetitions, axis=0)
        measured = measured + use.noise * scale * rng.standard_normal(measured.shape)
        which = np.repeat(np.arange(use.environments), use.repetitions)
        return Snapshots(
            measured.reshape(-1, len(SPECIES)).astype(np.float32),
            np.repeat(times, len(which)),
            AffineSpace.of_genes(SPECIES),
            self.time_unit,
            subject=np.tile(np.arange(len(which)), use.n_times),
            labels={ENVIRONMENT: np.tile(np.array([f"{k + 1}" for k in which]), use.n_times)},
        )

    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """The equations with all reactions (mmol / L / minute)."""
        return _flow(x, np.tile(_RATES, (len(x), 1)))

    def noise(self, t: float) -> Float[Array, " dim"]:
        """0: noise is in the measurements alone."""
        return np.zeros(len(SPECIES))

    def network(self) -> Int[Array, "dim dim"]:
        """Substrates of reactions that make (1) or use (-1) a species; where there are both, that of the faster one."""
        net = np.zeros((len(SPECIES), len(SPECIES)))
        for change, (used, _, rate) in zip(_STOICHIOMETRY.T, REACTIONS, strict=True):
            for name in used:
                net[:, SPECIES.index(name)] += change * rate
        return np.sign(net).astype(np.int64)

    def true_terms(self, species: str) -> frozenset[tuple[str, ...]]:
        """The products of species in its equation."""
        row = _STOICHIOMETRY[SPECIES.index(species)]
        return frozenset(used for change, (used, _, _) in zip(row, REACTIONS, strict=True) if change)

    def _environment(self, k: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """(first state, rates)."""
        others = np.flatnonzero(_STOICHIOMETRY[self.settings.target - 1] == 0)
        levels = {name: rng.uniform(0, most) for name, most in _MOST.items()}
        blocked = others[rng.random(len(others)) < _BLOCKED / len(others)]
        rates = _RATES.copy()
        if k:
            rates[blocked] = 0.0
        start = levels if k else _MEASURED
        return np.array([start.get(name, 0.0) for name in SPECIES]), rates


_RATES = np.array([rate for *_, rate in REACTIONS])
_STOICHIOMETRY = np.array(
    [[made.count(name) - used.count(name) for used, made, _ in REACTIONS] for name in SPECIES], dtype=float
)


def _flow(x: Float[Array, "cells dim"], rates: Float[Array, "cells reactions"]) -> Float[Array, "cells dim"]:
    speed = [x[:, [SPECIES.index(name) for name in used]].prod(axis=1) for used, *_ in REACTIONS]
    return (rates * np.stack(speed, axis=1)) @ _STOICHIOMETRY.T


def _courses(x: Array, rates: Array, times: Array) -> Float[Array, "times cells dim"]:
    """By Runge-Kutta's fourth order in steps of at most _STEP."""
    found = [x]
    for gap in np.diff(times):
        steps = int(np.ceil(gap / _STEP))
        h = gap / steps
        for _ in range(steps):
            a = _flow(x, rates)
            b = _flow(x + h / 2 * a, rates)
            c = _flow(x + h / 2 * b, rates)
            x = x + h / 6 * (a + 2 * b + 2 * c + _flow(x + h * c, rates))
        found.append(x)
    return np.stack(found)
