"""The true model of the PK/PD simulator as one that is asked for courses: its equations, people and measurement error.

One compartment with first-order absorption in closed form, and an effect that follows the concentration at once. The
posterior of an individual is drawn from many people of the population, weighted by the likelihood of what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.contract import HasTrajectories
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.contract import DynamicsModel, HasCourses, Loss, Phase, Update

PEOPLE = 1500
"""Of whom those that fit an individual are drawn."""
STUDY = {"effect": "direct", "subjects": 60, "n_times": 9, "residual_error": 0.2, "n_doses": 2}
CONCENTRATION, ACTIVITY = "concentration (mg/L)", "activity (%)"


def study(**settings) -> Trajectories:
    """A simulated study."""
    process = create("pkpd", STUDY | settings)
    assert isinstance(process, HasTrajectories)
    return process.trajectories()


@dataclass(frozen=True)
class Settings(Config):
    """How the model departs from the truth."""

    clearance_factor: float = setting(1.0, "Clearance, as a multiple of the true one", 0.01, 100.0)


class TruePk(DynamicsModel, HasCourses):
    title = "True model of the PK/PD simulator"
    summary = "The equations that made the data."
    paper = "none"
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.DOSE})
    trains_on = "trajectories"
    absorption, clearance, volume, ec50, emax, sd, error = 1.0, 2.0, 20.0, 1.5, 0.9, 0.3, 0.2

    Config = Settings
    config: Settings

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.unused = nn.Parameter(torch.zeros(1))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("nothing", (Update(self.loss, self.parameters()),)),)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        total = self.unused.square().sum()
        return Loss(total, {"square": total.detach()})

    def courses(self, subjects: TrajectoryBatch, times: Tensor, draws: int, rng: torch.Generator) -> Tensor:
        usual = torch.tensor([self.absorption, self.clearance * self.config.clearance_factor, self.volume, self.ec50])
        people = usual * (self.sd * torch.randn(len(subjects.t), PEOPLE, 4, generator=rng)).exp()
        seen = self._states(people, subjects, subjects.t)  # [batch, people, steps, 2]
        known = (subjects.observed & (subjects.x > 0))[:, None]
        miss = (subjects.x.clamp(min=1e-9).log()[:, None] - seen.clamp(min=1e-9).log()) / self.error
        likelihood = -0.5 * torch.where(known, miss, 0.0).square().sum(dim=(2, 3))
        chosen = torch.multinomial(likelihood.softmax(dim=1), draws, replacement=True, generator=rng)
        fitting = people.gather(1, chosen[..., None].expand(-1, -1, 4))
        return self._states(fitting, subjects, times.expand(len(people), -1)).transpose(0, 1)

    def measured(self, courses: Tensor, rng: torch.Generator) -> Tensor:
        return courses * (self.error * torch.randn(courses.shape, generator=rng)).exp()

    def _states(self, people: Tensor, subjects: TrajectoryBatch, times: Tensor) -> Tensor:
        """[batch, people, times, 2] of people [batch, people, 4] at times [batch, times]."""
        ka, clearance, volume, ec50 = people.unbind(dim=2)
        ke = clearance / volume
        level = torch.zeros(*people.shape[:2], times.shape[1])
        for moment, amount in zip(subjects.doses.time.T, subjects.doses.amount.T, strict=True):
            since = (times - moment[:, None]).clamp(min=0)[:, None]
            wave = (-ke[..., None] * since).exp() - (-ka[..., None] * since).exp()
            level += amount[:, None, None] * (ka / (volume * (ka - ke)))[..., None] * wave
        effect = 100 * (1 - self.emax * level / (ec50[..., None] + level))
        return torch.stack([level, effect], dim=3)[..., : self.spec.dim]


def model(data: Trajectories, clearance_factor: float = 1.0) -> TruePk:
    return TruePk(Settings(clearance_factor=clearance_factor), data.spec)
