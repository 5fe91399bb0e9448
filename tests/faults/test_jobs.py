"""Training that is killed, cancelled, starved of disk or raced for: nothing is lost, and one sentence says what was."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from cellflow_core.jobs import supervisor
from cellflow_core.jobs.checkpoints import Checkpoints
from cellflow_core.jobs.executor import InProcess, LocalProcesses, path_to_core
from cellflow_core.models import registry
from cellflow_core.runs import files, index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.run import Run
from cellflow_core.runs.weights import load_model
from cellflow_core.train import checkpoint
from cellflow_core.train.trainer import TrainConfig, fit
from cellflow_core.workspace import runs_root
from tests.toys import drifting, recipe, stored

LONG = {"steps": 800, "batch_size": 64, "log_every": 10}
"""Some seconds of training: long enough to be hit in the middle."""


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for something to be true; a test that waits in vain says for what."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s in vain for: {what}")
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    """Checkpoints at every report, the same threads everywhere, a quick eye."""
    monkeypatch.setenv("CELLFLOW_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 0.05)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Looking:
    """A supervisor's looks, one at a time, in this process; its workers are ended with the test."""

    def __init__(self) -> None:
        self.executor = LocalProcesses()
        self.asked: dict[str, float] = {}

    def look(self) -> None:
        self.executor.reap()
        supervisor.schedule_once(self.executor, 1, (), self.asked)

    def until(self, run: Run, *states: str) -> None:
        def there() -> bool:
            self.look()
            return run.status().state in states

        until(there, f"{' or '.join(states)}, it is {run.status()}\n{run.log()}")


@pytest.fixture
def looking():
    made = Looking()
    yield made
    for each in made.executor._started:
        each.kill()
        each.wait()


def kill(run: Run) -> None:
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGKILL)


def in_training(run: Run, steps: int = 1) -> Callable[[], bool]:
    return lambda: run.status().state == "running" and run.status().step >= steps


@cache
def uninterrupted() -> dict[str, torch.Tensor]:
    """Weights of LONG by the trainer alone: no folder, no checkpoint, no stop."""
    asked = recipe(stored(), training=LONG)
    data = drifting()
    model = registry.create(asked.model, asked.settings, data.spec, asked.seed)
    fit(model, data, TrainConfig.from_dict(dict(type(model).default_training) | LONG), seed=asked.seed)
    return model.state_dict()


