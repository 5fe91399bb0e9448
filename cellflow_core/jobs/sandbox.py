"""A call in a process of its own: a damaged file or a full memory ends that process and becomes one sentence.

What reads users' files runs here. A library that crashes on a file takes nothing with it, one call cannot eat the
machine's memory, and a call that hangs is stopped.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from cellflow_core.jobs.process import Context, death, end_with_parent, oom_kills, portable, run
from cellflow_core.workspace import Workspace, current, limits

AT_ONCE = 2
DOWNLOADS_AT_ONCE = 4
LOADED = ("anndata", "scanpy", "cellflow_core.data.importing.pipeline")
_turns = threading.BoundedSemaphore(AT_ONCE)
_download_turns = threading.BoundedSemaphore(DOWNLOADS_AT_ONCE)


def run_isolated(
    function_path: str,
    *args: Any,
    on_progress: Callable[[str], None] | None = None,
    seconds: float | None = None,
    io_bound: bool = False,
    **kwargs: Any,
) -> Future[Any]:
    """Run `package.module:function` in a process of its own. Arguments and result must be picklable.

    on_progress  called, in this process, with each stage that the function passes to its argument `on_progress`
    seconds      after which it is stopped; None: no time limit
    io_bound     it mostly waits (a download): it imports nothing and runs beside three others like it; the rest run two
                 at a time. A call that waits for its turn has a future that is not running yet

    The future's exception is the function's own, or a ValueError with one sentence where the process died, took more
    memory than the workspace allows or ran out of time.
    """
    future: Future[Any] = Future()
    asked = _Call(function_path, args, kwargs, on_progress is not None, _settings(), current())
    threading.Thread(
        target=_wait, args=(future, asked, on_progress, seconds, io_bound), name=function_path, daemon=True
    ).start()
    return future


def prestart() -> None:
    """Keep one process ready that has imported what reading a file needs; it is replaced after each use."""
    _SPARE.fill()


def stop() -> None:
    """Let the waiting process go, and start none again."""
    _SPARE.stop()


@dataclass(frozen=True)
class _Call:
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    has_progress: bool
    settings: Mapping[str, str]
    workspace: Workspace


def _settings() -> dict[str, str]:
    """The app's variables of the environment, which a process that was started earlier must be given again."""
    return {key: value for key, value in os.environ.items() if key.startswith("CELLFLOW_")}


def _wait(
    future: Future[Any], asked: _Call, on_progress: Callable[[str], None] | None, seconds: float | None, io_bound: bool
) -> None:
    """The life of one call, in a thread of the asking process."""
    turns = _download_turns if io_bound else _turns
    turns.acquire()
    try:
        if future.set_running_or_notify_cancel():
            process, pipe = _started(()) if io_bound else _SPARE.take()
            try:
                pipe.send(asked)
                future.set_result(_answer(process, pipe, on_progress, seconds))
            finally:
                process.kill()
                process.join()
                pipe.close()
    except Exception as error:  # noqa: BLE001 - the future carries it
        future.set_exception(error)
    finally:
        turns.release()
        if not io_bound:
            _SPARE.refill()


def _answer(
    process: BaseProcess, pipe: Connection, on_progress: Callable[[str], None] | None, seconds: float | None
) -> Any:
    before = oom_kills()
    deadline = None if seconds is None else time.monotonic() + seconds
    while pipe.poll(None if deadline is None else max(0.0, deadline - time.monotonic())):
        try:
            kind, value = pipe.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            raise ValueError(_death(process.exitcode or 0, before)) from None
        if kind == "stage" and on_progress is not None:
            on_progress(value)
        elif kind == "failed":
            raise value
        elif kind == "done":
            return value
    raise ValueError(
        f"this took longer than {seconds:g} seconds and was stopped: try it with a smaller file, or allow more with "
        "CELLFLOW_IMPORT_MINUTES"
    )


def _death(code: int, oom_kills_before: int | None) -> str:
    """One sentence on a process that ended without an answer."""
    how = f"the process that worked on this {death(code, oom_kills_before)}"
    if code == -signal.SIGKILL:
        return how
    return f"{how}: the file is damaged, or a library cannot cope with what is in it; save the file anew and try again"


def _started(load: tuple[str, ...]) -> tuple[BaseProcess, Connection]:
    context = Context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, load), daemon=True)
    process.start()
    theirs.close()  # the end of the process must close the pipe
    return process, ours


def _work(pipe: Connection, load: tuple[str, ...]) -> None:
    """The process: import, wait for one call, answer it."""
    for each in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # numba sets the threads of torch too
        os.environ.setdefault(each, str(max(1, (os.cpu_count() or 1) // AT_ONCE)))
    faulthandler.enable()
    end_with_parent()
    for each in load:
        importlib.import_module(each)
    try:
        asked: _Call = pipe.recv()
    except EOFError:  # the server has ended
        return
    for key in _settings():
        os.environ.pop(key)
    os.environ.update(asked.settings)
    kwargs = dict(asked.kwargs) | (
        {"on_progress": lambda stage: pipe.send(("stage", stage))} if asked.has_progress else {}
    )
    try:
        limit = limits().memory_bytes
        _limit_memory(limit)
        pipe.send(("done", run(asked.path, asked.args, kwargs, asked.workspace)))
    except MemoryError:
        _limit_memory(resource.RLIM_INFINITY)
        pipe.send(("failed", ValueError(_too_much(limit))))
    except Exception as error:  # noqa: BLE001 - it goes to who asked
        pipe.send(("failed", portable(error)))


def _limit_memory(most: int) -> None:
    """Data of this process, which unlike its address space leaves out mapped files and mere reservations."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or 0 <= hard < most:
        most = hard
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _too_much(limit: int) -> str:
    return (
        f"this needs more than the {limit / 1e9:.1f} GB of memory that one calculation may take: use fewer cells or "
        "genes, or allow more with CELLFLOW_MEMORY_GB"
    )


class _WarmProcess:
    """At most one process that has imported its modules and waits for a call."""

    def __init__(self) -> None:
        self._held: tuple[BaseProcess, Connection] | None = None
        self._wanted = False
        self._lock = threading.Lock()

    def fill(self) -> None:
        with self._lock:
            self._wanted = True
            if self._held is None:
                self._held = _started(LOADED)

    def refill(self) -> None:
        if self._wanted:
            self.fill()

    def take(self) -> tuple[BaseProcess, Connection]:
        with self._lock:
            held, self._held = self._held, None
        if held is not None and held[0].is_alive():
            return held
        return _started(())

    def stop(self) -> None:
        """End the waiting process and start no other."""
        with self._lock:
            held, self._held, self._wanted = self._held, None, False
        if held is not None:
            held[1].close()
            held[0].join()


_SPARE = _WarmProcess()
