"""What a model can be asked for: interfaces of one method, of which a model inherits those that it has.

Shapes: t [batch] (time), x [batch, dim] (state), in the data's own units; one row of the context for each row of x.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.context import Context
from cellflow_core.models.equations import Equations
from cellflow_core.models.kinetic_rates import KineticRates
from cellflow_core.models.transport_plan import TransportPlan


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
    """Interaction between cells, which velocity and drift leave out (state / time).

    The mean over a population, by weight, of a learnt pairwise force. `simulate` adds it to the velocity or the drift,
    with the cells that move together as the population.
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
        """cloud: the population at the same time, x among it or not; weight: share of the mass of each of its cells."""


class HasPotential(ABC):
    """U with velocity = -grad U, or drift = -grad U where there is no velocity: downhill (state^2 / time)."""

    @abstractmethod
    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]: ...


class HasCoupling(ABC):
    """Which observed cells of time k become which of time k + 1."""

    @abstractmethod
    def coupling(self, k: int) -> TransportPlan: ...


class HasSampler(ABC):
    """A sampler of later cells, for models that have no field: `simulate` asks it for all times at once.

    tracks_cells  whether row i is the same cell at all times; False: a population that is drawn anew at each time
    """

    tracks_cells: ClassVar[bool] = True

    @abstractmethod
    def sample(
        self, x0: Float[Tensor, "cells dim"], times: tuple[float, ...], rng: torch.Generator, context: Context
    ) -> Float[Tensor, "outputs cells dim"]:
        """Cells x0, given at times[0], at all times (ascending); the first output is x0."""


class HasTransitions(ABC):
    """Which observed cell is likely to be which observed cell a short time later: a Markov chain over the cells."""

    @abstractmethod
    def transitions(self) -> Float[Tensor, "cells cells"]:
        """Sparse COO, coalesced, rows in the order of the training data, cells of earlier times first: entry [i, j] is
        the probability to go from cell i to cell j (no unit). Entries are not negative and every row sums to one."""

    def terminal_cells(self) -> Int[Tensor, " cells"] | None:
        """The terminal state 0, 1, ... of each cell that the model takes for an end, -1 for all others, in the order of
        the training data; None where it knows of none."""
        return None

    def cell_potential(self) -> Float[Tensor, " cells"] | None:
        """What the transitions go down, at each cell in the order of the training data; None where they follow no
        potential."""
        return None


class HasLatentTime(ABC):
    """The order of cells along the process.

    latent_time_unit  "none": an order without a scale; "time": in the data's own unit of time
    """

    latent_time_unit: ClassVar[Literal["none", "time"]] = "none"

    @abstractmethod
    def latent_time(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"]:
        """Later cells have larger values; in the unit of `latent_time_unit`."""

    def other_direction(self, x: Float[Tensor, "batch dim"], context: Context) -> Float[Tensor, " batch"] | None:
        """The order from the other end, which is as good where no root can be found from the data; None elsewhere."""
        return None


@dataclass(frozen=True)
class Lineages:
    """Paths through the state from one beginning to each end.

    curves  points of each lineage, [points, dim], from the beginning on
    weight  of each state on each lineage, 0 to 1 and at least one above 0; a state before a branching is on several
    """

    curves: tuple[Float[Tensor, "_ dim"], ...]
    weight: Float[Tensor, "batch lineages"]


class HasLineages(ABC):
    """The tree of the process: where cells are on paths that begin together and part."""

    @abstractmethod
    def lineages(self, x: Float[Tensor, "batch dim"], context: Context) -> Lineages: ...


class HasNetwork(ABC):
    """Which gene acts on which."""

    @abstractmethod
    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        """Signed influence of the gene in the column (source) on the gene in the row (target), genes in the order of
        `spec.genes`: above 0 activation, below 0 repression, 0 none; comparable within one matrix (no unit).

        group  value of the annotation that the model was trained by, where it was by one; "": of all cells
        Raises KeyError that lists the groups for another one.
        """


class HasKinetics(ABC):
    """The rates of the equation behind the motion, for the phase portrait of a gene."""

    @abstractmethod
    def kinetics(self) -> KineticRates: ...

    def course(self, gene: int) -> Float[Tensor, "points 2"] | None:
        """(unspliced, spliced) RNA along the fitted course of a gene of `spec.genes`, from where it is switched on;
        None for a gene that was not fitted, and for a model that knows of no one course of all cells."""
        return None


class HasEquations(ABC):
    """Equations of the genes that can be written down."""

    @abstractmethod
    def equations(self) -> Equations: ...


class HasVelocityUncertainty(ABC):
    """How sure the velocity is: draws from its posterior, or of an ensemble."""

    @abstractmethod
    def velocity_samples(
        self,
        t: Float[Tensor, " batch"],
        x: Float[Tensor, "batch dim"],
        context: Context,
        draws: int,
        rng: torch.Generator,
    ) -> Float[Tensor, "draws batch dim"]:
        """Velocities (state / time); the same generator gives the same draws."""


class HasPermutationScores(ABC):
    """How much the fit of each gene depends on which unspliced and spliced RNA are of one cell."""

    @abstractmethod
    def permutation_scores(
        self, x: Float[Tensor, "cells dim"], groups: Int[Tensor, " cells"], rng: torch.Generator
    ) -> Float[Tensor, "groups genes"]:
        """How much worse RNA is fitted that was shuffled within groups of cells, as t statistic (no unit): near 0, the
        fit of the gene is the same whatever order its cells are in. Genes in the order of `spec.genes`.

        groups  number of the group of each cell; rows of the answer are in this order
        NaN for a group of fewer than 3 cells. The same generator gives the same scores.
        """


class HasCourses(ABC):
    """What becomes of individuals under their doses."""

    @abstractmethod
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        """Draws of the variables of each individual (in the data's own units) at ascending times.

        subjects  what is known of them: what was observed so far, covariates, and the doses, given or planned. Another
                  dose is asked for by a batch with other doses; nothing observed asks for the population.
        A draw is one that fits the observations of its individual; it has no residual error.
        """

    @abstractmethod
    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        """What would be measured along `courses`: one draw of the residual error added to each value."""


class HasIndividualParameters(ABC):
    """Parameters of each individual, with a meaning of their own, behind what was measured of it."""

    @property
    @abstractmethod
    def parameter_names(self) -> tuple[str, ...]:
        """Of each parameter; one that is the name of a covariate is that covariate."""

    @abstractmethod
    def individual_parameters(
        self, subjects: TrajectoryBatch, draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects parameters"]:
        """Draws of the parameters (own units) that fit what was observed; of the population where nothing was.

        Covariates that are parameters are not used.
        """

    def sensitivity(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"]
    ) -> Float[Tensor, "subjects times variables parameters"] | None:
        """Change of each variable (own units) with one standard deviation of a parameter; None where it is not told."""
        return None


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
    "transitions": HasTransitions,
    "latent_time": HasLatentTime,
    "lineages": HasLineages,
    "network": HasNetwork,
    "kinetics": HasKinetics,
    "equations": HasEquations,
    "velocity_uncertainty": HasVelocityUncertainty,
    "permutation_scores": HasPermutationScores,
    "courses": HasCourses,
    "individual_parameters": HasIndividualParameters,
}
"""Every capability by name. The method of "velocity_uncertainty" is `velocity_samples`, any other has its own name."""
