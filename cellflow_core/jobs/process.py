"""Processes that start from nothing: spawned, without running the main script of this one again."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import re
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import popen_spawn_posix, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any

from cellflow_core.workspace import Workspace, acting


class _Popen(popen_spawn_posix.Popen):
    """Starts a process that does not run the main script of this one.

    The main script of a server is the page: spawn would run it once more in every worker.
    """

    _patching = threading.Lock()

    def _launch(self, process_obj: Any) -> None:
        with self._patching:
            usual = spawn.get_preparation_data
            spawn.get_preparation_data = lambda name: {
                key: value for key, value in usual(name).items() if not key.startswith("init_main")
            }
            try:
                super()._launch(process_obj)  # type: ignore[misc]
            finally:
                spawn.get_preparation_data = usual


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        return _Popen(process_obj)


class Context(SpawnContext):
    """Where a pool or a call gets its processes from."""

    Process = _Process


def run(path: str, args: Sequence[Any], kwargs: Mapping[str, Any], workspace: Workspace) -> Any:
    """Call `package.module:function` here, for the owner of the workspace."""
    module, _, name = path.partition(":")
    with acting(workspace):
        return getattr(importlib.import_module(module), name)(*args, **kwargs)


def end_with_parent() -> None:
    """Let this process end when the one that started it does, killed or not, whatever is calculated meanwhile."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()


def oom_kills() -> int | None:
    """How many processes the system has ended for want of memory so far; None where it does not tell."""
    for path in (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat")):
        if path.exists() and (found := re.search(r"^oom_kill (\d+)", path.read_text(), re.MULTILINE)):
            return int(found.group(1))
    return None


def death(code: int, oom_kills_before: int | None = None) -> str:
    """How a process ended, from its exit code, as the rest of a sentence about it.

    oom_kills_before: `oom_kills` from before; only with it a lack of memory is distinguished from a kill by a person.
    """
    if code == -signal.SIGKILL:
        now = oom_kills()
        if now is None or oom_kills_before is None:
            return "was killed, most often because memory ran out: try fewer cells"
        if now > oom_kills_before:
            return "was ended by the system because memory ran out: try fewer cells or a smaller setting"
        return "was killed from outside, not for want of memory: try again"
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended by itself (exit code {code})"


def portable(error: Exception) -> Exception:
    """The error with its traceback in words, in a form that crosses to another process."""
    error.add_note("in its own process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled in this line
    except Exception:  # noqa: BLE001 - whatever an error type does when it is copied
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def peak_mb() -> float:
    """Peak resident memory (MB) of this process: interpreter, libraries, data and results.

    Of Linux the resident set's high-water mark, which begins anew with the program; `ru_maxrss` would begin with what
    the parent held. Elsewhere `ru_maxrss`. Memory of a GPU is not counted.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found.group(1)) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
