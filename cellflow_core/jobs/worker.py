"""What a worker does with a run folder: claim an attempt, resume, train, send heartbeats, and write a result."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.jobs.device import choose_device
from cellflow_core.jobs.error_messages import user_message
from cellflow_core.runs import bands, metrics
from cellflow_core.runs.attempt import Attempt, claim
from cellflow_core.runs.heartbeat import Heartbeat
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run
from cellflow_core.runs.status import State
from cellflow_core.workspace import Workspace

if TYPE_CHECKING:
    from cellflow_core.data.trajectories import Trajectories
    from cellflow_core.jobs.checkpoints import Checkpoints
    from cellflow_core.models.contract import DynamicsModel
    from cellflow_core.train.trainer import Progress

RESERVE = 65_536
"""Bytes set aside in an attempt, so that a full disk still takes the sentence that says so."""


class Stopped(BaseException):
    """The training is to end; no error, so that no `except Exception` catches it."""


class SmallerBatch(Exception):
    """The training begins again, from its newest checkpoint, with the batch size that the run has now."""


class Superseded(BaseException):
    """A later attempt has taken over while this worker was silent."""


def work(folder: Path) -> None:
    """Train the run in `folder`, from its newest checkpoint if it has one, and write how it ended.

    Returns at once where the run has ended, or another worker claimed the attempt first. Never raises for what goes
    wrong in training: that is the run's result. Raises OSError where the folder cannot be written.
    """
    run = Run(folder)
    if run.result is not None:
        return
    try:
        attempt = claim(folder, "worker")
    except FileExistsError:
        return
    reserve = attempt.folder / "reserve"
    with Heartbeat(attempt) as heartbeat:
        try:
            reserve.write_bytes(b"\0" * RESERVE)
            device, peak = _train(run, attempt, heartbeat)
        except Superseded:
            attempt.end("superseded", "a later attempt has taken over")
        except Stopped:
            if run.cancelled:
                _end(run, attempt, "cancelled", "cancelled before it was done")
            else:
                attempt.end("stopped", "the worker was stopped; the run is resumed when a place is free")
        except Exception as error:  # noqa: BLE001 - whatever training raises is the result of the run
            reserve.unlink(missing_ok=True)
            attempt.log_line(traceback.format_exc())
            _end(run, attempt, "failed", user_message(error))
        else:
            _end(run, attempt, "done", run.smaller_batch, device, peak)
            _clear_checkpoints(run)
            _score(run, attempt)
    reserve.unlink(missing_ok=True)


def main(folder: Path) -> None:
    """`work` as the only task of this process: TERM stops it in order, and it has one thread."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    for each in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # numba sets the threads of torch too
        os.environ.setdefault(each, "1")  # small networks: threads that wait for each other are far slower
    work(folder)


