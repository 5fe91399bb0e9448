"""Where a claimed run is worked on: in this process, or in a process of its own on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from cellflow_core.runs.attempt import claim
from cellflow_core.runs.run import Run


class Executor(Protocol):
    """Starts work on a run and forgets it: how the run fares is read from its folder, not from here."""

    def start(self, run: Run, environment: dict[str, str]) -> None:
        """Claim the next attempt and begin. Raises FileExistsError where another starter was first."""
        ...

    def reap(self) -> None:
        """Let go of workers that have ended. Called now and then."""
        ...


class InProcess:
    """Works in the calling thread and returns when the run has ended: for tests, scripts and the command line."""

    def start(self, run: Run, environment: dict[str, str] | None = None) -> None:
        from cellflow_core.jobs.worker import work

        work(run.folder, claim(run.folder, "in process"))

    def reap(self) -> None:
        pass


class LocalProcesses:
    """`python -m cellflow_core work <run>` in a session of its own, so that no signal to the starter reaches it."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, run: Run, environment: dict[str, str]) -> None:
        attempt = claim(run.folder, "local process", environment.get("CUDA_VISIBLE_DEVICES", ""))
        with attempt.log.open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "cellflow_core", "work", str(run.folder), "--attempt", str(attempt.number)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=os.environ | path_to_core() | environment,
                    start_new_session=True,
                )
            )

    def reap(self) -> None:
        self._started = [each for each in self._started if each.poll() is None]


def path_to_core() -> dict[str, str]:
    """Lets a fresh interpreter find this very package, wherever it is started."""
    root = str(Path(__file__).parents[2])
    return {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
