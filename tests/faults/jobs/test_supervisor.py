"""One supervisor, the order of runs, leases of devices, and engines with a queue of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from cellflow_core.jobs import scheduler, supervisor
from cellflow_core.jobs.executor import InProcess, LocalProcesses, path_to_core
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.runs import index
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from cellflow_core.workspace import runs_root
from tests.faults.jobs.supervised import LONG, Recorded, in_training, until
from tests.toys import recipe, stored


def test_a_run_in_the_queue_of_an_engine_is_queued_until_its_worker_claims_it(monkeypatch):
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.0)
    run = index.submit(recipe(stored()))
    executor = Recorded()
    for _ in range(3):
        Scheduler(executor, 1).schedule_once()  # each look by a supervisor that was started anew
        assert run.status().state == "queued" and not run.attempts
    assert executor.started == [(run.id, Lease(1))]
    InProcess().start(run)
    assert run.status().state == "done"


def test_cancel_goes_through_the_executor(monkeypatch):
    monkeypatch.setattr(scheduler, "GRACE", 0.1)
    run = index.submit(recipe(stored()))
    executor = Recorded()
    looking = Scheduler(executor, 1)
    looking.schedule_once()
    claim(run.folder, "a worker that does not answer")
    run.cancel()
    assert run.status().state == "starting"
    looking.schedule_once()
    assert executor.stopped == []
    until(lambda: looking.schedule_once() and True in executor.stopped, "the stop by force")
    assert executor.stopped[0] is False
    executor.started.clear()
    looking.schedule_once()
    assert run.status().state == "cancelled"


def test_an_engine_that_cannot_be_reached_is_survived(monkeypatch, capsys):
    run = index.submit(recipe(stored()))

    class Unreachable(Recorded):
        reached = 0

        def reap(self) -> None:
            Unreachable.reached += 1
            if Unreachable.reached < 3:
                raise ConnectionError("the scheduler does not answer")

        def start(self, run: Run, lease: Lease) -> None:
            InProcess().start(run)

    assert supervisor.supervise(Unreachable(), 1, idle=0.5)
    assert run.status().state == "done" and "does not answer" in capsys.readouterr().out


def test_jobs_start_in_order_within_the_slots(looking):
    data = stored()
    runs = [index.submit(recipe(data)) for _ in range(2)]
    started: list[str] = []

    class Watched(LocalProcesses):
        def start(self, run: Run, lease: Lease) -> None:
            assert not any(each.status().active for each in runs)
            started.append(run.id)
            super().start(run, lease)

    looking.executor = looking.scheduler.executor = Watched()
    looking.until(runs[-1], "done")
    assert started == [each.id for each in runs]


def test_each_gpu_is_leased_to_one_run():
    runs = [index.submit(recipe(stored(), device=device)) for device in ("auto", "cuda", "auto", "cpu")]
    executor = Recorded()
    for _ in range(2):
        Scheduler(executor, 1, ("0", "1")).schedule_once()
    assert [(id, each.gpu, each.environment) for id, each in executor.started] == [
        (runs[0].id, "0", {"CUDA_VISIBLE_DEVICES": "0"}),
        (runs[1].id, "1", {"CUDA_VISIBLE_DEVICES": "1"}),
        (runs[3].id, "", {}),
    ]


def test_the_supervisor_is_one_outlives_its_starter_and_leaves_when_idle():
    run = index.submit(recipe(stored(), training={"steps": 200, "batch_size": 16, "log_every": 10}))
    command = [sys.executable, "-m", "cellflow_core.jobs.supervisor", "--slots", "1", "--idle", "1"]
    environment = os.environ | path_to_core()
    first = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: run.status().state == "running", "a worker")
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert (second.returncode, second.stdout) == (0, "another supervisor is at work on this workspace\n")
        until(lambda: run.status().state == "done", "the end of the run")
        assert first.wait(timeout=60) == 0
    finally:
        first.kill()
        first.communicate()


def test_a_supervisor_that_is_killed_leaves_the_worker_at_work(looking):
    run = index.submit(recipe(stored(), training=LONG))
    command = [sys.executable, "-m", "cellflow_core.jobs.supervisor", "--slots", "1"]
    first = subprocess.Popen(command, env=os.environ | path_to_core(), start_new_session=True)
    until(in_training(run), "training")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    looking.until(run, "done")
    assert run.status().attempt == 1


def test_ensure_starts_one_only_where_none_is(monkeypatch):
    begun: list[list[str]] = []
    monkeypatch.setattr(supervisor.subprocess, "Popen", lambda command, **_: begun.append(command))
    supervisor.ensure_supervisor()
    assert len(begun) == 1
    with supervisor._lock(runs_root()):
        supervisor.ensure_supervisor()
        assert not supervisor.supervise(LocalProcesses(), 1)
    assert len(begun) == 1
