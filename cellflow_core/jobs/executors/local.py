"""Workers on this machine: in the calling process, or in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from socket import gethostname

import psutil

from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run


class InProcess:
    """Works in the calling thread and returns when the run has ended: for tests, scripts and the command line."""

    name = "in process"

    def start(self, run: Run, lease: Lease | None = None) -> None:
        from cellflow_core.jobs.worker import work

        work(run.folder)

    def pending(self, run: Run) -> bool:
        return False

    def stop(self, run: Run, force: bool = False) -> None:
        pass

    def reap(self) -> None:
        pass


class LocalProcesses:
    """`python -m cellflow_core work RUN` in a session of its own, so that no signal to the starter reaches it."""

    def __init__(self) -> None:
        self.name = f"processes of {gethostname()}"
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, run: Run, lease: Lease) -> None:
        with run.worker_output.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "cellflow_core", "work", str(run.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | path_to_core() | run.workspace.environment | lease.environment,
                start_new_session=True,
            )
        self._started[run.id] = worker
        lease.save(run.folder, executor=self.name, pid=worker.pid)

    def pending(self, run: Run) -> bool:
        return self._worker(run) is not None

    def stop(self, run: Run, force: bool = False) -> None:
        pid = self._worker(run)
        if pid is not None:
            with suppress(ProcessLookupError):  # it has ended in between
                os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)

    def reap(self) -> None:
        self._started = {id: each for id, each in self._started.items() if each.poll() is None}

    def _worker(self, run: Run) -> int | None:
        """Process id of the worker, where it lives. An id that was used again does not name the run."""
        started = self._started.get(run.id)
        if started is not None:
            return started.pid if started.poll() is None else None
        lease = run.lease
        if lease is None or lease.executor != self.name or not lease.pid:
            return None
        try:
            process = psutil.Process(lease.pid)
            alive = process.status() != psutil.STATUS_ZOMBIE and str(run.folder) in process.cmdline()
        except psutil.Error:
            return None
        return lease.pid if alive else None


def path_to_core() -> dict[str, str]:
    """Lets a fresh interpreter find this very package, wherever it is started."""
    root = str(Path(__file__).parents[3])
    return {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
