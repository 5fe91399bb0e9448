"""The one training loop. It knows no model, no file and no page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors, as_tensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.train_validation_split import validation_split
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, Phase
from cellflow_core.train.checkpoint import Checkpoint


@dataclass(frozen=True)
class TrainConfig(Config):
    """Settings of the training loop."""

    steps: int = setting(2000, "number of training steps, over all phases", 1, 10_000_000, label="Training steps")
    batch_size: int = setting(256, "batch size per time", 2, 1_000_000, "cells", label="Batch size")
    learning_rate: float = setting(2e-3, "initial learning rate of AdamW; cosine decay to zero", 1e-8, 1.0)
    weight_decay: float = setting(1e-5, "decoupled weight decay of AdamW", 0.0, 1.0)
    max_grad_norm: float = setting(1.0, "gradient clipping norm", 1e-6, 1e6, label="Gradient clipping norm")
    ema_decay: float = setting(
        0.995, "moving average of weights (EMA) decay, 0 for none", 0.0, 0.99999, label="EMA decay of the weights"
    )
    validation_fraction: float = setting(
        0.1, "validation fraction: cells of each time held out to monitor over-fitting", 0.0, 0.5
    )
    log_every: int = setting(20, "steps between two reports of the loss", 1, 100_000, "steps", label="Logging interval")

    @classmethod
    def preset(cls, name: str, model: type[DynamicsModel], **changes: Any) -> Self:
        """The settings of "quick", "standard" or "careful" for a model, with some changed."""
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
        made = cls.from_dict(dict(model.default_training))
        return cls.from_dict(made.as_dict() | {"steps": max(1, round(made.steps * PRESETS[name]))} | changes)


PRESETS: Mapping[str, float] = {"quick": 0.25, "standard": 1.0, "careful": 4.0}
"""Steps of each preset, as a multiple of the model's own."""


@dataclass(frozen=True)
class Progress:
    """Where training stands. `checkpoint()` is its whole state, not copied: write it while the report is handled; None
    while something is prepared.

    step, steps  over all phases; losses: mean of each named term since the last report; seconds: spent in training
    validation   total loss on the validation cells, None where there are none
    prepared     part of what the phase computes before its steps that is done, 0 to 1; None while it takes steps
    """

    phase: str
    step: int
    steps: int
    losses: Mapping[str, float]
    validation: float | None
    seconds: float
    checkpoint: Callable[[], Checkpoint] | None
    prepared: float | None = None


Report = Callable[[Progress], None]
"""Called with the progress of the loop; ends the training by raising."""


def fit(
    model: DynamicsModel,
    data: Snapshots | Trajectories,
    config: TrainConfig,
    report: Report = lambda progress: None,
    start: Checkpoint | None = None,
    seed: int = 0,
) -> None:
    """Train in place, on the model's device; the model ends with the moving average (EMA) of its weights.

    The final weights are kept, not those of the lowest validation loss: the learning rate decays to zero. Raises
    ValueError where the data lack what the model requires, or an optional package that its settings name is not
    installed; FloatingPointError where a loss is not finite.
    """
    model.check_installed(model.config)
    if lacking := model.missing_data(model.config, data.has):
        raise ValueError(lacking)
    if model.trains_on == "trajectories" and isinstance(data, Snapshots):
        data = Trajectories.from_snapshots(data)
    train, validation = validation_split(data, config.validation_fraction, seed)
    frames = _on_its_clock(model, train)
    validation_frames = None if validation is None else _on_its_clock(model, validation)
    average = AveragedModel(model)
    if start is not None:
        model.load_state_dict(start.model)
        average.load_state_dict(start.average)
    phases = model.phases()
    counts = steps_by_phase(phases, config.steps)
    began = time.monotonic() - (start.seconds if start is not None else 0.0)
    for k in range(start.phase if start is not None else 0, len(phases)):
        loop = _PhaseLoop(model, average, phases[k], k, counts, config, seed, frames, validation_frames)
        loop.prepare(report, began)
        if start is not None and start.phase == k:
            loop.resume(start)
        loop.run(report, began)
    if average.n_averaged:
        for weight, mean in zip(model.parameters(), average.module.parameters(), strict=True):
            weight.data.copy_(mean)


def _on_its_clock(model: DynamicsModel, data: Snapshots | Trajectories) -> SnapshotTensors | TrajectoryTensors:
    """The data as tensors on the model's device, times as the model sees them."""
    found = as_tensors(data, model.device, model.spec)
    return model.clock.frames(found) if isinstance(found, SnapshotTensors) else found


def steps_by_phase(phases: tuple[Phase, ...], steps: int) -> list[int]:
    """Steps of each phase, at least one, together those asked for: the longest makes up for rounding. A phase without
    updates has none."""
    whole = sum(phase.step_fraction for phase in phases if phase.updates)
    counts = [max(1, round(steps * phase.step_fraction / whole)) if phase.updates else 0 for phase in phases]
    while whole and (over := sum(counts) - steps) and max(counts) > min(over, 1):
        counts[counts.index(max(counts))] -= 1 if over > 0 else -1
    return counts


