"""A supervisor whose looks are taken one at a time, and what the tests of jobs wait for."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from functools import cache

import pytest
import torch

from cellflow_core.jobs import supervisor
from cellflow_core.jobs.executors.contract import Executor
from cellflow_core.jobs.executors.local import LocalProcesses
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.models import registry
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from cellflow_core.runs.weights import load_model
from cellflow_core.train.trainer import TrainConfig, fit
from cellflow_core.workspace import current
from tests.toys import drifting, recipe, stored

LONG = {"steps": 800, "batch_size": 64, "log_every": 10}
"""Some seconds of training: long enough to be hit in the middle."""
TINY = {"steps": 10, "batch_size": 16, "log_every": 10}
"""Training that is over at once."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(true: Callable[[], object], what: str | Callable[[], str], seconds: float = 180.0) -> None:
    """Wait for something to be true; a test that waits in vain says for what."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s in vain for: {what if isinstance(what, str) else what()}")
        time.sleep(0.02)


class Looking:
    """A scheduler's looks, one at a time, in this process; its workers are ended with the test."""

    def __init__(self, executor: Executor | None = None, slots: int = 1) -> None:
        self.lock = supervisor._lock(current().runs)  # workers that end find a supervisor at work
        self.lock.acquire()
        self.executor = executor or LocalProcesses()
        self.scheduler = Scheduler(self.executor, slots)

    def look(self) -> None:
        self.executor.reap()
        self.scheduler.schedule_once()

    def until(self, run: Run, *states: str) -> None:
        def reached() -> bool:
            self.look()
            return run.status().state in states

        until(reached, lambda: f"{' or '.join(states)}, it is {run.status()}\n{run.log()}")

    def lose(self, run: Run) -> None:
        """Kill the worker of a run, and start no other yet."""
        os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGKILL)
        self.scheduler.slots = 0
        self.until(run, "lost")
        self.scheduler.slots = 1


def in_training(run: Run, steps: int = 1) -> Callable[[], bool]:
    return lambda: run.status().state == "running" and run.status().step >= steps


@cache
def uninterrupted() -> dict[str, torch.Tensor]:
    """Weights of LONG by the trainer alone: no folder, no checkpoint, no interruption."""
    asked = recipe(stored(), training=LONG)
    data = drifting()
    model = registry.create(asked.model, asked.settings, data.spec, asked.seed)
    fit(model, data, TrainConfig.from_dict(dict(type(model).default_training) | LONG), seed=asked.seed)
    return model.state_dict()


def whole(run: Run) -> bool:
    """Does the run have the very weights of an uninterrupted training?"""
    found, wanted = load_model(run).state_dict(), uninterrupted()
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


class Recorded:
    """An executor that only writes down what it was asked for."""

    name = "recorded"

    def __init__(self) -> None:
        self.started: list[tuple[str, Lease]] = []
        self.stopped: list[bool] = []

    def start(self, run: Run, lease: Lease) -> None:
        self.started.append((run.id, lease))
        lease.save(run.folder, executor=self.name, job="17")

    def pending(self, run: Run) -> bool:
        return any(id == run.id for id, _ in self.started)

    def stop(self, run: Run, force: bool = False) -> None:
        self.stopped.append(force)

    def reap(self) -> None:
        pass
