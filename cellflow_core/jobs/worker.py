"""What a worker does with a run folder: claim, resume, train, beat, and leave a result behind."""

from __future__ import annotations

import os
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.jobs.error_messages import user_message
from cellflow_core.runs import files, metrics
from cellflow_core.runs.attempt import Attempt, Heartbeat, claim
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run

if TYPE_CHECKING:
    from cellflow_core.jobs.checkpoints import Checkpoints
    from cellflow_core.train.trainer import Progress

RESERVE = 65_536
"""Bytes set aside in an attempt, so that a full disk still takes the sentence that says so."""


class Stopped(BaseException):
    """Someone wants the training to end; no error, so no `except Exception` holds it up."""


class Superseded(BaseException):
    """A later attempt has taken over while this worker was silent."""


def work(folder: Path, attempt: Attempt | None = None) -> None:
    """Train the run in `folder`, from its newest checkpoint if it has one, and write how it ended.

    `attempt` is the claim made on this worker's behalf; without one it makes its own. Returns at once where the run has
    ended, whoever ended it. Never raises for what goes wrong in training: that is the run's result.
    """
    run = Run(folder)
    if run.result is not None:
        return
    attempt = attempt or claim(folder, "worker")
    reserve = attempt.folder / "reserve"
    with Heartbeat(attempt) as heart:
        try:
            reserve.write_bytes(b"\0" * RESERVE)
            device, peak = _train(run, attempt, heart)
        except Superseded:
            _exit(attempt, "superseded", "a later attempt has taken over")
        except Stopped:
            if run.cancelled:
                _end(run, attempt, "cancelled", "cancelled before it was done")
            else:
                _exit(attempt, "stopped", "the worker was told to stop; the run goes on when one is free")
        except Exception as error:  # noqa: BLE001 - whatever training raises is the result of the run
            reserve.unlink(missing_ok=True)
            attempt.log_line(traceback.format_exc())
            _end(run, attempt, "failed", user_message(error))
        else:
            _end(run, attempt, "done", "", device, peak)
            _clear(run)
            _score(run, attempt)
    reserve.unlink(missing_ok=True)


def main(folder: Path, attempt: Attempt | None = None) -> None:
    """`work` as the only task of this process: TERM stops it in an orderly way, and it has one thread."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the nets are small; threads that wait for each other are far slower
    work(folder, attempt)


def _stop(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def _train(run: Run, attempt: Attempt, heart: Heartbeat) -> tuple[str, float]:
    """Train and save the weights; the device in words, and the most memory (MB) that this process held."""
    if run.cancelled:
        raise Stopped
    heart.log_line(stage="loading the training code")
    from cellflow_core.jobs.checkpoints import Checkpoints
    from cellflow_core.jobs.process import peak_mb
    from cellflow_core.models import registry
    from cellflow_core.runs.weights import save_model, save_spec
    from cellflow_core.train.trainer import TrainConfig, fit

    recipe = run.recipe
    device, words = choose_device(recipe.device)
    heart.log_line(device=words, stage="loading the data")
    data = training_data(recipe)
    save_spec(run, data.spec)
    heart.log_line(stage="preparing")
    kept = Checkpoints(run.folder / "checkpoints")
    start = kept.newest(attempt.log_line)
    attempt.log_line(f"{recipe.model} on {words}, " + (f"from {start.seconds:.0f} s on" if start else "from the start"))
    model = registry.create(recipe.model, recipe.settings, data.spec, recipe.seed, device)
    training = TrainConfig.from_dict(dict(type(model).default_training) | dict(recipe.training))
    fit(model, data, training, _Reporter(run, attempt, kept), start, recipe.seed)
    for note in model.notes():
        attempt.log_line(note)
    heart.log_line(stage="saving the model")
    save_model(run, model)
    return words, round(peak_mb(), 1)


@dataclass
class _Reporter:
    """How progress leaves the training, and how a wish to stop comes in."""

    run: Run
    attempt: Attempt
    kept: Checkpoints
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
            },
        )
        if progress.phase != self.phase:
            self.attempt.log_line(f"phase {progress.phase}, step {progress.step} of {progress.steps}")
            self.phase = progress.phase
        cancelled = self.run.cancelled
        if cancelled or self.kept.due() or progress.step == progress.steps:
            self.kept.save(progress.step, progress.checkpoint())
        if cancelled:
            raise Stopped


def training_data(recipe: Recipe) -> Snapshots:
    """The cells the recipe was written for, less the time held out.

    Raises KeyError where the data set is gone, ValueError where its content is another than the recipe's.
    """
    from cellflow_core.data.store.store import open_dataset

    data = open_dataset(recipe.dataset).snapshots()
    if data.fingerprint != recipe.fingerprint:
        raise ValueError(
            f"data set {recipe.dataset} has changed since this run was submitted "
            f"(content {data.fingerprint}, expected {recipe.fingerprint}): submit the run again"
        )
    return data if recipe.hold_out is None else data.without(recipe.hold_out)


def choose_device(wish: str) -> tuple[str, str]:
    """(torch's name, in words). "auto" takes a GPU when there is one.

    "cuda" without a GPU is a ValueError with a sentence: no run moves to the CPU without a word.
    """
    import torch

    there = torch.cuda.is_available()
    if wish == "cuda" and not there:
        raise ValueError('device "cuda" was asked for, but this machine shows no GPU: choose "auto" or "cpu"')
    if wish != "cpu" and there:
        return "cuda", f"GPU ({torch.cuda.get_device_name()})"
    threads = torch.get_num_threads()
    return "cpu", f"CPU ({threads} thread{'s' if threads > 1 else ''})"


def _score(run: Run, attempt: Attempt) -> None:
    """Compare a run with the time it did not see, so that a table of runs needs no open page. The run has ended: what
    goes wrong here is in its log, and asking again says it again."""
    if run.recipe.hold_out is None:
        return
    from cellflow_core.jobs.analysis_cache import answer

    try:
        answer("scores", run.id)
    except Stopped:
        attempt.log_line("stopped before it was compared with the time held out; whoever asks for the scores gets them")
    except Exception as error:  # noqa: BLE001 - the model is trained and stays so
        attempt.log_line(f"not compared with the time held out: {user_message(error)}")


def _clear(run: Run) -> None:
    """A run that is done has nothing to go on from."""
    from cellflow_core.jobs.checkpoints import Checkpoints

    Checkpoints(run.folder / "checkpoints").clear()


def _end(run: Run, attempt: Attempt, state: str, message: str, device: str = "", peak_mb: float | None = None) -> None:
    attempt.log_line(f"{state}. {message}".strip())
    run.end(state, message, device, peak_mb=peak_mb)  # type: ignore[arg-type]
    _exit(attempt, state, message)


def _exit(attempt: Attempt, kind: str, message: str) -> None:
    files.write_exclusive(attempt.folder / "exit.json", {"kind": kind, "message": message})