class _PhaseLoop:
    """The training loop of one phase."""

    def __init__(
        self,
        model: DynamicsModel,
        average: AveragedModel,
        phase: Phase,
        index: int,
        counts: list[int],
        config: TrainConfig,
        seed: int,
        frames: SnapshotTensors | TrajectoryTensors,
        validation_frames: SnapshotTensors | TrajectoryTensors | None,
    ) -> None:
        self.model, self.average, self.seed = model, average, seed
        self.config = config = TrainConfig.from_dict(config.as_dict() | dict(phase.training))
        self.phase, self.index = phase, index
        self.first, self.steps, self.before, self.total = 0, counts[index], sum(counts[:index]), sum(counts)
        self.frames, self.validation_frames = frames, validation_frames if phase.updates else None
        self.rng = self._generator("steps")
        self.pool = self.validation_pool = None
        self.weights: list[Tensor] = [*model.parameters()]
        self.means: list[Tensor] = [*average.module.parameters()]
        self.parameters: list[list[Any]] = []
        self.optimizers: list[torch.optim.AdamW] = []

    def prepare(self, report: Report, began: float) -> None:
        """Compute what the phase needs before its steps, from the training cells and from those of the validation."""
        self.pool = self._prepared(self.frames, report, began)
        if self.validation_frames is not None:
            self.validation_pool = self._prepared(self.validation_frames, report, began)
        use = self.config
        self.parameters = [list(update.parameters) for update in self.phase.updates]
        self.optimizers = [
            torch.optim.AdamW(group, use.learning_rate, weight_decay=use.weight_decay, fused=True)
            for group in self.parameters
        ]

    def _prepared(self, frames: SnapshotTensors | TrajectoryTensors, report: Report, began: float) -> Any:
        """The pool of these cells, with a report each time that the preparation yields the part that is done."""
        if self.phase.prepare is None:
            return None
        found = self.phase.prepare(frames, self._generator("prepare"))
        if not isinstance(found, Generator):
            return found
        while True:
            try:
                done = float(next(found))
            except StopIteration as end:
                return end.value
            seconds = time.monotonic() - began
            report(Progress(self.phase.name, self.before, self.total, {}, None, seconds, None, done))

    def resume(self, start: Checkpoint) -> None:
        """Continue after the steps of a checkpoint of this phase."""
        self.first = start.step
        self.rng.set_state(start.rng)
        for optimizer, state in zip(self.optimizers, start.optimizers, strict=True):
            optimizer.load_state_dict(state)

    def run(self, report: Report, began: float) -> None:
        sums: dict[str, Tensor] = {}
        since = 0
        if not self.phase.updates:
            report(self._progress(0, {}, began))
        for step in range(self.first, self.steps):
            for name, value in self._step(step).items():
                sums[name] = sums.get(name, torch.zeros_like(value)) + value
            since += 1
            if (step + 1) % self.config.log_every == 0 or step + 1 == self.steps:
                losses = {name: float(value) / since for name, value in sums.items()}
                self._check_finite(step, losses)
                report(self._progress(step + 1, losses, began))
                sums, since = {}, 0

    def _step(self, step: int) -> dict[str, Tensor]:
        """One step of every update of the phase; the losses, still on the device."""
        rate = self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        terms: dict[str, Tensor] = {}
        for update, parameters, optimizer in zip(self.phase.updates, self.parameters, self.optimizers, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss = update.loss(self.frames.batch(self.config.batch_size, self.rng, self.pool))
            loss.total.backward(inputs=parameters)  # no gradient for the other networks of an adversarial loss
            torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)
            optimizer.step()
            terms |= {"loss": terms.get("loss", 0.0) + loss.total.detach(), **loss.terms}
        if self.config.ema_decay:
            self._update_ema(self.before + step)
        return terms

    @torch.no_grad()
    def _update_ema(self, done: int) -> None:
        """Update the moving average. Its decay grows with the steps: a short run forgets its initial weights."""
        decay = min(self.config.ema_decay, (1 + done) / (10 + done)) if done else 0.0
        get_ema_multi_avg_fn(decay)(self.means, self.weights, done)
        self.average.n_averaged += 1

    def _progress(self, step: int, losses: Mapping[str, float], began: float) -> Progress:
        seconds = time.monotonic() - began
        return Progress(
            phase=self.phase.name,
            step=self.before + step,
            steps=self.total,
            losses=losses,
            validation=self._validate(),
            seconds=seconds,
            checkpoint=lambda: Checkpoint(
                phase=self.index,
                step=step,
                model=self.model.state_dict(),
                average=self.average.state_dict(),
                optimizers=[each.state_dict() for each in self.optimizers],
                rng=self.rng.get_state(),
                seconds=seconds,
            ),
        )

    def _validate(self) -> float | None:
        """Total loss on the validation cells, with the same random draws at every call."""
        if self.validation_frames is None:
            return None
        rng = self._generator("validation")
        batch = self.validation_frames.batch(self.config.batch_size, rng, self.validation_pool)
        return sum(each.loss(batch).total.item() for each in self.phase.updates)

    def _check_finite(self, step: int, losses: Mapping[str, float]) -> None:
        if not all(math.isfinite(value) for value in losses.values()):
            named = ", ".join(f"{name}={value}" for name, value in losses.items())
            raise FloatingPointError(
                f"the loss is not finite at step {self.before + step + 1} ({named}): "
                f"try a learning rate below {self.config.learning_rate:g} or check the data for extreme values"
            )

    def _generator(self, use: str) -> torch.Generator:
        """Seeded by phase and use alone, so that what is prepared again after a resume is the same."""
        uses = ("prepare", "steps", "validation")
        rng = torch.Generator(self.model.device)
        return rng.manual_seed((self.seed * 1000 + self.index) * len(uses) + uses.index(use))
