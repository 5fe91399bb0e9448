"""A recurrent network that forecasts individuals: what an ODE between measurements has to beat, for `courses.py`.

An LSTM (Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) goes through the events of an individual in the
order of time: what was measured so far (values, 0 where there is none, and their mask) and every dose (its amount),
each with its time and the time since the event before. So does the one that Lu et al. 2021 compare their model with
(doi:10.1016/j.isci.2021.102804). A network gives the value at any time from the state after the last event before it
and the time since. Trained on histories up to a random row. All draws are alike but for the residual error, which is
learnt beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Loss, Phase, Update
from cellflow_core.models.individuals.history import Scales
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.networks.mlp import MLP


@dataclass(frozen=True)
class Settings(Config):
    hidden: int = setting(32, "Units of the network", 2, 512)


class LstmCourse(DynamicsModel, HasCourses):
    title = "LSTM"
    summary = "A recurrent network goes through the measurements and doses of an individual."
    paper = "Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735"
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[dict[str, Any]] = {
        "steps": 800,
        "batch_size": 32,
        "learning_rate": 0.005,
        "ema_decay": 0.98,
    }
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.measurement, self.scales = Measurement(spec), Scales()
        self.network = nn.LSTM(2 * spec.dim + 3, config.hidden, batch_first=True)
        self.head = MLP(config.hidden + 2, spec.dim, config.hidden, 2)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("recurrent network", (Update(self.loss, self.parameters()),), prepare=self.learn),)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Scales of values, doses and times."""
        if self.measurement.learn(frames):
            self.scales.learn(frames)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        """Of all values after a random row, and of all values where that is before the first."""
        last = torch.randint(-1, batch.t.shape[1], (len(batch.t), 1), generator=batch.rng, device=batch.t.device)
        end = torch.where(last < 0, -torch.inf, batch.t.gather(1, last.clamp(min=0)))
        known = batch.until(end)
        later = batch.observed & ~known.observed
        found = self._at(known, batch.t)
        total = -self.measurement.log_likelihood(found, batch.x, later, batch.censored).sum() / later.sum().clamp(min=1)
        return Loss(total, {"likelihood": total.detach()})

    def _at(
        self, known: TrajectoryBatch, times: Float[Tensor, "batch times"]
    ) -> Float[Tensor, "batch times variables"]:
        """From what is observed in `known` and the doses before each time."""
        moments, events = self._events(known)
        states = nn.functional.pad(self.network(events)[0], (0, 0, 1, 0))  # before any event: 0
        begins = nn.functional.pad(moments, (1, 0), value=self.spec.times[0])
        place = torch.searchsorted(moments, times.contiguous())  # a dose at a measurement is given after it
        state = states.gather(1, place[..., None].expand(-1, -1, states.shape[2]))
        passed = torch.stack([times - begins.gather(1, place), times - self.spec.times[0]], dim=2) / self.scales.span
        return self.measurement.variables(self.head(torch.cat([state, passed], dim=2)))

    def _events(
        self, known: TrajectoryBatch
    ) -> tuple[Float[Tensor, "batch events"], Float[Tensor, "batch events features"]]:
        """(times, what is read of each), the measured rows and the doses in their order; time inf: none."""
        doses, seen = known.doses, known.observed.float()
        rows = torch.cat([self.measurement.standardised(known.x) * seen, seen, torch.zeros_like(seen[..., :1])], dim=2)
        given = nn.functional.pad(doses.amount[..., None] / self.scales.dose, (2 * self.spec.dim, 0))
        measured = torch.where(known.observed.any(dim=2), known.t, torch.inf)
        dosed = torch.where(doses.amount != 0, doses.time, torch.inf)
        times, order = torch.cat([measured, dosed], dim=1).sort(dim=1, stable=True)
        found = torch.cat([rows, given], dim=1)
        found = found.gather(1, order[..., None].expand_as(found))
        there = times.isfinite()[..., None]
        since = nn.functional.pad(times, (1, 0), value=self.spec.times[0]).diff(dim=1)
        when = torch.stack([times - self.spec.times[0], since], dim=2) / self.scales.span
        return times, torch.where(there, torch.cat([found, when], dim=2), 0.0)

    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self._at(subjects, times.expand(len(subjects.t), -1)).expand(draws, -1, -1, -1)

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)
