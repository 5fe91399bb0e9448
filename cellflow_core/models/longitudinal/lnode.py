"""LNODE, latent neural ODE of a simulator with parameters: traces from parameters at once, and parameters from traces.

Salvador, Strocchi, Regazzoni, Augustin, Dede', Niederer & Quarteroni, "Whole-heart electromechanical simulations using
latent neural ordinary differential equations", npj Digit. Med. 7:90, 2024, doi:10.1038/s41746-024-01084-x. With the
parameters theta of an individual (its covariates), and z whose first coordinates are the variables,

    dz/dt = NN(z, t, theta),    z(0) = NN_0(theta)

where t enters with the sine and cosine of its first harmonics in the time that individuals are followed. It is
trained on the traces of simulations at many theta. A trace that was measured has a posterior of theta: its mode by
Fisher scoring, weighted draws around it. Departures stand in docs/methods/longitudinal.md.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import setting, with_default
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, HasIndividualParameters, Loss, Phase, Update
from cellflow_core.models.individuals.background import Background
from cellflow_core.models.individuals.blocks import in_blocks
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.random_effects import posterior_draws
from cellflow_core.models.individuals.schedule import Schedule, integrate, schedule
from cellflow_core.models.networks.mlp import MLP
from cellflow_core.models.networks.settings import MLPSettings

STEPS = 12
"""Steps of fourth order in the time that individuals are followed, at least."""
DIFFERENCE = 0.05
"""Of a parameter, for the sensitivity (standard deviations)."""
LEAST_DRAWS = 300
RATE = 8.0
"""Rate of all states in the time that individuals are followed, before training: traces have steep parts."""


@dataclass(frozen=True)
class Settings(MLPSettings):
    width: int = with_default(MLPSettings, "width", 48)
    harmonics: int = setting(
        4,
        "sines and cosines of time that the network sees: steep parts begin at a time of the beat",
        0,
        32,
        label="Harmonics of time",
    )
    hidden: int = setting(2, "states that are no variable", 0, 64, label="Latent states beside the variables")


class LNODE(DynamicsModel, HasCourses, HasIndividualParameters):
    title = "LNODE (after Salvador et al. 2024)"
    summary = (
        "Learns a simulator with parameters: the traces of any parameters at once, which parameter acts on what and "
        "when, and the parameters behind a measured trace."
    )
    paper = "Salvador et al., npj Digital Medicine 2024, doi:10.1038/s41746-024-01084-x"
    limitation = "It ignores doses, and knows nothing of individuals but their covariates: these are its parameters."
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES, DataRequirement.COVARIATES})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 2000,
        "batch_size": 48,
        "learning_rate": 1e-2,
        "weight_decay": 0.0,
        "ema_decay": 0.98,
    }
    Config = Settings
    config: Settings
    correlation: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.parameters_count = len(spec.covariates)
        self.first, self.span = spec.times[0], (spec.times[-1] - spec.times[0]) or 1.0
        self.measurement, self.background = Measurement(spec), Background(spec)
        states, size = spec.dim + config.hidden, (config.width, config.depth)
        self.start = MLP(1 + self.parameters_count, states, config.width, 1)
        self.field = MLP(states + 1 + 2 * config.harmonics + self.parameters_count, states, *size)
        self.register_buffer("correlation", torch.zeros(spec.dim))

    def phases(self) -> tuple[Phase, ...]:
        traces = Phase("traces", (Update(self.loss, self.parameters()),), prepare=self.learn)
        return traces, Phase("error of the traces", prepare=self.learn_correlation)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Mean and standard deviation of each parameter and variable."""
        if self.measurement.learn(frames):
            self.background.learn(frames)

    @torch.no_grad()
    def learn_correlation(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """How alike errors at two rows after each other are: errors of a trace are not independent."""
        batch = frames.take(slice(None), rng)
        theta = self.background.standardised(batch).nan_to_num(0.0)
        error = torch.where(batch.observed, self._traces(theta, self._plan(batch, batch.t)) - batch.x, 0)
        both = (error[:, 1:] * error[:, :-1]).sum(dim=(0, 1))
        self.correlation.copy_((both / error.square().sum(dim=(0, 1)).clamp(min=1e-12)).clamp(0, 0.98))

    def _residual_error(self) -> Measurement:
        """With a standard deviation that is larger by sqrt((1 + r) / (1 - r)), r the correlation of errors: a trace of
        n rows counts as n (1 - r) / (1 + r) of them."""
        found = copy.deepcopy(self.measurement)
        factor = 0.5 * ((1 + self.correlation) / (1 - self.correlation)).log()
        with torch.no_grad():
            found.log_additive.add_(factor)
            found.log_proportional.add_(factor)
        return found

    def loss(self, batch: TrajectoryBatch) -> Loss:
        """Squared error of the traces; the residual error is fitted beside it. Unknown parameters are the mean."""
        f = self._traces(self.background.standardised(batch).nan_to_num(0.0), self._plan(batch, batch.t))
        count = batch.observed.sum().clamp(min=1)
        square = torch.where(batch.observed, (f - batch.x) / self.measurement.size, 0).square().sum() / count
        residual = -self.measurement.log_likelihood(f.detach(), batch.x, batch.observed, batch.censored).sum() / count
        return Loss(square + residual, {"squared error": square.detach(), "residual": residual.detach()})

    def _plan(self, batch: TrajectoryBatch, times: Float[Tensor, "batch rows"]) -> Schedule:
        nothing = batch.doses.take((slice(None), slice(0)))
        return schedule(times, nothing, torch.full_like(times[:, 0], self.first))

    def _traces(
        self, theta: Float[Tensor, "batch parameters"], plan: Schedule
    ) -> Float[Tensor, "batch rows variables"]:
        """Variables at the times of the plan, theta in standard deviations from the mean."""

        def rates(t: Tensor, z: Tensor, _: Tensor) -> Tensor:
            part = (t[:, None] - self.first) / self.span
            angle = 2 * torch.pi * part * torch.arange(1, self.config.harmonics + 1, device=t.device)
            return self.field(torch.cat([z, part, angle.sin(), angle.cos(), theta], dim=1)) * (RATE / self.span)

        begin = self.start(nn.functional.pad(theta, (1, 0), value=1.0))
        path = integrate(rates, begin, plan, self.span / STEPS, lambda z, _: z)
        f = self.measurement.center + self.measurement.size * path[..., : self.spec.dim]
        return torch.where(self.measurement.positive, f.clamp(min=0), f)

    def _curves(self, batch: TrajectoryBatch, times: Tensor, u: Tensor) -> Float[Tensor, "*draws batch rows variables"]:
        """Variables where parameters that are not known are u, [*draws, batch, parameters]."""
        known = self.background.standardised(batch)
        theta = torch.where(known.isnan(), u, known)
        draws = theta.shape[:-2]
        plan = self._plan(batch, times).repeat(draws.numel() if draws else 1)
        return self._traces(theta.reshape(-1, theta.shape[-1]), plan).reshape(*draws, *times.shape, self.spec.dim)

    def _unknown(self, batch: TrajectoryBatch, draws: int, rng: torch.Generator) -> Float[Tensor, "draws batch all"]:
        """Parameters in standard deviations, by draws of their posterior; those that are known count for nothing."""
        count = max(LEAST_DRAWS, draws)
        found = posterior_draws(
            lambda u: self._curves(batch, batch.t, u), self._residual_error(), batch, self.parameters_count, count, rng
        )
        return found.resampled(draws, rng)

    @torch.no_grad()
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        """Traces of the parameters that are known; of draws of those that are not, given what was measured."""

        def drawn(block: TrajectoryBatch) -> Tensor:
            at = times.expand(len(block.t), -1)
            if not self.background.standardised(block).isnan().any():
                return self._curves(block, at, torch.zeros(1, device=at.device)).expand(draws, -1, -1, -1)
            return self._curves(block, at, self._unknown(block, draws, rng))

        return in_blocks(drawn, subjects, max(LEAST_DRAWS, draws) * (subjects.t.shape[1] + len(times)))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return self.spec.covariates

    @torch.no_grad()
    def individual_parameters(
        self, subjects: TrajectoryBatch, draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects parameters"]:
        """The prior is normal, with mean and standard deviation of the training individuals."""
        unknown = {f"covariate {name}": torch.full_like(subjects.t[:, 0], torch.nan) for name in self.spec.covariates}
        hidden = replace(subjects, known={**subjects.known, **unknown})
        u = in_blocks(
            lambda block: self._unknown(block, draws, rng), hidden, max(LEAST_DRAWS, draws) * subjects.t.shape[1]
        )
        return self.background.center + self.background.scale * u

    @torch.no_grad()
    def sensitivity(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"]
    ) -> Float[Tensor, "subjects times variables parameters"]:
        """Change of each variable (own units) when a parameter is a standard deviation of it larger, to first order."""
        theta = self.background.standardised(subjects).nan_to_num(0.0)
        unit = DIFFERENCE * torch.eye(self.parameters_count, device=theta.device)[:, None]
        both = torch.cat([theta + unit, theta - unit])
        plan = self._plan(subjects, times.expand(len(theta), -1)).repeat(len(both))
        up, down = self._traces(both.flatten(0, 1), plan).unflatten(0, (2, len(unit), -1))
        return ((up - down) / (2 * DIFFERENCE)).movedim(0, -1)

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)
