"""Starts what is queued, restarts what is lost, ends what is cancelled. One per runs folder; it keeps nothing.

All it knows between two looks is in the folders, so it may be killed at any time and another one started. What is
kept in memory (how long a cancelled worker has been asked) only decides when to ask harder.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cellflow_core.jobs.executor import Executor, LocalProcesses, path_to_core
from cellflow_core.runs import files, index
from cellflow_core.runs.attempt import Attempt, host_id, process_start_time
from cellflow_core.runs.run import Run
from cellflow_core.workspace import runs_root

ATTEMPTS = 3
GRACE = 10.0
"""Seconds that a cancelled worker has to see the marker, and again to heed TERM, before the next measure."""
LOOK_EVERY = 0.5
IDLE = float(os.environ.get("CELLFLOW_IDLE", "300"))
"""Seconds without work after which the supervisor leaves; the next page or command starts another."""


def ensure_supervisor() -> None:
    """Start a supervisor in a session of its own unless one is at work. Cheap: a page may call it at every look."""
    root = runs_root()
    with _lock(root) as free:
        if not free:
            return
    with (root / ".supervisor.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "cellflow_core.jobs.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | path_to_core() | {"CELLFLOW_HOME": str(root.parent)},
            start_new_session=True,
        )


def supervise(executor: Executor, slots: int, gpus: tuple[str, ...] = (), idle: float = IDLE) -> bool:
    """Work until nothing has been open for `idle` seconds. False, at once, where another supervisor is at work."""
    root = runs_root()
    while True:
        with _lock(root, tries=5) as free:
            if not free:
                return False
            _watch(executor, slots, gpus, idle)
        # a run handed in while the lock was still held found a supervisor at work: nobody else will start it
        if not index.open_runs():
            return True


def _watch(executor: Executor, slots: int, gpus: tuple[str, ...], idle: float) -> None:
    asked: dict[str, float] = {}
    last = time.monotonic()
    while time.monotonic() - last < idle:
        executor.reap()
        if schedule_once(executor, slots, gpus, asked):
            last = time.monotonic()
        time.sleep(LOOK_EVERY)


def schedule_once(executor: Executor, slots: int, gpus: tuple[str, ...], asked: dict[str, float]) -> bool:
    """One look at every open run, oldest first; True where there is any. `asked`: since when a run should be ending."""
    waiting: list[Run] = []
    working: list[Run] = []
    found = index.open_runs()
    for run in found:
        try:
            status = run.status()
        except ValueError as error:  # one damaged folder holds up no other run
            print(f"run {run.id} is left out: {error}", flush=True)
            continue
        if status.ended:
            run.marker.unlink(missing_ok=True)
        elif status.state == "running":
            working.append(run)
            if run.cancelled:
                _terminate(run.attempts[-1], asked.setdefault(run.id, time.monotonic()))
        elif run.cancelled:
            run.end("cancelled", "cancelled before it was done")
        elif status.state == "lost" and _lost_in_a_row(run) >= ATTEMPTS:
            run.end("failed", _last_words(run))
        else:
            waiting.append(run)
    for run in waiting:
        lease = _assign_device(run, working, slots, gpus)
        if lease is not None:
            try:
                executor.start(run, dict(lease))
            except FileExistsError:
                continue
            working.append(run)
    return bool(found)


def _assign_device(run: Run, working: list[Run], slots: int, gpus: tuple[str, ...]) -> Mapping[str, str] | None:
    """The environment of a worker with a free place: a GPU of its own, or one of the CPU slots. None: wait."""
    if gpus and run.recipe.device != "cpu":
        taken = {_claimed(each).get("gpu") for each in working}
        free = [each for each in gpus if each not in taken]
        return {"CUDA_VISIBLE_DEVICES": free[0]} if free else None
    busy = sum(not _claimed(each).get("gpu") for each in working)
    return {} if busy < slots else None


def _claimed(run: Run) -> dict[str, str]:
    return files.read_json(run.attempts[-1].folder / "claim.json") or {}


def _lost_in_a_row(run: Run) -> int:
    """Attempts that stopped without a word since the last one that ended in order."""
    count = 0
    for attempt in reversed(run.attempts):
        if attempt.exit is not None:
            break
        count += 1
    return count


def _last_words(run: Run) -> str:
    lines = [line.strip() for line in run.attempts[-1].log.read_text(errors="replace").splitlines() if line.strip()]
    said = f"the last line of its log is: {lines[-1][:300]}" if lines else "its log is empty"
    return f"its worker stopped {ATTEMPTS} times without a reason (killed, or out of memory); {said}"


def _terminate(attempt: Attempt, since: float) -> None:
    """A worker on this machine that goes on after a cancel is told by TERM, and then by KILL."""
    beat = attempt.heartbeat
    waited = time.monotonic() - since
    if waited < GRACE or beat.get("machine") != host_id() or process_start_time(beat["pid"]) != beat["started"]:
        return
    # no such group: it ended between the look and the signal, or works inside another process
    with suppress(ProcessLookupError):
        os.killpg(beat["pid"], signal.SIGKILL if waited >= 2 * GRACE else signal.SIGTERM)


def slots_here() -> int:
    """Workers at a time on this machine: CELLFLOW_SLOTS, or half the cores, at least one."""
    return int(os.environ.get("CELLFLOW_SLOTS") or max(1, (os.cpu_count() or 2) // 2))


def gpus_here() -> tuple[str, ...]:
    """GPUs as CUDA_VISIBLE_DEVICES names them. Asked of nvidia-smi, because this process never imports torch."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return tuple(each.strip() for each in given.split(",") if each.strip() not in ("", "-1"))
    if shutil.which("nvidia-smi") is None:
        return ()
    asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    lines = [line for line in asked.stdout.splitlines() if line.startswith("GPU ")]
    return tuple(str(k) for k in range(len(lines))) if asked.returncode == 0 else ()


@contextmanager
def _lock(root: Path, tries: int = 1):
    """True while this process holds the one lock of the runs folder. The system frees it when the process dies.

    A page that only looks whether it is free holds it for a moment: who means to stay tries more than once.
    """
    with (root / ".supervisor.lock").open("a") as file:
        yield any(_taken(file) or time.sleep(0.2 if k + 1 < tries else 0) for k in range(tries))


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cellflow_core.jobs.supervisor", description=__doc__)
    parser.add_argument("--slots", type=int, default=slots_here(), help="workers at a time without a GPU")
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds without work after which it leaves")
    chosen = parser.parse_args()
    if not supervise(LocalProcesses(), chosen.slots, gpus_here(), chosen.idle):
        print("another supervisor is at work on this folder")


if __name__ == "__main__":
    main()
