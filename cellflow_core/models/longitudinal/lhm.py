"""LHM, latent hybrid model: equations that experts know, and further states that follow them by a network.

Qian, Zame, Fleuren, Elbers & van der Schaar, "Integrating expert ODEs into neural ODEs: pharmacology and disease
progression", NeurIPS 2021, arXiv:2106.02875. With the states e of the experts, further states m and a linear decoder,

    e' = expert(e, drug),    m' = tanh(A (e, m) + a),    x = W (e, m) + w + error

An encoder reads the history into q(e(0), m(0)), and evidence lower bound and parameters are learnt together. Four other
models stand beside it, as in the paper: the experts' equations alone; a neural ODE alone, which is
m' = tanh(MLP(m, drug)); the mean of both, weighted; and a neural ODE of what the experts' equations leave over.
Departures stand in docs/methods/longitudinal.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Loss, Phase, Update
from cellflow_core.models.individuals.blocks import in_blocks, some
from cellflow_core.models.individuals.history import HistoryEncoder, Scales, rows
from cellflow_core.models.individuals.immune_expert import EARLY, ImmuneExpert
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.schedule import first_event, integrate, schedule
from cellflow_core.models.networks.gaussian_encoder import Posterior
from cellflow_core.models.networks.mlp import MLP

STEPS_PER_INTERVAL = 2
"""Steps of fourth order in a mean interval between measurements, at least."""


@dataclass(frozen=True)
class Settings(Config):
    kind: Literal["hybrid", "residual", "ensemble", "expert", "neural"] = setting(
        "hybrid",
        "experts' equations and further states; a neural ODE of what they leave over; the mean of both; either alone",
        choice_labels={"expert": "experts' equations alone", "neural": "neural ODE alone"},
        label="Kind of model",
    )
    further: int = setting(2, "further states m, beside the four of the experts", 1, 64, label="Further states m")
    constants: Literal["fixed", "learnt"] = setting(
        "fixed", "constants of the experts' equations: as published, or fitted", label="Constants of the experts"
    )
    width: int = setting(40, "neurons of the encoder, and of the neural ODE", 4, 1024)


class LatentStates(nn.Module):
    """States of an individual, how they begin and move, and what is seen of them.

    They are (e, m, drug): those of the experts where there are such, `further` others, and the drug in plasma.
    """

    def __init__(self, spec: DataSpec, expert: ImmuneExpert | None, further: int, width: int) -> None:
        super().__init__()
        self.expert, self.interval = expert, spec.interval
        self.known = len(expert.states) if expert else 0
        self.hidden = self.known + further
        self.encoder = HistoryEncoder(spec.dim, width, self.hidden, flows=False)
        self.start = nn.Parameter(torch.zeros(self.hidden))
        self.spread = nn.Parameter(torch.zeros(self.hidden))
        self.field: nn.Module | None = None
        if expert is None:
            self.field = MLP(further + 1, further, width, 1)
            self.log_elimination = nn.Parameter(torch.zeros(()))
        elif further:
            self.field = nn.Linear(self.hidden, further)
        self.decoder = nn.Linear(self.hidden, spec.dim)
        if expert is not None:
            with torch.no_grad():
                self.start[: self.known] = torch.tensor(EARLY).log()

    def raw(
        self, u: Float[Tensor, "batch states"], times: Float[Tensor, "batch rows"], batch: TrajectoryBatch
    ) -> Float[Tensor, "batch rows variables"]:
        """W (e, m) + w at the times, of starts u."""
        plan = schedule(times, batch.doses, first_event(batch.t[:, :1], batch.doses))
        at = self.start + self.spread.exp() * u
        at = torch.cat([at[:, : self.known].clamp(max=3).exp(), at[:, self.known :], torch.zeros_like(u[:, :1])], dim=1)
        step = self.interval / STEPS_PER_INTERVAL
        if self.expert is not None:
            step = min(step, self.expert.longest_step)
        path = integrate(self._rates, at, plan, step, _raise_drug)
        return self.decoder(path[..., : self.hidden])

    def _rates(self, t: Tensor, z: Float[Tensor, "batch all"], infused: Float[Tensor, "batch 1"]) -> Tensor:
        seen, drug = z[:, : self.hidden], z[:, -1:]
        if self.expert is None:
            assert self.field is not None
            cleared = -self.log_elimination.exp() / self.interval * drug
            moved = torch.tanh(self.field(torch.cat([seen, drug.clamp(min=0).log1p()], dim=1))) / self.interval
            return torch.cat([moved, cleared + infused], dim=1)
        expert = self.expert(seen[:, : self.known], drug)
        further = [torch.tanh(self.field(seen)) / self.interval] if self.field is not None else []
        return torch.cat([expert[:, :-1], *further, expert[:, -1:] + infused], dim=1)


def _raise_drug(z: Float[Tensor, "batch all"], amount: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch all"]:
    return torch.cat([z[:, :-1], z[:, -1:] + amount], dim=1)


class LHM(DynamicsModel, HasCourses):
    title = "LHM (after Qian et al. 2021)"
    summary = (
        "Puts the equations that experts know of a disease and a drug into a neural ODE: a few patients are enough to "
        "learn what the equations leave out."
    )
    paper = "Qian et al., NeurIPS 2021, arXiv:2106.02875"
    limitation = (
        "The experts' equations are those of an immune response to a virus under dexamethasone: for another disease or "
        "drug they are wrong, and the neural ODE alone is the honest choice."
    )
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 400,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "max_grad_norm": 5.0,
        "ema_decay": 0.98,
    }
    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.measurement, self.scales = Measurement(spec, additive=0.5), Scales()
        self.expert: LatentStates | None = None
        self.neural: LatentStates | None = None
        if config.kind != "neural":
            known = ImmuneExpert(config.constants == "learnt", spec.time_unit)
            self.expert = LatentStates(spec, known, config.further if config.kind == "hybrid" else 0, config.width)
        if config.kind not in ("hybrid", "expert"):
            self.neural = LatentStates(spec, None, config.further + 4, config.width)
        if config.kind == "ensemble":
            self.preference = nn.Parameter(torch.zeros(()))

    @classmethod
    def required_data(cls, config: Any) -> frozenset[DataRequirement]:
        """The experts' equations need doses."""
        return cls.needs | ({DataRequirement.DOSE} if config.kind != "neural" else set())

    def phases(self) -> tuple[Phase, ...]:
        expert, neural = (self._learnt(each) for each in (self.expert, self.neural))
        if self.neural is None:
            return (Phase("latent states", (Update(self.loss_of_expert, expert),), prepare=self.learn),)
        alone = Phase("neural ODE", (Update(self.loss_of_neural, neural),), prepare=self.learn)
        if self.expert is None:
            return (alone,)
        first = Phase("experts' equations", (Update(self.loss_of_expert, expert),), prepare=self.learn)
        if self.config.kind == "residual":
            return first, Phase("what they leave over", (Update(self.loss_of_rest, neural),))
        weight = (self.preference, *self.measurement.parameters())
        return first, alone, Phase("weights", (Update(self.loss_of_weight, weight),), 0.1)

    def _learnt(self, states: LatentStates | None) -> tuple[nn.Parameter, ...]:
        return () if states is None else (*states.parameters(), *self.measurement.parameters())

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Centers and scales. Raises ValueError where the experts' equations meet doses of several drugs."""
        kinds = frames.doses.treatment[frames.doses.amount != 0].unique()
        if self.expert is not None and len(kinds) > 1:
            raise ValueError(
                f"the experts' equations of {self.title} are those of one drug, and doses of {len(kinds)} were given: "
                "choose the neural ODE alone"
            )
        if self.measurement.learn(frames):
            self.scales.learn(frames)

    def loss_of_expert(self, batch: TrajectoryBatch) -> Loss:
        """The evidence lower bound of the experts' states, and of the further states of the hybrid."""
        assert self.expert is not None
        return self._bound(self.expert, batch)

    def loss_of_neural(self, batch: TrajectoryBatch) -> Loss:
        assert self.neural is not None
        return self._bound(self.neural, batch)

    def loss_of_rest(self, batch: TrajectoryBatch) -> Loss:
        """The bound of a neural ODE whose variables are added to those of the experts' equations, which stay."""
        assert self.expert is not None and self.neural is not None
        history = self._history(batch)
        with torch.no_grad():
            known = self.expert.raw(self._posterior(self.expert, history).mean, batch.t, batch)
        return self._bound(self.neural, batch, known, history)

    def loss_of_weight(self, batch: TrajectoryBatch) -> Loss:
        """Of the weighted mean of both models, which stay."""
        assert self.expert is not None and self.neural is not None
        history = self._history(batch)
        with torch.no_grad():
            parts = [each.raw(self._posterior(each, history).mean, batch.t, batch) for each in self._systems]
        error = -self._likelihood(self._joined(parts), batch)
        return Loss(error, {"misfit": error.detach(), "weight": torch.sigmoid(self.preference).detach()})

    def _history(self, batch: TrajectoryBatch) -> TrajectoryBatch:
        """What was known at a random time of each individual: forecasts are learnt, whatever their horizon."""
        fraction = torch.rand(len(batch.t), generator=batch.rng, device=batch.t.device)
        return batch.until(torch.lerp(batch.t[:, 0], batch.t[:, -1], fraction))

    def _bound(
        self, states: LatentStates, batch: TrajectoryBatch, known: Tensor | float = 0.0,
        history: TrajectoryBatch | None = None,
    ) -> Loss:  # fmt: skip
        posterior = self._posterior(states, history or self._history(batch))
        error = -self._likelihood(known + states.raw(posterior.sample(batch.rng), batch.t, batch), batch)
        divergence = posterior.divergence().mean()
        return Loss(error + divergence, {"misfit": error.detach(), "divergence": divergence.detach()})

    def _posterior(self, states: LatentStates, history: TrajectoryBatch) -> Posterior:
        return states.encoder(history, rows(history, self.measurement, self.scales), self.spec.interval)

    def _likelihood(self, raw: Float[Tensor, "batch rows variables"], batch: TrajectoryBatch) -> Float[Tensor, ""]:
        f = self.measurement.variables(raw)
        return self.measurement.log_likelihood(f, batch.x, batch.observed, batch.censored).sum(dim=(1, 2)).mean()

    @property
    def _systems(self) -> tuple[LatentStates, ...]:
        return tuple(each for each in (self.expert, self.neural) if each is not None)

    def _joined(self, parts: list[Tensor]) -> Tensor:
        """One set of raw variables from those of each system."""
        if self.config.kind == "ensemble":
            return torch.lerp(parts[0], parts[1], torch.sigmoid(self.preference))
        return torch.stack(parts).sum(dim=0)

    @torch.no_grad()
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        def drawn(block: TrajectoryBatch) -> Tensor:
            many = repeated(block, draws)
            parts = []
            for each in self._systems:
                posterior = self._posterior(each, block)
                wide = Posterior(posterior.mean.repeat(draws, 1), posterior.log_variance.repeat(draws, 1))
                u = wide.sample(rng)
                parts.append(each.raw(u, times.expand(len(u), -1), many))
            return self.measurement.variables(self._joined(parts)).unflatten(0, (draws, -1))

        return in_blocks(drawn, subjects, draws * len(times))

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)


def repeated(batch: TrajectoryBatch, draws: int) -> TrajectoryBatch:
    """All individuals `draws` times, one after the other."""
    return some(batch, torch.arange(len(batch.t), device=batch.t.device).repeat(draws))
