"""One supervisor, the order of runs, leases of devices, and engines with a queue of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from cellflow_core.jobs import scheduler, supervisor
from cellflow_core.jobs.executors.local import InProcess, LocalProcesses, path_to_core
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.runs import index, queue
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from cellflow_core.workspace import current
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
    looking.lock.release()
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
    with supervisor._lock(current().runs):
        supervisor.ensure_supervisor()
        assert not supervisor.supervise(LocalProcesses(), 1)
    assert len(begun) == 1


def test_a_supervisor_that_is_killed_comes_back_when_its_worker_ends(monkeypatch):
    monkeypatch.setenv("CELLFLOW_IDLE", "1")
    short = {"steps": 200, "batch_size": 16, "log_every": 10}
    runs = [index.submit(recipe(stored(), training=short, seed=k)) for k in range(2)]
    command = [sys.executable, "-m", "cellflow_core.jobs.supervisor", "--slots", "1"]
    first = subprocess.Popen(command, env=os.environ | path_to_core(), start_new_session=True)
    until(lambda: runs[0].status().state in ("running", "done"), "a worker")
    first.kill()
    first.wait()
    until(lambda: runs[1].status().state == "done", "the second run, with nobody who looks")
    assert [run.status().state for run in runs] == ["done", "done"]


def test_the_server_and_every_page_start_a_supervisor_where_runs_are_open(monkeypatch):
    from pages.parts.server import lifespan

    begun: list[list[str]] = []
    monkeypatch.setattr(supervisor.subprocess, "Popen", lambda command, **_: begun.append(command))
    supervisor.wake()
    assert not begun
    index.submit(recipe(stored()))
    supervisor.wake()
    assert len(begun) == 1
    monkeypatch.setattr(lifespan, "WAKE_EVERY", 0.01)
    ended = threading.Event()
    watch = threading.Thread(target=lifespan.keep_supervised, args=(ended,))
    watch.start()
    until(lambda: len(begun) >= 4, "starts of a supervisor that dies each time")
    ended.set()
    watch.join()


def test_a_run_whose_submission_was_killed_is_found(monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index.files, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            index.submit(recipe(stored()))
    assert not index.open_runs(), "without a recipe it is no run"
    run = index.submit(recipe(stored()))
    assert queue.place(run) == 1
    run.marker.unlink()  # as an earlier version left it
    assert not index.open_runs()
    assert supervisor.supervise(InProcess(), 1, idle=0.2)
    assert run.status().state == "done"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_resumed_while_the_supervisor_looks_stays_in_the_queue(moment, monkeypatch):
    run = index.submit(recipe(stored()))
    run.end("failed", "the disk is full")
    run.marker.touch()  # its end was written a moment ago, and the marker is still there
    usual = Run.unmark

    def resumed_meanwhile(self: Run) -> None:
        if moment == "after":
            self.marker.unlink()
        monkeypatch.setattr(Run, "unmark", usual)
        Run(self.folder).resume()
        usual(self)

    monkeypatch.setattr(Run, "unmark", resumed_meanwhile)
    Scheduler(Recorded(), 1).schedule_once()
    assert run.status().state == "queued" and [each.id for each in index.open_runs()] == [run.id]
