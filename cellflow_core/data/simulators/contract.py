"""What every simulator is: a process whose answers are known, and one interface a kind of answer.

A simulator inherits `Simulator` and those of the interfaces below whose answer it knows. Nothing here is learnt or
measured: the numbers are the settings', and what follows from them in closed form or by integration with fine steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.trajectories import DoseEvents, Trajectories

Array = np.ndarray


class Simulator(ABC):
    """A process that makes cells. Its module holds a `Settings(Config)` with a `seed`, named as `Config` here.

    title      what a page calls it
    summary    one or two sentences: what happens, and what it teaches
    paper      where the equations come from
    time_unit  of all times and rates
    axes       names of the coordinates of a state, genes wherever they are genes; of the class, or set by `__init__`
               where settings decide them
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    time_unit: ClassVar[str]
    axes: tuple[str, ...]
    Config: ClassVar[type[Config]]

    def __init__(self, settings: Config | None = None) -> None:
        self.settings = self.Config() if settings is None else settings

    @abstractmethod
    def simulate(self) -> Snapshots:
        """Cells of every time, each cell seen once; the same settings give the same cells."""


class HasDrift(ABC):
    """Knows b and sigma of dx = b(t, x) dt + sigma(t) dW. A process without noise has sigma 0."""

    @abstractmethod
    def drift(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """b(t, x) (state / time)."""

    @abstractmethod
    def noise(self, t: float) -> Float[Array, " dim"]:
        """sigma of each axis (state / sqrt(time))."""


class HasMarginal(ABC):
    """Knows the Gaussian law of the cells at any time."""

    @abstractmethod
    def marginal(self, t: float) -> tuple[Float[Array, " dim"], Float[Array, "dim dim"]]:
        """(mean, covariance) at time t."""


class HasScore(ABC):
    @abstractmethod
    def score(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Gradient of log p(t, x) (1 / state)."""


class HasVelocity(ABC):
    @abstractmethod
    def velocity(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, "cells dim"]:
        """Probability flow v = b - sigma^2 / 2 grad log p: without noise it carries the same clouds (state / time)."""


class HasNonGradient(ABC):
    @abstractmethod
    def non_gradient(self) -> float:
        """Share of the mean squared drift, over the law at rest, that no slope explains: 0 downhill, 1 in circles.

        With b = sigma^2 / 2 grad(log p) + rest it is E|rest|^2 / E|b|^2.
        """


class HasGrowth(ABC):
    @abstractmethod
    def growth(self, t: float, x: Float[Array, "cells dim"]) -> Float[Array, " cells"]:
        """Birth minus death, d log mass / dt (1 / time)."""

    @abstractmethod
    def mass(self, t: float) -> float:
        """Expected mass of the population at time t, in units of that at the first time."""


class HasInteraction(ABC):
    """Knows what cells do to each other: the mean over all other cells of a force along the line between two."""

    @abstractmethod
    def force(self, distance: Float[Array, " n"]) -> Float[Array, " n"]:
        """What a cell feels of another at this distance (state / time): above 0 away from it, below 0 towards it."""

    @abstractmethod
    def interaction(self, x: Float[Array, "cells dim"], cloud: Float[Array, "others dim"]) -> Float[Array, "cells dim"]:
        """What cells at x feel of the cells of a cloud, all of equal weight (state / time); a part of the drift."""


@dataclass(frozen=True)
class TrueLandscape:
    """Height -log p over two axes of the state (x [columns], y [rows]); the lowest point is 0.

    height [rows, columns] is NaN where no cell ever gets. stable [states, 2]: where the drift vanishes and cells stay.
    """

    x: Float[Array, " columns"]
    y: Float[Array, " rows"]
    height: Float[Array, "rows columns"]
    stable: Float[Array, "states 2"]
    axes: tuple[str, str] = ("x", "y")


class HasLandscape(ABC):
    @abstractmethod
    def landscape(self, points: int = 160) -> TrueLandscape:
        """The quasi-potential on a grid of `points` x `points`."""


class HasNetwork(ABC):
    @abstractmethod
    def network(self) -> Int[Array, "genes genes"]:
        """Who acts on whom: 1 activates, -1 represses, 0 does not act; targets in rows, regulators in columns.

        Genes are in the order of `axes`. What a gene does to itself is included; mere decay is not.
        """


class HasFates(ABC):
    """Knows where cells end, also when genes are held at a level."""

    fates: tuple[str, ...]

    @abstractmethod
    def fate_of(self, x: Float[Array, "cells dim"]) -> Array:
        """Name of the fate of each state, [cells]."""

    @abstractmethod
    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """Share of the population's mass in each fate at the last time, with genes held at levels from the first on.

        Raises KeyError that lists the genes for an unknown one. Monte-Carlo error about sqrt(share (1-share) / cells).
        """


class HasCourse(ABC):
    """Knows the path of one typical cell, or of the mean cell, without noise."""

    @abstractmethod
    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times dim"]:
        """The state at these ascending times, with genes held at levels from the first time on.

        Raises KeyError that lists the axes for an unknown gene.
        """


class HasStates(ABC):
    @abstractmethod
    def steady_states(self) -> dict[str, Float[Array, " dim"]]:
        """Every state by name in which the process without noise comes to rest and stays."""


class HasPeriod(ABC):
    @abstractmethod
    def period(self, clamp: Mapping[str, float] | None = None) -> float:
        """Time of one turn of the process without noise (time); 0 where it comes to rest instead."""


class HasLayers(ABC):
    """Knows further measurements of the genes of `axes`, such as "spliced" and "unspliced"."""

    @abstractmethod
    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """As measured, row by row the cells of `simulate`."""

    @abstractmethod
    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Their expectation at these times of a cell's own course."""


class HasResponse(ABC):
    """Knows what a dose does: to a typical subject, and to each one that was simulated had it been given another."""

    dose_unit: ClassVar[str]

    @abstractmethod
    def dose_response(self, times: Float[Array, " times"], dose: float) -> Float[Array, "times dim"]:
        """The state of a typical subject at these times when every dose is `dose`."""

    @abstractmethod
    def counterfactual(self, dose: float) -> Float[Array, "cells dim"]:
        """True states, row by row those of `simulate`, had every subject been given `dose`; measured without error."""


class HasTrajectories(ABC):
    """Follows the same individuals over time."""

    @abstractmethod
    def trajectories(self) -> Trajectories:
        """The measurements of `simulate` individual by individual, with doses as events."""


class HasCounterfactuals(ABC):
    """Knows what becomes of each individual that was simulated under any other doses."""

    @abstractmethod
    def counterfactual_courses(
        self, times: Float[Array, " times"], doses: DoseEvents
    ) -> Float[Array, "subjects times variables"]:
        """True variables of each individual at these ascending times had it been given these doses, measured without
        error; with the doses of `trajectories`, what became of it."""

    def mean_course(self, times: Float[Array, " times"], factor: float) -> Float[Array, "times variables"]:
        """Mean of all individuals at these ascending times, had each of their doses been `factor` times as large."""
        assert isinstance(self, HasTrajectories)
        given = self.trajectories().doses
        doses = replace(given, amount=factor * given.amount)
        return self.counterfactual_courses(np.asarray(times, np.float64), doses).mean(axis=0)


CAPABILITIES: Mapping[str, type] = {
    "drift": HasDrift,
    "marginal": HasMarginal,
    "score": HasScore,
    "velocity": HasVelocity,
    "non-gradient share": HasNonGradient,
    "growth": HasGrowth,
    "interaction": HasInteraction,
    "landscape": HasLandscape,
    "network": HasNetwork,
    "fates": HasFates,
    "course": HasCourse,
    "states": HasStates,
    "period": HasPeriod,
    "layers": HasLayers,
    "response": HasResponse,
    "trajectories": HasTrajectories,
    "counterfactual courses": HasCounterfactuals,
}


def capabilities(kind: type[Simulator]) -> tuple[str, ...]:
    """Names of the answers a simulator knows, as in CAPABILITIES."""
    return tuple(name for name, each in CAPABILITIES.items() if issubclass(kind, each))
