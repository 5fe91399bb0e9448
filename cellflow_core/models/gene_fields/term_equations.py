"""Equations in closed form: right-hand sides that are sums of few terms, as a field, a network and in words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    Equations,
    HasEquations,
    HasNetwork,
    HasVelocity,
    Phase,
)
from cellflow_core.models.gene_fields.motion import NEEDS, Motion, MotionSettings
from cellflow_core.models.gene_fields.smooth_courses import Courses
from cellflow_core.models.gene_fields.terms import Terms, equation

FOLDS = 5
SHOWN = 12
"""Equations that are written out in the notes."""
STATES = 500
"""Points of the smooth courses over which the influence of a variable is averaged."""


@dataclass(frozen=True)
class TermSettings(Config):
    degree: int = setting(2, "factors of a term at most, as in A, A B or A² B", 1, 4, label="Degree")
    logarithms: bool = setting(
        False, "terms A log A as well, as in growth that slows down (Gompertz)", label="Terms A log A"
    )


class TermEquations(DynamicsModel, HasVelocity, HasNetwork, HasEquations):
    """A model says with `fitted` how the coefficients of its terms are found on smoothed courses of individuals."""

    needs = frozenset({DataRequirement.GENE_AXES}) | NEEDS["series"]
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    config: TermSettings

    coefficients: Tensor  # [variables, terms], in the units of the data
    explained: Tensor  # [variables], share of their motion in individuals that were left out
    strength: Tensor  # [variables, variables]

    def __init__(self, config: TermSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.terms = Terms.up_to(spec.dim, config.degree, config.logarithms)
        self.motion = Motion(MotionSettings(motion="series"), spec)
        self.register_buffer("coefficients", torch.zeros(spec.dim, len(self.terms)))
        self.register_buffer("explained", torch.zeros(spec.dim))
        self.register_buffer("strength", torch.zeros(spec.dim, spec.dim))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("equations", prepare=self.prepare),)

    @torch.no_grad()
    def prepare(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        self.motion.prepare(frames, rng)
        courses = Courses.of(frames)
        times = courses.fine_times()
        course = courses.smoothed(times)
        coefficients, explained = self.fitted(times, course, courses.subject)
        self.coefficients.copy_(coefficients)
        self.explained.copy_(explained)
        self.strength.copy_(self._influence(course.flatten(0, 1).float(), rng))

    @abstractmethod
    def fitted(
        self,
        times: Float[Tensor, "pieces points"],
        course: Float[Tensor, "pieces points variables"],
        subject: Int[Tensor, " pieces"],
    ) -> tuple[Float[Tensor, "variables terms"], Float[Tensor, " variables"]]:
        """(coefficients, share of the motion that they explain where it was left out, NaN where nothing was) of smooth
        courses. subject: the individual that each piece of a course is of."""

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch genes"], context: Context
    ) -> Float[Tensor, "batch genes"]:
        return self.motion.velocity(self._rates, x)

    def _rates(self, z: Tensor) -> Tensor:
        """The equations in scaled units."""
        motion = self.motion
        return self._right_hand_side(z * motion.unit + motion.shift) * motion.span / motion.unit

    def _right_hand_side(self, x: Tensor) -> Tensor:
        return self.terms.values(x) @ self.coefficients.T

    def _influence(self, x: Float[Tensor, "states genes"], rng: torch.Generator) -> Float[Tensor, "genes genes"]:
        """Root mean square of df_i/dx_j over states, in standard deviations of both, with the mean's sign."""
        few = x[torch.randperm(len(x), generator=rng, device=x.device)[:STATES]]
        with torch.enable_grad():
            at = few.detach().requires_grad_()
            sides = self._right_hand_side(at).sum(dim=0)
            slopes = [torch.autograd.grad(each, at, retain_graph=True)[0] for each in sides]
        slope = torch.stack(slopes, dim=1) * self.motion.unit / self.motion.unit[:, None]
        return slope.square().mean(dim=0).sqrt() * slope.mean(dim=0).sign()

    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        return self.strength

    def equations(self) -> Equations:
        nothing = ("",) * self.spec.dim
        return Equations(
            form=r"\frac{dx_i}{dt} = \sum_k c_{ik}\,\theta_k(x)",
            meaning="Each θ is a product of levels, or x log x; levels and time t are in the units of the data.",
            products=self.terms.products,
            logarithms=self.terms.logarithms,
            coefficients=self.coefficients,
            before=nothing,
            after=nothing,
            exact=True,
            level="@",
            time="t",
            explained=self.explained,
        )

    def _in_words(self) -> tuple[str, ...]:
        """The right-hand side of each variable, in the units of the data."""
        names = self.terms.names(self.spec.genes)
        found = zip(self.spec.genes, self.coefficients.tolist(), strict=True)
        return tuple(equation(gene, each, names) for gene, each in found)

    def notes(self) -> tuple[str, ...]:
        if not self.coefficients.any():
            return ()
        unit = f" (time in {self.spec.time_unit})" if self.spec.time_unit else ""
        found = [
            f"{each}." if share != share else f"{each}: {max(share, 0.0):.0%} of the motion that was left out."
            for each, share in zip(self._in_words(), self.explained.tolist(), strict=True)
        ]
        more = (f"Equations of {len(found) - SHOWN:,} more genes are not written out.",) if len(found) > SHOWN else ()
        return (f"Equations in the units of the data{unit}:", *found[:SHOWN], *more)
