"""Workers on the machines of a Dask cluster (distributed, BSD-3): `make dask` installs it, docs/deployment.md says how.

Scheduler, workers and this machine share the folder of the runs and have the project at one path. A task starts
`python -m cellflow_core work RUN` as a process of its own and waits for it, so that training never runs inside a worker
of Dask. Functions that run elsewhere are nested, so that they travel by value and nobody needs them installed.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cellflow_core.jobs.executors.contract import EngineUnreachableError
from cellflow_core.jobs.executors.local import path_to_core
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run

if TYPE_CHECKING:
    from distributed import Client, Future  # type: ignore[import-not-found]

OPEN = frozenset({"released", "waiting", "no-worker", "queued", "processing"})
"""States of a task, as the scheduler has them, in which it may still begin or is at work."""
GPU = {"GPU": 1}
"""What a run asks of a worker that is started with `--resources GPU=1`."""


class DaskWorkers:
    """A task for each run, at the scheduler of this address (tcp://... or tls://...).

    gpus  the workers have GPUs, `--resources GPU=1` each: a run gets one for itself unless its recipe says "cpu"
    timeout  seconds to wait for the scheduler; what is asked of one that is away raises EngineUnreachableError
    Certificates of tls:// are those of Dask's own configuration. Raises ModuleNotFoundError, with the command that
    installs it, where the package is missing.
    """

    def __init__(self, address: str, gpus: bool = False, timeout: float = 5.0) -> None:
        try:
            import distributed  # type: ignore[import-not-found]  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "training on a Dask cluster needs the package distributed, which is not installed: say `make dask`"
            ) from error
        self.name = f"Dask scheduler {address}"
        self.address, self.gpus, self.timeout = address, gpus, timeout
        self._made: Client | None = None
        self._held: dict[str, Future] = {}  # what is held keeps its error at the scheduler

    def start(self, run: Run, lease: Lease) -> None:
        key = f"{run.id}-{lease.attempt}-{secrets.token_hex(3)}"
        environment = path_to_core() | run.workspace.environment
        wanted = GPU if self.gpus and run.recipe.device != "cpu" else {}
        from distributed import fire_and_forget  # type: ignore[import-not-found]

        client = self._client  # before the lease: a run that could not be asked for has lost no worker
        lease.save(run.folder, executor=self.name, job=key)  # before the task, which would be nobody's without it
        task = client.submit(
            _worker_task(),
            *(str(run.folder), str(run.worker_output), environment, sys.executable),
            **{"key": key, "resources": wanted, "pure": False, "retries": 0},
        )
        fire_and_forget(task)  # it outlives this process
        self._held[key] = task
        give_up = time.monotonic() + self.timeout
        while self._state(key)[0] is None:  # it goes there by another connection than questions do
            if time.monotonic() > give_up:
                raise EngineUnreachableError(self._unreachable)
            time.sleep(0.01)

    def pending(self, run: Run) -> bool:
        key = self._key(run)
        if key is None:
            return False
        state, error = self._state(key)
        if state == "erred":
            run.worker_output.write_text(f"{error}\n")  # the supervisor moves it to the log of the attempt
        if state not in OPEN:
            self._held.pop(key, None)
        if state is None:  # a scheduler that was started anew knows nothing of a worker that may live on
            last = run.attempts[-1] if run.attempts else None
            return last is not None and last.exit is None and last.is_fresh
        return state in OPEN

    def stop(self, run: Run, force: bool = False) -> None:
        key = self._key(run)
        if key is None:
            return
        busy = [address for address, keys in self._client.processing().items() if key in map(str, keys)]
        if busy:
            self._client.run(_end_process(), str(run.folder), force, workers=busy)
        if force or not busy:
            self._forget(key)

    def reap(self) -> None:
        """Nothing to let go of: the scheduler forgets a task that has ended."""

    @cached_property
    def _unreachable(self) -> str:
        return (
            f"the Dask scheduler at {self.address} does not answer; runs that were started go on, and the others wait "
            "until it is back"
        )

    @property
    def _client(self) -> Any:
        """Connected; anew where the connection was lost. Raises EngineUnreachableError where nobody answers."""
        from distributed import Client  # type: ignore[import-not-found]

        if self._made is None or self._made.status != "running":
            if self._made is not None:
                with suppress(Exception):
                    self._made.close(timeout=1)
            self._made = None
            self._held.clear()
            try:
                self._made = Client(self.address, timeout=self.timeout, set_as_default=False, heartbeat_interval=5000)
            except (OSError, TimeoutError) as error:
                raise EngineUnreachableError(self._unreachable) from error
            except TypeError as error:  # what distributed raises where a tls:// address finds no certificates
                raise EngineUnreachableError(
                    f"the Dask scheduler at {self.address} asks for a certificate, and the settings of Dask name none: "
                    "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, __CLIENT__CERT and __CLIENT__KEY"
                ) from error
        return self._made

    def _state(self, key: str) -> tuple[str | None, str]:
        """(state of a task, what it raised) as the scheduler has it; (None, "") where it knows none."""
        return self._client.run_on_scheduler(_state_of(), key=key)

    def _key(self, run: Run) -> str | None:
        """Of the task that was asked for by an executor of this name."""
        lease = run.lease
        return lease.job if lease is not None and lease.executor == self.name and lease.job else None

    def _forget(self, key: str) -> None:
        self._held.pop(key, None)
        from distributed import Future  # type: ignore[import-not-found]

        self._client.cancel([Future(key, client=self._client)], force=True)


def _worker_task() -> Callable[..., int]:
    def task(folder: str, output_file: str, environment: dict[str, str], python: str) -> int:
        import os
        import socket
        import subprocess
        from pathlib import Path

        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f"the folder of the run, {folder}, is not there on {socket.gethostname()}: all machines of the cluster "
                "need the same folder of runs (a shared file system) at the same path"
            )
        with Path(output_file).open("wb") as output:
            return subprocess.Popen(
                [python, "-m", "cellflow_core", "work", folder],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | environment,
                start_new_session=True,
            ).wait()

    return task


def _state_of() -> Callable[..., tuple[str | None, str]]:
    def state_of(key: str, dask_scheduler: Any) -> tuple[str | None, str]:
        task = dask_scheduler.tasks.get(key)
        return (None, "") if task is None else (task.state, str(task.exception_text or ""))

    return state_of


def _end_process() -> Callable[..., None]:
    def end(folder: str, force: bool) -> None:
        import os
        import signal

        import psutil

        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [])[-2:] == ["work", folder]:
                os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)

    return end
