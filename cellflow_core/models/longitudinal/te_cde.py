"""TE-CDE, treatment effects by neural controlled differential equations: what another sequence of treatments would do.

Seedat, Imrie, Bellot, Qian & van der Schaar, "Continuous-time modeling of counterfactual outcomes using neural
controlled differential equations", ICML 2022, arXiv:2206.08311. One controlled equation reads the history, another goes
on from its end under future treatments A:

    dz = f(z) dX up to the last measurement,    dz = g(z) d(t, A) after it,    x = h(z)

Who is treated depends on the history (confounding over time). So that the state says as little as can be of the
treatment that follows, a classifier of the next treatment reads z, and its gradient is reversed before it gets to f and
g ("adversarial", as in the paper). The authors' program adds the loss of the classifier as it is ("released"). Draws
differ by dropout (Gal & Ghahramani 2016). Departures stand in docs/methods/longitudinal.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Loss, Phase, Update
from cellflow_core.models.individuals.background import Background
from cellflow_core.models.individuals.blocks import in_blocks
from cellflow_core.models.individuals.controlled import (
    ControlledField,
    along,
    channels,
    follow,
    interpolated,
    last_time,
    path_of,
)
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.schedule import integrate, schedule
from cellflow_core.models.networks.mlp import MLP

WARM_UP = 0.4
"""Part of the steps without balancing: there is first something to balance."""
STEPS = 10
"""Steps in the span of all times, at least."""


@dataclass(frozen=True)
class Settings(Config):
    balancing: Literal["adversarial", "released", "none"] = setting(
        "adversarial",
        "how the state is kept from telling the next treatment: reversed gradients as in the paper; the loss of the "
        "classifier added, as in the authors' program; not at all",
        choice_labels={"released": "as in the authors' program"},
        label="Treatment balancing",
    )
    balancing_weight: float = setting(
        0.1, "weight λ of the classifier of treatments", 0.0, 100.0, label="Weight λ of the balancing"
    )
    horizon: float = setting(
        0.25,
        "longest forecast that is trained, as a fraction of the time that all were followed",
        0.01,
        1.0,
        label="Horizon",
    )
    hidden: int = setting(8, "dimensions of the state z of both equations", 1, 128, label="Dimensions of the state")
    width: int = setting(64, "neurons in the hidden layer of f and g", 4, 1024)
    dropout: float = setting(0.1, "fraction of the state that a draw leaves out", 0.0, 0.9, label="Dropout")


class TECDE(DynamicsModel, HasCourses):
    title = "TE-CDE (after Seedat et al. 2022)"
    summary = (
        "Predicts outcomes of treatments that were not given, from irregular histories: the state that it forecasts "
        "from is kept from telling who is treated."
    )
    paper = "Seedat et al., ICML 2022, arXiv:2206.08311"
    limitation = (
        "Counterfactual outcomes are right only where nothing that was not measured decides on both treatment and "
        "outcome, and where patients alike were treated differently. On simulated tumours balancing lowered no "
        "error, and raised it a little where confounding was strong. Draws by dropout are not calibrated."
    )
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES, DataRequirement.DOSE})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 800, "batch_size": 64, "learning_rate": 5e-3}
    Config = Settings
    config: Settings
    dose: Tensor
    decision: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.treatments = max(len(spec.treatments), 1)
        self.span = (spec.times[-1] - spec.times[0]) or 1.0
        self.measurement = Measurement(spec)
        self.background = Background(spec)
        seen = channels(spec.dim, self.treatments)
        self.embed = nn.Linear(seen + self.background.size, config.hidden)
        self.history_field = ControlledField(config.hidden, seen, config.width)
        self.handover = nn.Linear(config.hidden, config.hidden)
        self.future_field = ControlledField(config.hidden, 1 + self.treatments, config.width)
        self.outcome = nn.Linear(config.hidden, spec.dim)
        self.classifier: nn.Module | None = None
        if config.balancing != "none":
            self.classifier = MLP(config.hidden, self.treatments, config.width, 1)
        self.register_buffer("dose", torch.ones(self.treatments))
        self.register_buffer("decision", torch.tensor(spec.interval))

    def phases(self) -> tuple[Phase, ...]:
        every = tuple(self.parameters())
        first = Phase("outcomes", (Update(self.loss_of_outcomes, every),), WARM_UP, self.learn)
        if self.classifier is None:
            return (first,)
        return first, Phase("balancing", (Update(self.loss, every),), 1 - WARM_UP)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Scales of values and doses, and how often treatment is decided on: the median distance of doses in time."""
        if not self.measurement.learn(frames):
            return
        self.background.learn(frames)
        given = frames.doses.amount != 0
        for kind in range(self.treatments):
            amount = frames.doses.amount[given & (frames.doses.treatment == kind)]
            if len(amount):
                self.dose[kind] = amount.mean()
        gaps = frames.doses.time.diff(dim=1)[given[:, 1:] & given[:, :-1]]
        if len(gaps := gaps[gaps > 0]):
            self.decision.copy_(gaps.median())

    def loss_of_outcomes(self, batch: TrajectoryBatch) -> Loss:
        """Errors of forecasts; the classifier only watches."""
        return self._loss(batch, lambda z: z.detach(), 1.0)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        """Errors of forecasts, and the classifier that pulls on the state, or is worked against."""
        weight = self.config.balancing_weight
        if self.config.balancing == "released":
            return self._loss(batch, lambda z: z, weight)
        return self._loss(batch, lambda z: (1 + weight) * z.detach() - weight * z, 1.0)

    def _loss(self, batch: TrajectoryBatch, seen: Callable[[Tensor], Tensor], weight: float) -> Loss:
        """`seen` is what the classifier reads of a state; forecasts start from a random measurement of each."""
        rows = batch.observed.any(dim=2).sum(dim=1)
        fraction = torch.rand(len(rows), generator=batch.rng, device=batch.t.device)
        start = (fraction * (rows - 1).clamp(min=1)).long()
        history = batch.until(batch.t.gather(1, start[:, None])[:, 0])
        since = last_time(history)
        z = self._dropped(self._history(history)[:, -1], batch.rng)
        until = since[:, None] + self.config.horizon * self.span
        states = self._future(z, since, batch.t.minimum(until), batch.doses)
        f = self.measurement.variables(self.outcome(self._dropped(states, batch.rng)))
        later = batch.observed & ((batch.t >= since[:, None]) & (batch.t <= until))[..., None]
        square = torch.where(later, (f - batch.x) / self.measurement.size, 0).square()
        error = square.sum() / later.sum().clamp(min=1)
        residual = -self.measurement.log_likelihood(f.detach(), batch.x, later, batch.censored & later)
        total, terms = error + residual.sum() / later.sum().clamp(min=1), {"squared error": error.detach()}
        if self.classifier is not None:
            when = torch.cat([since[:, None], batch.t], dim=1)
            counted = torch.cat([torch.ones_like(since[:, None], dtype=torch.bool), later.any(dim=2)], dim=1)
            logits = self.classifier(seen(torch.cat([z[:, None], states], dim=1)))
            truth = self._next_treatments(when, batch.doses)
            entropy = binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(dim=2)
            entropy = (entropy * counted).sum() / counted.sum()
            total, terms["treatment"] = total + weight * entropy, entropy.detach()
        return Loss(total, terms)

    def _next_treatments(
        self, when: Float[Tensor, "batch rows"], doses: DoseTensors
    ) -> Float[Tensor, "batch rows treatments"]:
        """1 for each treatment that is given before the next decision."""
        after = doses.time[:, None] - when[..., None]
        near = (after >= 0) & (after < self.decision) & (doses.amount != 0)[:, None]
        return (near.to(when.dtype) @ one_hot(doses.treatment, self.treatments).to(when.dtype)).clamp(max=1)

    def _history(self, history: TrajectoryBatch) -> Float[Tensor, "batch rows hidden"]:
        """The state at each row; after the last measurement it stays."""
        path = path_of(history, self.measurement, self.span, self.dose)
        start = self.embed(torch.cat([path[:, 0], self.background(history)], dim=1))
        return follow(self.history_field, start, path)

    def _future(
        self,
        z: Float[Tensor, "batch hidden"],
        since: Float[Tensor, " batch"],
        times: Float[Tensor, "batch rows"],
        doses: DoseTensors,
    ) -> Float[Tensor, "batch rows hidden"]:
        """The state at later times; at earlier ones that at `since`. Time moves it, and doses do at their times."""
        plan = schedule(times, doses, since, self.treatments)

        def rates(t: Tensor, z: Tensor, infused: Tensor) -> Tensor:
            change = torch.cat([torch.full_like(infused[:, :1], 1 / self.span), infused / self.dose], dim=1)
            return (self.future_field(z) @ change[..., None])[..., 0]

        def jump(z: Tensor, amount: Tensor) -> Tensor:
            change = torch.cat([torch.zeros_like(amount[:, :1]), amount / self.dose], dim=1)
            return along(self.future_field, z, change)

        return integrate(rates, self.handover(z), plan, self.span / STEPS, jump)

    def _dropped(self, z: Float[Tensor, "batch *any hidden"], rng: torch.Generator) -> Tensor:
        """With a random part of the coordinates of each individual 0, the same at all times."""
        shape = (len(z), *[1] * (z.ndim - 2), z.shape[-1])
        kept = torch.rand(shape, generator=rng, device=z.device) >= self.config.dropout
        return z * kept / (1 - self.config.dropout)

    @torch.no_grad()
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        """Up to the last measurement, what the state says that moves with the history."""

        def drawn(block: TrajectoryBatch) -> Tensor:
            since, at = last_time(block), times.expand(len(block.t), -1)
            read = self._history(block)
            z = self._dropped(read[:, -1].repeat(draws, 1), rng)
            states = self._future(z, since.repeat(draws), at.repeat(draws, 1), repeated(block.doses, draws))
            past = self.handover(self._dropped(interpolated(block.t, read, at).repeat(draws, 1, 1), rng))
            states = torch.where((at < since[:, None]).repeat(draws, 1)[..., None], past, states)
            return self.measurement.variables(self.outcome(self._dropped(states, rng))).unflatten(0, (draws, -1))

        return in_blocks(drawn, subjects, draws * len(times))

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)


def repeated(doses: DoseTensors, draws: int) -> DoseTensors:
    """Those of all individuals, `draws` times one after the other."""
    return doses.take(torch.arange(len(doses.time), device=doses.time.device).repeat(draws))
