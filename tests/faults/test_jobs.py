"""Training that is killed, cancelled, starved of disk or raced for: nothing is lost, and one sentence says why."""

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

from cellflow_core.jobs import scheduler, supervisor
from cellflow_core.jobs.checkpoints import Checkpoints
from cellflow_core.jobs.executor import InProcess, LocalProcesses, path_to_core
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.models import registry
from cellflow_core.runs import index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.lease import Lease
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
    """Checkpoints at every report, the same threads everywhere, a short interval between two looks."""
    monkeypatch.setenv("CELLFLOW_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(supervisor, "POLL_INTERVAL", 0.05)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Looking:
    """A scheduler's looks, one at a time, in this process; its workers are ended with the test."""

    def __init__(self) -> None:
        self.executor = LocalProcesses()
        self.scheduler = Scheduler(self.executor, 1)

    def look(self) -> None:
        self.executor.reap()
        self.scheduler.schedule_once()

    def until(self, run: Run, *states: str) -> None:
        def reached() -> bool:
            self.look()
            return run.status().state in states

        until(reached, f"{' or '.join(states)}, it is {run.status()}\n{run.log()}")

    def lose(self, run: Run) -> None:
        """Kill the worker of a run, and start no other yet."""
        os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGKILL)
        self.scheduler.slots = 0
        self.until(run, "lost")
        self.scheduler.slots = 1


@pytest.fixture
def looking():
    made = Looking()
    yield made
    for each in made.executor._started.values():
        each.kill()
        each.wait()


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


def test_a_damaged_newest_checkpoint_falls_to_the_one_before(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    looking.lose(run)
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


def test_a_superseded_worker_ends(looking):
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run), "training")
    claim(run.folder, "a worker on another machine")
    until(lambda: run.attempts[0].exit is not None, "the end of the first worker")
    assert (run.attempts[0].exit or {})["kind"] == "superseded" and run.result is None


def write(*parts: str, text: str) -> Callable[[Run], object]:
    """Puts a damaged file into a run folder."""

    def do(run: Run) -> None:
        path = run.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return do


def claimed_with(name: str, text: str) -> Callable[[Run], object]:
    return lambda run: (claim(run.folder, "test").folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "state", "said"),
    [
        (write("result.json", text="{"), "failed", "result.json"),
        (write("result.json", text="{}"), "failed", "result.json"),
        (write("result.json", text="[]"), "failed", "result.json"),
        (write("recipe.json", text='{"model": "i-c'), "failed", "recipe.json"),
        (write("recipe.json", text="{}"), "failed", "recipe.json"),
        (write("attempts", text=""), "failed", "attempts is a file"),
        (write("label.json", text=""), "done", ""),
        (write("lease.json", text='{"pid": "x"}'), "done", ""),
        (claimed_with("claim.json", ""), "done", ""),
        (claimed_with("heartbeat.json", "[]"), "done", ""),
        (claimed_with("heartbeat.json", '{"beat": 1}'), "done", ""),
        (claimed_with("exit.json", "{"), "done", ""),
        (claimed_with("exit.json", "{}"), "done", ""),
    ],
)
def test_a_damaged_run_is_named_and_holds_up_no_other(damage, state, said, looking, monkeypatch):
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.0)
    bad, good = index.submit(recipe(stored())), index.submit(recipe(stored()))
    damage(bad)
    looking.scheduler.executor = InProcess()
    for _ in range(3):
        looking.scheduler.schedule_once()
    assert good.status().state == "done"
    status = Run(bad.folder).status()
    assert status.state == state and said in status.message
    assert not index.open_runs()
    assert good.id in [each.id for each in index.runs()]
    assert [id for id, _ in index.damaged_runs()] == ([bad.id] if "recipe" in said else [])


def test_an_unknown_model_fails_with_a_sentence(looking):
    run = index.submit(recipe(stored(), model="gone"))
    looking.scheduler.executor = InProcess()
    looking.look()
    assert run.status().state == "failed" and "there is no model 'gone'" in run.status().message


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only")])
def test_a_folder_that_cannot_be_written_is_named_in_the_status_and_tried_again(number, said, looking, monkeypatch):
    bad, good = index.submit(recipe(stored())), index.submit(recipe(stored()))

    class Failing(InProcess):
        def start(self, run: Run, lease: Lease | None = None) -> None:
            if run.id == bad.id:
                raise OSError(number, os.strerror(number))
            super().start(run, lease)

    looking.scheduler.executor = Failing()
    looking.look()
    looking.look()
    assert good.status().state == "done"
    assert bad.status().state == "queued" and said in bad.status().message
    monkeypatch.setattr(scheduler, "RETRY_AFTER", 0.0)
    looking.scheduler = Scheduler(InProcess(), 1)
    looking.scheduler.schedule_once()
    assert bad.status().state == "done" and bad.status().message == ""


def test_a_full_disk_while_a_loss_is_recorded_is_survived(looking, monkeypatch, capsys):
    run = index.submit(recipe(stored()))
    executor = Recorded()
    looking.scheduler.executor = executor
    looking.scheduler.schedule_once()
    executor.started.clear()  # the worker has ended before it claimed an attempt

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "claim", full)
        looking.scheduler.schedule_once()
        looking.scheduler.schedule_once()
    assert run.status().message.startswith("the disk is full") and not executor.started
    assert capsys.readouterr().out.count("the disk is full") == 1, "said once"
    monkeypatch.setattr(scheduler, "RETRY_AFTER", 0.0)
    looking.scheduler._retry_at.clear()
    looking.scheduler.schedule_once()
    assert executor.started == [(run.id, Lease(2))]


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
