"""Processes that start from nothing: spawned, without running the main script of this one again."""

from __future__ import annotations

import importlib
import multiprocessing
import re
import resource
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import popen_spawn_posix, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any


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


def run(path: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call `package.module:function` here."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)(*args, **kwargs)


def end_all() -> None:
    """End every process that was started from here, whatever it calculates."""
    own = [each for each in multiprocessing.active_children() if isinstance(each, _Process)]
    for each in own:
        each.terminate()
    for each in own:
        each.join(5.0)


def peak_mb() -> float:
    """Peak resident memory (MB) of this process: interpreter, libraries, data and results.

    Of Linux the resident set's high-water mark, which begins anew with the program; `ru_maxrss` would begin with what
    the parent held. Elsewhere `ru_maxrss`. Memory of a GPU is not counted.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found.group(1)) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
