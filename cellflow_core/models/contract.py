"""What a model of cell dynamics is: settings, phases of training, and the capabilities it has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, unavailable_capabilities
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec
from cellflow_core.math import spline

Context = Mapping[str, Tensor]
"""What a field may depend on besides time and state: covariates, dose, log-weights. Empty for most models."""


@dataclass(frozen=True)
class Loss:
    """The number to go down, and the named terms a person watches (detached, not weighted)."""

    total: Float[Tensor, ""]
    terms: Mapping[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class Update:
    """One loss and the parameters it moves. Two updates in one phase make a min-max game."""

    loss: Callable[[Batch], Loss]
    parameters: Iterable[nn.Parameter]


@dataclass(frozen=True)
class Phase:
    """One stage of training: what is computed once before it, and what is repeated.

    share    part of the training steps this phase gets, relative to the other phases
    prepare  called with the training frames (and once with the validation frames) and a generator before the first
             step; what it returns is the `pool` of every batch. A closed form stores what it finds in the model.
    """

    name: str
    updates: tuple[Update, ...] = ()
    step_fraction: float = 1.0
    prepare: Callable[[SnapshotTensors, torch.Generator], Any] | None = None


class DynamicsModel(nn.Module, ABC):
    """A generative model of cell dynamics. Fields speak the data's own units: state, and time as measured.

    title        name as the field writes it, for example "OT-CFM"
    summary      one sentence for a person who does not know the method
    paper        authors, year, DOI or arXiv number
    needs        what of the data it cannot do without, whatever its settings
    recommended  the trainer's settings in which this method differs from the trainer's defaults
    only_with    capabilities that some settings alone give: name -> (setting, the values of it that give it)
    caution      a sentence that must stand beside every picture of this model; empty for most
    package      an optional package that it rests on, which the project does not install; empty for most
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[frozenset[DataRequirement]] = frozenset({DataRequirement.TIMES})
    default_training: ClassVar[Mapping[str, Any]] = {}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {}
    limitation: ClassVar[str] = ""
    package: ClassVar[str] = ""
    Config: ClassVar[type[Config]]

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec

    @classmethod
    def installed(cls) -> bool:
        """Is the optional package there?"""
        return not cls.package or find_spec(cls.package) is not None

    @classmethod
    def check_installed(cls) -> None:
        """Raises ValueError, with a sentence, where the optional package is not there."""
        if cls.package:
            require_package(cls.title, cls.package)

    @classmethod
    def required_data(cls, config: Any) -> frozenset[DataRequirement]:
        """What of the data it cannot do without with these settings, an instance of its `Config`."""
        return cls.needs

    @classmethod
    def missing_data(cls, config: Config, has: frozenset[DataRequirement]) -> str:
        """A sentence on what data that have so much lack for these settings, "" where they lack nothing."""
        lacking = sorted(cls.required_data(config) - has)
        if not lacking:
            return ""
        said = f"{cls.title} needs {' and '.join(lacking)}, which these data do not have"
        return said if cls.needs - has else f"with these settings {said}: choose others"

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The stages of training, in order."""

    def notes(self) -> tuple[str, ...]:
        """Sentences that tell a user what training has chosen by itself."""
        return ()

    @property
    def device(self) -> torch.device:
        """Where the fields are evaluated."""
        return next((each.device for each in (*self.parameters(), *self.buffers())), torch.device("cpu"))


def require_package(title: str, package: str) -> None:
    """Raises ValueError where the optional package that `title` rests on is not installed."""
    if find_spec(package) is None:
        missing = f"{title} needs the package {package}, which is not installed"
        raise ValueError(f"{missing}: install it with `make {package}`, or choose another model")


# A capability is an interface of one method. Shapes: t [batch] (time), x [batch, dim] (state).


class HasVelocity(ABC):
    """v of the continuity equation d p / dt = -div(v p): the mean motion of the population (state / time)."""

    @abstractmethod
    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]: ...


class HasDrift(ABC):
    """b of dx = b dt + sigma dW (state / time), for models that learn the stochastic equation itself."""

    @abstractmethod
    def drift(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]: ...


class HasNoise(ABC):
    """sigma(t) of dx = b dt + sigma dW (state / sqrt(time)), the same in every direction."""

    @abstractmethod
    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]: ...


class HasScore(ABC):
    """grad log p (1 / state). With velocity v and noise sigma the drift is b = v + sigma^2 / 2 score."""

    @abstractmethod
    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]: ...


class HasGrowth(ABC):
    """d log mass / dt (1 / time): division minus death."""

    @abstractmethod
    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]: ...


class HasInteraction(ABC):
    """What other cells do to a cell, which its velocity and its drift leave out (state / time).

    A weighted mean over the cells of a cloud of a learnt pair force. Whoever moves cells adds it to the velocity or the
    drift, with the cells that move together as the cloud.
    """

    @abstractmethod
    def interaction(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        cloud: Float[Tensor, "others dim"],
        weight: Float[Tensor, " others"],
        context: Context,
    ) -> Float[Tensor, "batch dim"]:
        """cloud: the cells around, at the same time, x among them or not; weight: their shares of the mass."""


class HasPotential(ABC):
    """U with velocity = -grad U, or drift = -grad U where there is no velocity: downhill (state^2 / time)."""

    @abstractmethod
    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]: ...


@dataclass(frozen=True)
class TransportPlan:
    """Pairs of observed cells of two consecutive times, each with its mass, and the path between them.

    x0 [pairs, dim] at time t0, x1 [pairs, dim] at time t1, weight [pairs] summing to one.
    target_mass      of each pair at time t1, where cells grow
    tangent_offsets  [pairs, dim] (state per interval): by how much the path departs from the straight line at its two
                     ends, as in math/spline.py; None: it is straight
    converged        whether the solver reached its tolerance
    """

    t0: float
    t1: float
    x0: Float[Tensor, "pairs dim"]
    x1: Float[Tensor, "pairs dim"]
    weight: Float[Tensor, " pairs"]
    target_mass: Float[Tensor, " pairs"] | None = None
    tangent_offsets: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]] | None = None
    converged: bool = True

    def take(self, rows: Tensor) -> TransportPlan:
        """Some of the pairs, by index or by mask, with the weights they have, whatever these sum to."""
        return replace(
            self,
            x0=self.x0[rows],
            x1=self.x1[rows],
            weight=self.weight[rows],
            target_mass=None if self.target_mass is None else self.target_mass[rows],
            tangent_offsets=self.tangent_offsets and (self.tangent_offsets[0][rows], self.tangent_offsets[1][rows]),
        )

    @property
    def growth(self) -> Float[Tensor, " pairs"]:
        """d log mass / dt of each pair (1 / time), however steep; 0 where the plan keeps all mass."""
        if self.target_mass is None:
            return torch.zeros_like(self.weight)
        before, after = (each.double().clamp_min(1e-30) for each in (self.weight, self.target_mass))
        return ((after / before).log() / (self.t1 - self.t0)).to(self.weight)

    def interpolate(self, time: float) -> Float[Tensor, "pairs dim"]:
        """Positions of the pairs at a time from t0 to t1 (state)."""
        s = self.x0.new_tensor([[(time - self.t0) / (self.t1 - self.t0)]])
        straight = torch.lerp(self.x0, self.x1, s)
        return straight if self.tangent_offsets is None else straight + spline.hermite_offset(s, *self.tangent_offsets)

    def velocity_at(self, time: float) -> Float[Tensor, "pairs dim"]:
        """Velocity of the pairs at a time from t0 to t1 (state / time)."""
        s = self.x0.new_tensor([[(time - self.t0) / (self.t1 - self.t0)]])
        path = self.x1 - self.x0
        if self.tangent_offsets is not None:
            path = path + spline.hermite_offset_derivative(s, *self.tangent_offsets)
        return path / (self.t1 - self.t0)


class HasCoupling(ABC):
    """Which observed cells of time k turn into which of time k + 1."""

    @abstractmethod
    def coupling(self, k: int) -> TransportPlan: ...


class HasSampler(ABC):
    """Its own way from cells to later cells, for models that have no field: `simulate` asks it for whole courses.

    follows  whether row i is the same cell at all times; False: a population that is drawn anew at each time
    """

    tracks_cells: ClassVar[bool] = True

    @abstractmethod
    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """Cells x0, which stand at times[0], at all times (ascending); the first output is x0."""


CAPABILITIES: Mapping[str, type] = {
    "velocity": HasVelocity,
    "drift": HasDrift,
    "noise": HasNoise,
    "score": HasScore,
    "growth": HasGrowth,
    "interaction": HasInteraction,
    "potential": HasPotential,
    "coupling": HasCoupling,
    "sampler": HasSampler,
}


def capabilities(model: DynamicsModel | type[DynamicsModel]) -> frozenset[str]:
    """The names of what a model can be asked for with the settings it has; of a class, with some settings or other."""
    kind = model if isinstance(model, type) else type(model)
    found = frozenset(name for name, each in CAPABILITIES.items() if issubclass(kind, each))
    return (
        found
        if isinstance(model, type)
        else found - unavailable_capabilities(kind.conditional_capabilities, model.config.as_dict())
    )
