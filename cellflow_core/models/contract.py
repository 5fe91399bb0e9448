"""What a model of cell dynamics is: settings, phases of training, and the capabilities it has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import MOVES_CELLS, Config, unavailable_capabilities
from cellflow_core.data.requirements import DataRequirement, unmet
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.models.capabilities import (
    CAPABILITIES,
    HasCoupling,
    HasCourses,
    HasDrift,
    HasEquations,
    HasGrowth,
    HasIndividualParameters,
    HasInteraction,
    HasKinetics,
    HasLatentTime,
    HasLineages,
    HasNetwork,
    HasNoise,
    HasPermutationScores,
    HasPotential,
    HasSampler,
    HasScore,
    HasTransitions,
    HasVelocity,
    HasVelocityUncertainty,
    Lineages,
)
from cellflow_core.models.clock import MEASURED
from cellflow_core.models.context import Context
from cellflow_core.models.equations import Equations
from cellflow_core.models.kinetic_rates import KineticRates
from cellflow_core.models.transport_plan import TransportPlan

__all__ = [
    "CAPABILITIES",
    "MOVES_CELLS",
    "Context",
    "DynamicsModel",
    "Equations",
    "HasCoupling",
    "HasCourses",
    "HasDrift",
    "HasEquations",
    "HasGrowth",
    "HasIndividualParameters",
    "HasInteraction",
    "HasKinetics",
    "HasLatentTime",
    "HasLineages",
    "HasNetwork",
    "HasNoise",
    "HasPermutationScores",
    "HasPotential",
    "HasSampler",
    "HasScore",
    "HasTransitions",
    "HasVelocity",
    "HasVelocityUncertainty",
    "KineticRates",
    "Lineages",
    "Loss",
    "Phase",
    "TransportPlan",
    "Update",
    "capabilities",
]


@dataclass(frozen=True)
class Loss:
    """The total to minimise, and the named terms to be shown (detached, not weighted)."""

    total: Float[Tensor, ""]
    terms: Mapping[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class Update:
    """One loss of a batch (`Batch` or `TrajectoryBatch`) and the parameters it moves.

    Two updates in one phase make a min-max game.
    """

    loss: Callable[[Any], Loss]
    parameters: Iterable[nn.Parameter]


@dataclass(frozen=True)
class Phase:
    """One stage of training: what is computed once before it, and what is repeated.

    step_fraction  part of the training steps this phase gets, relative to the other phases
    prepare        called with the training data as tensors (and once with the validation data) and a generator before
                   the first step; what it returns is the `pool` of every batch. A closed form stores its solution in
                   the model. One that takes minutes is a generator: it yields the part that is done, 0 to 1, which is
                   shown while training can be cancelled there, and returns the pool.
    training       settings of the trainer that differ in this phase from those of the run, but for its steps
    """

    name: str
    updates: tuple[Update, ...] = ()
    step_fraction: float = 1.0
    prepare: Callable[[Any, torch.Generator], Any] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)


class DynamicsModel(nn.Module, ABC):
    """A generative model of cell dynamics. Fields speak the data's own unit of state, and time on the model's clock
    (`clock.py`), to which `spec` is converted; `analysis.dynamics` brings them to measured time.

    title             name as the field writes it, for example "OT-CFM"
    summary           one sentence for a person who does not know the method
    paper             authors, year, DOI or arXiv number
    needs             what it requires of the data, whatever its settings
    trains_on         "snapshots": batches of cells of every time; "trajectories": batches of whole individuals;
                      of the class, or set by `__init__` where settings decide it
    counts_intervals  whether time is the position among the measured times; False for a method without networks, and
                      for one whose equation is the same at all times: that is a statement about measured time
    annotation_setting  the setting, if any, that names an annotation of the cells or individuals; "" names none
    default_training  the trainer's settings in which this method differs from the trainer's defaults
    conditional_capabilities  those that only some settings give: name -> (setting, the values of it that give it)
    limitation        a sentence that must stand beside every figure of this model; empty for most
    package           an optional package that it depends on, which the project does not install; empty for most
    members           the models that this one is made of, by name; none for most. Each is complete without the others
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[frozenset[DataRequirement]] = frozenset({DataRequirement.TIMES})
    trains_on: Literal["snapshots", "trajectories"] = "snapshots"
    counts_intervals: ClassVar[bool] = True
    annotation_setting: ClassVar[str] = ""
    default_training: ClassVar[Mapping[str, Any]] = {}
    conditional_capabilities: ClassVar[Mapping[str, tuple[str, tuple[Any, ...]]]] = {}
    limitation: ClassVar[str] = ""
    package: ClassVar[str] = ""
    Config: ClassVar[type[Config]]

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        self.clock = MEASURED
        self.members: Any = nn.ModuleDict()

    @classmethod
    def member_names(cls, config: Any) -> tuple[str, ...]:
        """Names of the models that one with these settings is made of; `registry.create` gives it them as `members`."""
        return ()

    @classmethod
    def on_interval_clock(cls, config: Any) -> bool:
        """Does one with these settings count intervals? As the class does, where settings do not decide it."""
        return cls.counts_intervals

    @classmethod
    def installed(cls) -> bool:
        """Is the optional package there?"""
        return not cls.package or find_spec(cls.package) is not None

    @classmethod
    def check_installed(cls, config: Any = None) -> None:
        """Raises ValueError, with a sentence, where the optional package is not there, or, given settings to train
        with, that which they ask for."""
        package = cls.package if config is None else cls.training_package(config)
        if package and find_spec(package) is None:
            missing = f"{cls.title} needs the package {package}, which is not installed"
            instead = "another model" if cls.package else "other settings"
            raise ValueError(f"{missing}: install it with `make {package}`, or choose {instead}")

    @classmethod
    def training_package(cls, config: Any) -> str:
        """The optional package that training with these settings rests on, "" where it rests on none."""
        return cls.package

    @classmethod
    def required_data(cls, config: Any) -> frozenset[DataRequirement]:
        """What it requires of the data with these settings, an instance of its `Config`."""
        return cls.needs

    @classmethod
    def missing_data(cls, config: Config, has: frozenset[DataRequirement]) -> str:
        """A sentence on the requirements that the data do not meet with these settings, "" where they meet all."""
        missing = unmet(cls.required_data(config), has)
        if not missing:
            return ""
        sentence = f"{cls.title} needs {' and '.join(missing)}, which these data do not have"
        return sentence if unmet(cls.needs, has) else f"with these settings {sentence}: choose others"

    @classmethod
    def missing_annotation(cls, config: Any, data: Snapshots) -> str:
        """A sentence where the settings name an annotation that cells or individuals do not have, "" elsewhere."""
        name = getattr(config, cls.annotation_setting) if cls.annotation_setting else ""
        known = data.static(data.labels) if cls.trains_on == "trajectories" else tuple(data.labels)
        if not name or name in known:
            return ""
        of = "their individuals" if cls.trains_on == "trajectories" else "their cells"
        return f"{cls.title} finds no annotation {name!r} in these data: {of} have {', '.join(known) or 'none'}"

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The stages of training, in order."""

    def notes(self) -> tuple[str, ...]:
        """Sentences for the user on what training has chosen by itself."""
        return ()

    @property
    def device(self) -> torch.device:
        """Where the fields are evaluated."""
        return next((each.device for each in (*self.parameters(), *self.buffers())), torch.device("cpu"))


def capabilities(model: DynamicsModel | type[DynamicsModel]) -> frozenset[str]:
    """Names of the capabilities of a model with its settings; of a class, those that at least some settings give."""
    kind = model if isinstance(model, type) else type(model)
    found = frozenset(name for name, each in CAPABILITIES.items() if issubclass(kind, each))
    return (
        found
        if isinstance(model, type)
        else found - unavailable_capabilities(kind.conditional_capabilities, model.config.as_dict())
    )
