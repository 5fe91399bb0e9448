"""The process that starts, tries again and ends the runs of one workspace. It outlives the page that started it.

There is one a runs folder, held by a file lock. It may be killed at any time and another one started.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from cellflow_core.jobs.error_messages import user_message
from cellflow_core.jobs.executors import executor_of
from cellflow_core.jobs.executors.contract import Executor
from cellflow_core.jobs.executors.local import path_to_core
from cellflow_core.jobs.scheduler import Scheduler
from cellflow_core.runs import index
from cellflow_core.workspace import Workspace, current

POLL_INTERVAL = 0.5
"""Seconds between two looks at the open runs."""
ENGINE_SLOTS = 1_000
"""Runs at a time that are handed to the engine of a cluster, which has a queue of its own and knows its devices."""


def ensure_supervisor(workspace: Workspace | None = None) -> None:
    """Start a supervisor in a session of its own unless one is at work. Cheap: a page may call it at every look."""
    workspace = current(workspace).unrestricted
    root = workspace.runs
    try:
        with _lock(root).acquire(timeout=0):
            pass
    except Timeout:
        return
    with (root / ".supervisor.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "cellflow_core.jobs.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | path_to_core() | workspace.environment,
            start_new_session=True,
        )


def wake(workspace: Workspace | None = None) -> None:
    """Start a supervisor where runs wait or are under way and none is at work, as after it was killed."""
    workspace = current(workspace).unrestricted
    if index.open_runs(workspace):
        ensure_supervisor(workspace)


def supervise(
    executor: Executor,
    slots: int,
    gpus: tuple[str, ...] = (),
    idle: float | None = None,
    workspace: Workspace | None = None,
) -> bool:
    """Work until nothing has been open for `idle` seconds (default: as the workspace says).

    False, at once, where another supervisor is at work.
    """
    workspace = current(workspace)
    idle = workspace.limits.idle if idle is None else idle
    scheduler = Scheduler(executor, slots, gpus, workspace)
    while True:
        index.mark_open(workspace)
        try:
            # a page that only looks whether the lock is free holds it for a moment
            with _lock(workspace.runs).acquire(timeout=1):
                _watch(scheduler, idle)
        except Timeout:
            return False
        # a run submitted while the lock was still held found a supervisor at work: nobody else will start it
        if not index.open_runs(workspace):
            return True


def _watch(scheduler: Scheduler, idle: float) -> None:
    last = time.monotonic()
    while time.monotonic() - last < idle:
        try:
            scheduler.executor.reap()
            if scheduler.schedule_once():
                last = time.monotonic()
        except Exception as error:  # noqa: BLE001 - an unreachable engine or disk; it is looked at again
            print(f"the runs cannot be looked at just now: {user_message(error)}", flush=True)
        time.sleep(POLL_INTERVAL)


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


def _lock(root: Path) -> FileLock:
    """The one lock of the runs folder. The system frees it when the process that holds it dies."""
    return FileLock(root / ".supervisor.lock")


def main() -> None:
    workspace = Workspace.from_environment()
    engine = workspace.engine
    parser = argparse.ArgumentParser(prog="python -m cellflow_core.jobs.supervisor", description=__doc__)
    slots = ENGINE_SLOTS if engine.place else workspace.limits.worker_slots
    parser.add_argument("--slots", type=int, default=slots, help="workers at a time without a GPU")
    parser.add_argument("--idle", type=float, help="seconds without work after which it leaves")
    chosen = parser.parse_args()
    try:
        executor = executor_of(engine)
    except ModuleNotFoundError as error:
        for run in index.open_runs(workspace):
            run.set_notice(str(error))
        sys.exit(str(error))
    gpus = () if engine.place else gpus_here()
    if not supervise(executor, chosen.slots, gpus, chosen.idle, workspace):
        print("another supervisor is at work on this workspace")


if __name__ == "__main__":
    main()