def whole(run: Run) -> bool:
    """Has the run the very weights of a training that nobody disturbed?"""
    found, wanted = load_model(run).state_dict(), uninterrupted()
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_a_killed_worker_is_replaced_and_the_weights_are_the_same(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    kill(run)
    until(lambda: run.status().state == "lost", "the loss of the worker")
    with run.attempts[0].metrics.open("ab") as file:
        file.write(b'{"phase": "flow", "step": 15')  # cut off while it was written
    assert run.status().step == run.history()["step"][-1]
    looking.until(run, "done")
    assert run.status().attempt == 2 and "s on\n" in run.attempts[1].log.read_text()
    rows = metrics.read(run.attempts[1].metrics)[0]
    assert rows[0]["step"] > 10, "the second attempt began from the start"
    assert run.history()["step"].tolist() == list(range(10, 801, 10))
    assert whole(run)


def test_a_worker_that_is_told_to_stop_leaves_in_order_and_the_run_goes_on(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGTERM)
    until(lambda: run.status().state == "queued", "the queue")
    assert (run.attempts[0].exit or {})["kind"] == "stopped"
    looking.until(run, "done")
    assert run.status().attempt == 2


def test_cancel_and_go_on(looking):
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


def test_a_worker_that_does_not_listen_is_killed(looking, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGSTOP)
    run.cancel()
    assert run.status().state == "running"
    looking.until(run, "cancelled")


def test_a_crash_loop_ends_after_three_attempts_with_the_last_words(looking, monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nsys.stderr.write('the machine is on fire\\n')\nsys.stderr.flush()\nos.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.5)
    run = index.submit(recipe(stored()))
    looking.until(run, "failed")
    status = run.status()
    assert status.attempt == 3
    assert "stopped 3 times without a reason" in status.message and "the machine is on fire" in status.message
    assert not index.open_runs()


def test_a_damaged_newest_checkpoint_falls_to_the_one_before(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    kill(run)
    until(lambda: run.status().state == "lost", "the loss of the worker")
    older, newest = sorted((run.folder / "checkpoints").glob("step-*.pt"))[-2:]
    newest.write_bytes(newest.read_bytes()[:500])
    looking.until(run, "done")
    assert f"checkpoint {newest.name} is damaged and is left out" in run.log()
    first = metrics.read(run.attempts[1].metrics)[0][0]["step"]
    assert first == int(older.stem.removeprefix("step-")) + 10
    assert whole(run)


def test_only_two_checkpoints_are_kept(tmp_path):
    kept = Checkpoints(tmp_path)
    state = checkpoint.Checkpoint(0, 1, {}, {}, [], torch.zeros(1), 0.0)
    for step in (5, 10, 15):
        kept.save(step, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010.pt", "step-00000015.pt"]


def test_a_full_disk_says_so(monkeypatch):
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = index.submit(recipe(stored()))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", full)
        InProcess().start(run)
    assert run.status().state == "failed" and run.status().message.startswith("the disk is full: make room")
    run.resume()
    InProcess().start(run)
    assert run.status().state == "done"


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence(monkeypatch):
    from cellflow_core.models.contract import Loss
    from cellflow_core.models.flow_matching.i_cfm import ICFM

    def endless(self: ICFM, batch: object) -> Loss:
        total = next(self.parameters()).sum() * float("nan")
        return Loss(total, {"velocity": total.detach()})

    monkeypatch.setattr(ICFM, "loss", endless)
    run = index.submit(recipe(stored()))
    InProcess().start(run)
    status = run.status()
    assert status.state == "failed" and status.message.startswith("the loss is not finite at step 10 (loss=nan")
    assert "Traceback" in run.log()


def test_an_old_worker_leaves_when_another_has_taken_over(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    claim(run.folder, "a supervisor on another machine")
    until(lambda: run.attempts[0].exit is not None, "the exit of the first worker")
    assert (run.attempts[0].exit or {})["kind"] == "superseded" and run.result is None


def test_one_damaged_run_holds_up_no_other(looking, capsys):
    bad, good = index.submit(recipe(stored())), index.submit(recipe(stored()))
    (bad.folder / "result.json").write_text("{")
    looking.until(good, "done")
    assert f"run {bad.id} is left out" in capsys.readouterr().out


def test_jobs_start_in_order_within_the_slots(looking):
    data = stored()
    runs = [index.submit(recipe(data)) for _ in range(2)]
    started: list[str] = []

    class Recorded(LocalProcesses):
        def start(self, run: Run, environment: dict[str, str]) -> None:
            assert sum(each.status().state == "running" for each in runs) == 0
            started.append(run.id)
            super().start(run, environment)

    looking.executor = Recorded()
    looking.until(runs[-1], "done")
    assert started == [each.id for each in runs]


def test_each_gpu_is_lent_to_one_job():
    runs = [index.submit(recipe(stored(), device=device)) for device in ("auto", "cuda", "auto", "cpu")]
    lent: list[tuple[str, dict[str, str]]] = []

    class Recorded:
        def start(self, run: Run, environment: dict[str, str]) -> None:
            attempt = claim(run.folder, "test", environment.get("CUDA_VISIBLE_DEVICES", ""))
            files.write_json(attempt.folder / "heartbeat.json", {"beat": 1, "machine": "x", "started": "", "pid": 1})
            lent.append((run.id, environment))

        def tend(self) -> None:
            pass

    supervisor.schedule_once(Recorded(), 1, ("0", "1"), {})
    assert [(id, each.get("CUDA_VISIBLE_DEVICES")) for id, each in lent] == [
        (runs[0].id, "0"),
        (runs[1].id, "1"),
        (runs[3].id, None),
    ]


def test_the_supervisor_is_one_outlives_its_starter_and_leaves_when_idle():
    run = index.submit(recipe(stored(), training={"steps": 200, "batch_size": 16, "log_every": 10}))
    command = [sys.executable, "-m", "cellflow_core.jobs.supervisor", "--slots", "1", "--idle", "1"]
    environment = os.environ | path_to_core()
    first = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: run.status().state == "running", "a worker")
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert (second.returncode, second.stdout) == (0, "another supervisor is at work on this folder\n")
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
    with supervisor._lock(runs_root()) as free:
        assert free
        supervisor.ensure_supervisor()
        assert not supervisor.supervise(LocalProcesses(), 1)
    assert len(begun) == 1
