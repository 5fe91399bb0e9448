"""Workers that are killed, ended, cancelled, slow or superseded: nothing is lost, one sentence says what was."""

from __future__ import annotations

import os
import signal
import time

import pytest

from cellflow_core.jobs import scheduler
from cellflow_core.runs import index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from tests.faults.jobs.supervised import LONG, Recorded, in_training, until, whole
from tests.toys import recipe, stored


def test_a_killed_worker_is_replaced_and_the_weights_are_the_same(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    looking.lose(run)
    with run.attempts[0].metrics.open("ab") as file:
        file.write(b'{"phase": "flow", "step": 15')  # cut off while it was written
    assert run.status().step == run.history()["step"][-1]
    looking.until(run, "done")
    assert run.status().attempt == 2 and "s on\n" in run.attempts[1].log.read_text()
    rows = metrics.read(run.attempts[1].metrics)[0]
    assert rows[0]["step"] > 10, "the second attempt began from the start"
    assert run.history()["step"].tolist() == list(range(10, 801, 10))
    assert whole(run)


def test_a_terminated_worker_ends_in_order_and_the_run_is_resumed(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGTERM)
    until(lambda: run.status().state == "queued", "the queue")
    assert (run.attempts[0].exit or {})["kind"] == "stopped"
    looking.until(run, "done")
    assert run.status().attempt == 2


def test_cancel_and_resume(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    run.cancel()
    looking.until(run, "cancelled")
    step = run.status().step
    assert 0 < step < 800 and list((run.folder / "checkpoints").glob("*.pt"))
    run.resume()
    looking.until(run, "done")
    assert whole(run)


def test_a_cancelled_worker_that_does_not_stop_is_killed(looking, monkeypatch):
    monkeypatch.setattr(scheduler, "GRACE", 0.2)
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGSTOP)
    run.cancel()
    assert run.status().state == "running"
    looking.until(run, "cancelled")


def test_a_worker_that_cannot_begin_fails_after_three_attempts_with_its_last_words(looking, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nsys.stderr.write('the machine is on fire\\n')\nsys.stderr.flush()\nos.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = index.submit(recipe(stored()))
    looking.until(run, "failed")
    status = run.status()
    assert status.attempt == 3
    assert "stopped 3 times without a reason" in status.message and "the machine is on fire" in status.message
    assert not index.open_runs()
    monkeypatch.delenv("PYTHONPATH")
    run.resume()
    looking.until(run, "done")


def test_a_worker_that_is_slow_to_begin_is_starting_and_is_not_lost(looking, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.2)
    run = index.submit(recipe(stored()))
    looking.look()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        looking.look()
        status = run.status()
        assert (status.state, status.attempt) == ("starting", 0)
        time.sleep(0.05)
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 20.0)
    looking.until(run, "done")
    assert run.status().attempt == 1


def test_a_claim_without_a_heartbeat_is_starting_while_its_worker_lives(looking, monkeypatch):
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.0)
    run = index.submit(recipe(stored()))

    class Pending(Recorded):
        def pending(self, run: Run) -> bool:
            return alive

    alive = True
    executor = Pending()
    looking.scheduler.executor = executor
    claim(run.folder, "a worker that imports for minutes")
    for _ in range(3):
        looking.scheduler.schedule_once()
        assert run.status().state == "starting" and not executor.started
    alive = False
    looking.scheduler.schedule_once()
    assert (run.attempts[0].exit or {})["kind"] == "lost" and executor.started == [(run.id, Lease(2))]


def reported(run: Run, *steps: int) -> None:
    """One more attempt, lost after these steps."""
    attempt = claim(run.folder, "test")
    for step in steps:
        row = {"phase": "flow", "step": step, "steps": 100, "losses": {"loss": 1.0}, "validation": None, "seconds": 1.0}
        metrics.append(attempt.metrics, row)
    attempt.end("lost", "its worker stopped")


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([()], 1),
        ([(), (), ()], 3),
        ([(10,), (20,), (30,), (40,)], 1),
        ([(10,), (20,), (20,), ()], 3),
        ([(), (), (10,), ()], 2),
    ],
)
def test_losses_count_only_without_progress_between_them(steps, count):
    run = index.submit(recipe(stored()))
    for each in steps:
        reported(run, *each)
    assert scheduler.losses(run) == count


def test_an_end_in_order_begins_the_count_of_losses_anew():
    run = index.submit(recipe(stored()))
    reported(run)
    reported(run)
    claim(run.folder, "test").end("stopped", "")
    reported(run)
    assert scheduler.losses(run) == 1


def test_a_superseded_worker_ends(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    claim(run.folder, "a worker on another machine")
    until(lambda: run.attempts[0].exit is not None, "the end of the first worker")
    assert (run.attempts[0].exit or {})["kind"] == "superseded" and run.result is None
