"""One small model for each capability that no method of the project has yet, and for data without times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from cellflow_core.config import Config
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models import registry
from cellflow_core.models.contract import (
    DynamicsModel,
    Equations,
    HasCourses,
    HasEquations,
    HasIndividualParameters,
    HasKinetics,
    HasLatentTime,
    HasNetwork,
    HasPermutationScores,
    HasTransitions,
    HasVelocity,
    HasVelocityUncertainty,
    KineticRates,
    Loss,
    Phase,
    Update,
)
from cellflow_core.models.splicing.permutation_score import permutation_scores


class Toy(DynamicsModel):
    """A linear map that learns the mean state of a batch."""

    paper = "none"
    needs = frozenset()
    Config = Config

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.mean = nn.Parameter(torch.randn(spec.dim))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("mean", (Update(self.loss, self.parameters()),)),)

    def loss(self, batch: Batch) -> Loss:
        total = (batch.x - self.mean).square().mean()
        return Loss(total, {"square": total.detach()})


class Ordered(Toy, HasLatentTime):
    title = "Toy order"
    summary = "Orders cells by their distance from the mean."
    latent_time_unit = "none"

    def latent_time(self, x, context):
        return (x - self.mean).norm(dim=1)


class Chain(Toy, HasTransitions):
    title = "Toy chain"
    summary = "A random walk among near cells."

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.near = torch.zeros(0, 0)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("neighbours", prepare=self.find), *super().phases())

    def find(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        x = torch.cat(frames.x)
        if len(x) > len(self.near):  # not the cells kept for validation
            kernel = (-torch.cdist(x, x).square() / self.spec.scale**2).exp()
            self.near = kernel / kernel.sum(dim=1, keepdim=True)

    def transitions(self) -> Tensor:
        return self.near.to_sparse()


class Wired(Toy, HasNetwork):
    title = "Toy network"
    summary = "Every gene acts on the next one."
    needs = frozenset({DataRequirement.GENES})

    def network(self, group=""):
        if group not in ("", *(each for _, found in self.spec.labels for each in found)):
            raise KeyError(f"there is no group {group!r}")
        genes = len(self.spec.genes)
        return torch.diag(torch.tanh(self.mean.detach().mean()).expand(genes - 1), -1)


class Kinetic(Toy, HasKinetics):
    title = "Toy kinetics"
    summary = "The same rates for all genes."
    needs = frozenset({DataRequirement.SPLICING})

    def kinetics(self):
        names, units = ("transcription", "splicing", "degradation"), ("counts / time", "1 / time", "1 / time")
        return KineticRates(names, units, self.mean.detach().exp()[:1, None].expand(len(self.spec.genes), 3))


class Written(Toy, HasEquations):
    title = "Toy equations"
    summary = "Every gene decays."
    needs = frozenset({DataRequirement.GENES})

    def equations(self):
        genes = len(self.spec.genes)
        nothing = ("",) * genes
        return Equations(
            form=r"\frac{dx_i}{ds} = -x_i",
            meaning="x is the level of a gene.",
            products=tuple((k,) for k in range(genes)),
            coefficients=-self.mean.detach().exp()[:1] * torch.eye(genes),
            before=nothing,
            after=nothing,
            exact=True,
        )


class Unsure(Toy, HasVelocity, HasVelocityUncertainty):
    title = "Toy uncertainty"
    summary = "Cells go to the mean, more or less."

    def velocity(self, t, x, context):
        return self.mean - x

    def velocity_samples(self, t, x, context, draws, rng):
        noise = torch.randn(draws, *x.shape, generator=rng, device=x.device)
        return self.velocity(t, x, context) + self.spec.scale * noise


class Shuffled(Toy, HasPermutationScores):
    title = "Toy permutation scores"
    summary = "Every gene is fitted by its mean, so that no order of the cells is better than another."
    needs = frozenset({DataRequirement.MOMENTS})

    def permutation_scores(self, x, groups, rng):
        genes = len(self.spec.genes)

        def mean(u, s):
            return self.mean[:genes].expand_as(u), self.mean[genes:].expand_as(s)

        return permutation_scores(mean, (x[:, :genes], x[:, genes:]), groups, rng)


class Followed(Toy, HasCourses):
    title = "Toy courses"
    summary = "Every individual has the mean of all, more with a larger dose."
    needs = frozenset({DataRequirement.SUBJECTS})
    trains_on = "trajectories"

    def loss(self, batch: TrajectoryBatch) -> Loss:
        error = (batch.x - self.mean)[batch.observed]
        return Loss(error.square().mean(), {"square": error.square().mean().detach()})

    def courses(self, subjects, times, draws, rng):
        given = (subjects.doses.time[:, None] <= times[:, None]) * subjects.doses.amount[:, None]
        noise = torch.randn(draws, *given.shape[:2], self.spec.dim, generator=rng, device=times.device)
        return self.mean + given.sum(dim=2)[..., None] + self.spec.scale * noise

    def measured(self, courses, rng):
        return courses + self.spec.scale * torch.randn(courses.shape, generator=rng, device=courses.device)


class Levelled(Followed, HasIndividualParameters):
    title = "Toy parameters"
    summary = "Every individual has a level, the mean of what was measured of it."
    parameter_names = ("level",)

    def individual_parameters(self, subjects, draws, rng):
        count = subjects.observed.sum(dim=(1, 2)).clamp(min=1)
        level = (subjects.x.sum(dim=(1, 2)) / count)[:, None]
        return level + self.spec.scale * torch.randn(draws, *level.shape, generator=rng, device=level.device)


def another_dose(subjects: TrajectoryBatch, factor: float) -> TrajectoryBatch:
    """The same individuals with all doses multiplied."""
    return replace(subjects, doses=replace(subjects.doses, amount=subjects.doses.amount * factor))


TOYS: dict[str, type[DynamicsModel]] = {
    "latent_time": Ordered,
    "transitions": Chain,
    "network": Wired,
    "kinetics": Kinetic,
    "equations": Written,
    "velocity_uncertainty": Unsure,
    "permutation_scores": Shuffled,
    "courses": Followed,
    "individual_parameters": Levelled,
}
"""Capability -> the toy that has it."""


@contextmanager
def registered() -> Iterator[None]:
    """The toys are found by the registry as "toy-latent-time" ..., for a test."""
    with ExitStack() as stack:
        for capability, kind in TOYS.items():
            stack.enter_context(registry.registered(f"toy-{capability.replace('_', '-')}", "toys", kind))
        yield
