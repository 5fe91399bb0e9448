"""Damaged files, full disks and losses that are not finite end in a sentence and hold up no other run."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cellflow_core.jobs import scheduler
from cellflow_core.jobs.checkpoints import Checkpoints
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.runs import index, metrics
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from cellflow_core.train import checkpoint
from tests.faults.jobs.supervised import LONG, Recorded, in_training, until, whole
from tests.toys import recipe, stored


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
    ("damage", "state", "answer"),
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
def test_a_damaged_run_is_named_and_holds_up_no_other(damage, state, answer, looking, monkeypatch):
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.0)
    bad, good = index.submit(recipe(stored())), index.submit(recipe(stored()))
    damage(bad)
    looking.scheduler.executor = InProcess()
    for _ in range(3):
        looking.scheduler.schedule_once()
    assert good.status().state == "done"
    status = Run(bad.folder).status()
    assert status.state == state and answer in status.message
    assert not index.open_runs()
    assert good.id in [each.id for each in index.runs()]
    assert [id for id, _ in index.damaged_runs()] == ([bad.id] if "recipe" in answer else [])


def test_an_unknown_model_fails_with_a_sentence(looking):
    run = index.submit(recipe(stored(), model="gone"))
    looking.scheduler.executor = InProcess()
    looking.look()
    assert run.status().state == "failed" and "there is no model 'gone'" in run.status().message


@pytest.mark.parametrize(
    ("number", "answer"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "is read-only: let it")]
)
def test_a_folder_that_cannot_be_written_is_named_in_the_status_and_tried_again(number, answer, looking, monkeypatch):
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
    assert bad.status().state == "queued" and answer in bad.status().message
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
