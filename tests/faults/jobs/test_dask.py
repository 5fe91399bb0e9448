"""Runs on a Dask cluster of real processes: whatever of it dies, no run is lost and the weights are the same."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellflow_core.jobs import scheduler as scheduling
from cellflow_core.jobs.executors import dask_workers
from cellflow_core.jobs.executors.dask_workers import DaskWorkers
from cellflow_core.jobs.executors.local import path_to_core
from cellflow_core.runs import index
from tests.faults.jobs.supervised import LONG, TINY, Looking, free_port, in_training, until, whole
from tests.toys import recipe, stored

if importlib.util.find_spec("distributed") is None:
    pytest.skip("the package distributed is not installed (`make dask`)", allow_module_level=True)


class Cluster:
    """A scheduler and workers, each in a session of its own, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, 0
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def scheduler(self) -> subprocess.Popen[bytes]:
        found = self._process("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        until(self._answers, "the scheduler")
        return found

    def worker(self, *more: str) -> subprocess.Popen[bytes]:
        self.workers += 1
        flags = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "20")
        where = ("--local-directory", str(self.folder / "dask"))
        return self._process("dask_worker", self.address, *flags, *where, "--name", f"w{self.workers}", *more)

    def end(self) -> None:
        for each in self.processes:
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGKILL)
            each.wait()

    def _answers(self) -> bool:
        with socket.socket() as to:
            return to.connect_ex(("127.0.0.1", self.port)) == 0

    def _process(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "cluster.log").open("ab") as log:
            made = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{name}", *more],
                stdout=log,
                stderr=log,
                env=os.environ | path_to_core(),
                start_new_session=True,
            )
        self.processes.append(made)
        return made


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.end()


@pytest.fixture
def looking(cluster):
    made = Looking(DaskWorkers(cluster.address, timeout=2), slots=100)
    yield made
    made.lock.release()


def test_a_run_waits_in_the_queue_of_the_cluster_and_is_trained_when_a_worker_comes(cluster, looking):
    cluster.scheduler()
    first, second = (index.submit(recipe(stored(), training=TINY)) for _ in range(2))
    for _ in range(3):
        looking.look()
        assert [each.status().state for each in (first, second)] == ["queued", "queued"] and not first.attempts
    assert DaskWorkers(cluster.address).pending(first)  # a supervisor that was started anew finds it by the lease
    cluster.worker()
    looking.until(second, "done")
    looking.until(first, "done")
    looking.look()
    assert not looking.executor.pending(first) and not index.open_runs()


@pytest.mark.slow
def test_cancel_reaches_a_run_in_the_queue_and_a_run_in_training(cluster, looking, monkeypatch):
    monkeypatch.setattr(scheduling, "GRACE", 0.1)
    cluster.scheduler()
    waiting = index.submit(recipe(stored(), training=LONG))
    looking.look()
    assert looking.executor.pending(waiting)
    waiting.cancel()
    looking.until(waiting, "cancelled")
    assert not waiting.attempts
    cluster.worker()
    training = index.submit(recipe(stored(), training=LONG))
    looking.until(training, "running")
    until(in_training(training), "training")
    training.cancel()
    looking.until(training, "cancelled")
    assert 0 < training.status().step < LONG["steps"]


@pytest.mark.slow
def test_a_run_outlives_the_scheduler_and_its_worker(cluster, looking):
    started = cluster.scheduler()
    worker = cluster.worker()
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    os.killpg(started.pid, signal.SIGKILL)
    os.killpg(worker.pid, signal.SIGKILL)
    started.wait()
    other = index.submit(recipe(stored(), training=TINY))
    looking.look()
    until(lambda: looking.look() or "does not answer" in other.status().message, "the sentence")
    assert other.status().state == "queued"
    cluster.scheduler()
    cluster.worker()
    looking.until(run, "done")
    looking.until(other, "done")
    assert whole(run) and len(other.attempts) == 1  # what could not be asked for is no lost worker


@pytest.mark.slow
def test_a_run_takes_a_gpu_of_the_cluster_unless_it_is_to_train_on_the_cpu(cluster):
    cluster.scheduler()
    cluster.worker()
    looking = Looking(DaskWorkers(cluster.address, gpus=True), slots=100)
    try:
        on_gpu = index.submit(recipe(stored(), training=TINY, device="auto"))
        on_cpu = index.submit(recipe(stored(), training=TINY))
        looking.until(on_cpu, "done")
        assert on_gpu.status().state == "queued" and looking.executor.pending(on_gpu)
        cluster.worker("--resources", "GPU=1")
        looking.until(on_gpu, "done")
    finally:
        looking.lock.release()


def test_machines_without_the_folder_of_the_runs_are_named(cluster, looking, monkeypatch, tmp_path):
    task = dask_workers._worker_task()
    with pytest.raises(FileNotFoundError, match="shared file system"):
        task(str(tmp_path / "absent"), str(tmp_path / "log"), {}, sys.executable)
    nowhere = lambda folder, *rest: task("/absent", *rest)  # noqa: E731 - the folder as another machine sees it
    monkeypatch.setattr(dask_workers, "_worker_task", lambda: nowhere)
    cluster.scheduler()
    cluster.worker()
    run = index.submit(recipe(stored(), training=TINY))
    looking.until(run, "failed")
    assert "shared file system" in run.status().message and len(run.attempts) == scheduling.MAX_LOSSES