def _stop(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _train(run: Run, attempt: Attempt, heartbeat: Heartbeat) -> tuple[str, float]:
    """Train and save the weights; the device in words, and the peak memory (MB) of this process."""
    if run.cancelled:
        raise Stopped
    heartbeat.update(stage="loading the training code")
    import torch

    from cellflow_core.jobs.checkpoints import Checkpoints
    from cellflow_core.jobs.process import peak_mb
    from cellflow_core.models import registry
    from cellflow_core.runs.weights import save_model, settle_spec
    from cellflow_core.train.trainer import TrainConfig, fit

    recipe = run.recipe
    device, device_name = choose_device(recipe.device)
    heartbeat.update(device=device_name, stage="loading the data")
    data = training_data(recipe, run.workspace)
    spec = settle_spec(run, data.spec)
    heartbeat.update(stage="preparing")
    checkpoints = Checkpoints(run.folder / "checkpoints", run.workspace.limits.checkpoint_seconds)

    def trained() -> DynamicsModel:
        start = checkpoints.newest(attempt.log_line)
        begin = f"from {start.seconds:.0f} s on" if start else "from the start"
        attempt.log_line(f"{recipe.model} on {device_name}, {begin}")
        model = registry.create(recipe.model, recipe.settings, spec, recipe.seed, device)
        training = TrainConfig.from_dict(dict(type(model).default_training) | run.training)
        with _room_on_gpu(run, training.batch_size):
            fit(model, data, training, _Reporter(run, attempt, checkpoints), start, recipe.seed)
        return model

    model = None
    with suppress(SmallerBatch):
        model = trained()
    if model is None:  # begun here, where no error holds on to what is on the GPU
        torch.cuda.empty_cache()
        attempt.log_line(run.smaller_batch)
        heartbeat.update(stage="preparing, with a smaller batch")
        model = trained()
    for note in model.notes():
        attempt.log_line(note)
    heartbeat.update(stage="saving the model")
    save_model(run, model)
    if recipe.band_folds:
        make = partial(registry.create, recipe.model, recipe.settings, spec, recipe.seed, device)
        _calibrate_bands(run, attempt, heartbeat, data, make)
    return device_name, round(peak_mb(), 1)


def _calibrate_bands(
    run: Run,
    attempt: Attempt,
    heartbeat: Heartbeat,
    data: Snapshots | Trajectories,
    make: Callable[[], DynamicsModel],
) -> None:
    """Train copies without a part of the individuals each, and keep what they tell of the bands in the run folder."""
    from cellflow_core.analysis.courses.band_calibration import calibrated
    from cellflow_core.data.trajectories import Trajectories
    from cellflow_core.train.folds import without_folds
    from cellflow_core.train.trainer import TrainConfig

    def going_on(progress: Progress) -> None:
        if run.attempts[-1] != attempt or run.result is not None:
            raise Superseded
        if run.cancelled:
            raise Stopped

    count, copies = run.recipe.band_folds, []
    whole = data if isinstance(data, Trajectories) else Trajectories.from_snapshots(data)
    heartbeat.update(stage=f"calibrating the bands, copy 1 of {count}")
    training = TrainConfig.from_dict(dict(type(make()).default_training) | run.training)
    for copy in without_folds(make, whole, training, count, going_on, run.recipe.seed):
        copies.append(copy)
        heartbeat.update(stage=f"calibrating the bands, copy {min(len(copies) + 1, count)} of {count}")
    found = {each: calibrated(copies, each, run.recipe.seed) for each in whole.variables}
    factors = {name: each.as_dict() for name, each in found.items() if each is not None}
    bands.save(run, factors)
    attempt.log_line(f"bands calibrated of {', '.join(factors) or 'no variable'}, by {count} copies")


@contextmanager
def _room_on_gpu(run: Run, batch_size: int) -> Iterator[None]:
    """Where the memory of the GPU is used up, take half the batch for this run, once."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        if batch_size < 4 or not run.take_batch(batch_size // 2):
            raise
        raise SmallerBatch from error


@dataclass
class _Reporter:
    """Writes the progress of training to the run folder, and ends training where the run was cancelled."""

    run: Run
    attempt: Attempt
    checkpoints: Checkpoints
    phase: str = ""

    def __call__(self, progress: Progress) -> None:
        if self.run.attempts[-1] != self.attempt or self.run.result is not None:
            raise Superseded
        metrics.append(
            self.attempt.metrics,
            {
                "phase": progress.phase,
                "step": progress.step,
                "steps": progress.steps,
                "losses": dict(progress.losses),
                "validation": progress.validation,
                "seconds": round(progress.seconds, 3),
                "prepared": progress.prepared,
            },
        )
        if progress.phase != self.phase:
            self.attempt.log_line(f"phase {progress.phase}, step {progress.step} of {progress.steps}")
            self.phase = progress.phase
        cancelled = self.run.cancelled
        due = cancelled or self.checkpoints.due() or progress.step == progress.steps
        if due and progress.checkpoint is not None:
            self.checkpoints.save(progress.step, progress.checkpoint())
        if cancelled:
            raise Stopped


def training_data(recipe: Recipe, workspace: Workspace | None = None) -> Snapshots | Trajectories:
    """The cells the recipe was written for, without the held-out time; individuals without what was measured of them
    after the time from which on that is held out.

    Raises KeyError where the data set is gone, ValueError where its content is another than the recipe's.
    """
    from cellflow_core.data.store import open_dataset

    dataset = open_dataset(recipe.dataset, workspace)
    expected = dataset.info.fingerprint_for(recipe.settings)
    if expected != recipe.fingerprint or dataset.stored.fingerprint != dataset.info.fingerprint:
        raise ValueError(
            f"data set {recipe.dataset} has changed since this run was submitted "
            f"(content {dataset.stored.fingerprint}, expected {recipe.fingerprint}): submit the run again"
        )
    data = dataset.snapshots()
    if recipe.hold_out_after is not None:
        from cellflow_core.data.train_validation_split import earlier_part
        from cellflow_core.data.trajectories import Trajectories

        return earlier_part(Trajectories.from_snapshots(data), recipe.hold_out_after)
    return data if recipe.hold_out is None else data.without(recipe.hold_out)


def _score(run: Run, attempt: Attempt) -> None:
    """Score a run at its held-out time, so that a table of runs needs no open page. The run has ended: what goes wrong
    here is in its log, and whoever asks for the scores again gets the same error."""
    if run.recipe.hold_out is None:
        return
    from cellflow_core.jobs.analysis_cache import answer

    try:
        answer("scores", run.id, workspace=run.workspace)
    except Stopped:
        attempt.log_line("stopped before it was scored at the held-out time; whoever asks for the scores gets them")
    except Exception as error:  # noqa: BLE001 - the model is trained and stays so
        attempt.log_line(f"not scored at the held-out time: {user_message(error)}")


def _clear_checkpoints(run: Run) -> None:
    """A run that is done is never resumed."""
    from cellflow_core.jobs.checkpoints import Checkpoints

    Checkpoints(run.folder / "checkpoints").clear()


def _end(
    run: Run, attempt: Attempt, state: State, message: str, device: str = "", peak_mb: float | None = None
) -> None:
    attempt.log_line(f"{state}. {message}".strip())
    run.end(state, message, device, peak_mb=peak_mb)
    attempt.end(state, message)
