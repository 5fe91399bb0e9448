"""What is done at one look at the open runs: start what is queued, try again what is lost, end what is cancelled.

All a scheduler knows between two looks is in the folders, so that it may be killed at any time and another one made.
What it keeps in memory only decides when to stop a cancelled worker by force, and when to look again at a run that
could not be handled.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from cellflow_core.jobs.error_messages import user_message
from cellflow_core.jobs.executors.contract import Executor
from cellflow_core.runs import index, queue
from cellflow_core.runs.attempt import Attempt, claim
from cellflow_core.runs.files import DamagedRunError
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace

MAX_LOSSES = 3
"""Workers of one run that may be lost, without progress between them, before it fails."""
GRACE = 10.0
"""Seconds that a cancelled worker has to see the marker, and again to end in order, before the next measure."""
RETRY_AFTER = 5.0
"""Seconds until a run that could not be handled (a full disk, a read-only folder) is looked at again."""

Place = Literal["active", "waiting", "ended"]


@dataclass
class Scheduler:
    """Hands the free slots and GPUs of one executor to the open runs, in the order of `runs.queue`.

    slots  workers at a time without a GPU; gpus: names as CUDA_VISIBLE_DEVICES has them, one worker each
    """

    executor: Executor
    slots: int
    gpus: tuple[str, ...] = ()
    workspace: Workspace | None = None
    _cancelled_since: dict[str, float] = field(default_factory=dict)
    _expected: dict[str, float] = field(default_factory=dict)
    _retry_at: dict[str, float] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    def schedule_once(self) -> bool:
        """One look at every open run; True where a run is active or waits. No error of one run holds up another."""
        active: list[Run] = []
        waiting: list[Run] = []
        for run in index.open_runs(self.workspace):
            place = self._examine(run)
            if place != "ended":
                (active if place == "active" else waiting).append(run)
        for run in self._in_line(waiting):
            if time.monotonic() >= self._retry_at.get(run.id, 0.0) and self._start(run, active):
                active.append(run)
        return bool(active or waiting)

    def _in_line(self, waiting: list[Run]) -> list[Run]:
        """The order in which they are started. What a run was expected to take when it was first seen is kept."""
        if len(waiting) < 2:
            return waiting
        if unknown := [run for run in waiting if run.id not in self._expected]:
            self._expected |= queue.expected_seconds(unknown, self.workspace)
        return queue.ordered(waiting, self._expected)

    def _examine(self, run: Run) -> Place:
        """Where a run stands, once what can be concluded of its worker is written down."""
        try:
            pending = self.executor.pending(run)  # asked first: what a worker that has ended wrote is all there
            try:
                return self._conclude(run, pending)
            except DamagedRunError as error:
                run.end("failed", str(error))
                return "ended"
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one run
                self._put_off(run, error)
                return "active" if pending else "waiting"
        except Exception as error:  # noqa: BLE001 - as above, of the executor or of a folder that cannot be written
            self._put_off(run, error)
            return "active"

    def _conclude(self, run: Run, pending: bool) -> Place:
        if run.result is not None:
            run.unmark()
            self._cancelled_since.pop(run.id, None)
            return "ended"
        status = run.status()
        if status.ended:
            run.end(status.state, status.message)  # a damaged run has no result yet; of any other, the first counts
            return "ended"
        run.recipe  # noqa: B018 - a run whose recipe is damaged ends here
        last = run.attempts[-1] if run.attempts else None
        lease = run.lease if (run.lease or Lease()).executor == self.executor.name else None
        current = last if last is not None and last.exit is None else None
        is_ours = current is not None and lease is not None and lease.attempt == current.number
        working = pending or (current is not None and not is_ours and current.is_fresh)
        if run.cancelled:
            return self._cancel(run, working)
        if working:
            return "active"
        if current is not None:
            return _close_lost(run, current, "its worker stopped without a reason (killed, or out of memory)")
        if lease is not None and lease.attempt > (0 if last is None else last.number):
            made = claim(run.folder, "supervisor, for a worker that ended before it began")
            return _close_lost(run, made, "its worker ended before it began")
        return "waiting"

    def _cancel(self, run: Run, working: bool) -> Place:
        """The worker sees the marker by itself; one that does not is stopped, and then by force."""
        if not working:
            run.end("cancelled", "cancelled before it was done")
            return "ended"
        waited = time.monotonic() - self._cancelled_since.setdefault(run.id, time.monotonic())
        if waited >= GRACE:
            self.executor.stop(run, force=waited >= 2 * GRACE)
        return "active"

    def _start(self, run: Run, active: list[Run]) -> bool:
        """Ask for a worker where a place is free. True where one was asked for, or may have been."""
        try:
            lease = self._lease(run, active)
            if lease is None:
                return False
            self.executor.start(run, lease)
            run.set_notice("")
            self._problems.pop(run.id, None)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one run
            self._put_off(run, error)
        return True

    def _lease(self, run: Run, active: list[Run]) -> Lease | None:
        """A GPU for itself, or one of the CPU slots; None where none is free."""
        number = run.attempts[-1].number + 1 if run.attempts else 1
        held = [each.lease or Lease() for each in active]
        if self.gpus and run.recipe.device != "cpu":
            free = [each for each in self.gpus if each not in {lease.gpu for lease in held}]
            return Lease(number, gpu=free[0]) if free else None
        return Lease(number) if sum(not lease.gpu for lease in held) < self.slots else None

    def _put_off(self, run: Run, error: Exception) -> None:
        """Say what is wrong with a run, in its status and in the log, and leave it alone for a while."""
        self._retry_at[run.id] = time.monotonic() + RETRY_AFTER
        sentence = user_message(error)
        if sentence != self._problems.get(run.id):
            print(f"run {run.id}: {sentence}", flush=True)
            self._problems[run.id] = sentence
        with suppress(OSError):
            run.set_notice(sentence)


def losses(run: Run) -> int:
    """Workers lost in a row, up to the last one that ended in order, without progress between them.

    An open attempt counts as lost. A worker that came further than those before it made progress, so only its own loss
    and the later ones count.
    """
    tried = run.attempts
    count = 0
    for k in range(len(tried) - 1, -1, -1):
        end = tried[k].exit
        if end is not None and end["kind"] != "lost":
            break
        count += 1
        if tried[k].last_step > max((each.last_step for each in tried[:k]), default=0):
            break
    return count


def _close_lost(run: Run, attempt: Attempt, sentence: str) -> Place:
    """Close the attempt of a worker that ended without a reason, and the run after MAX_LOSSES of them."""
    if run.worker_output.exists():
        with attempt.log.open("a") as log:
            log.write(run.worker_output.read_text(errors="replace"))
        run.worker_output.unlink()
    if losses(run) < MAX_LOSSES:
        attempt.end("lost", sentence)
        return "waiting"
    run.end("failed", _failure(run))
    attempt.end("failed", sentence)  # a resumed run counts its losses anew
    return "ended"


def _failure(run: Run) -> str:
    """Why a run fails whose workers were lost again and again, with the last line of the last log."""
    log = run.attempts[-1].log
    text = log.read_text(errors="replace") if log.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = f"the last line of its log is: {lines[-1][:300]}" if lines else "its log is empty"
    return f"its worker stopped {MAX_LOSSES} times without a reason (killed, or out of memory); {last}"
