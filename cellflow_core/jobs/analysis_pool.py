"""Worker processes that compute the analyses of pages, so that no page script calculates or imports torch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, NamedTuple

from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.worker_pool import WorkerPool
from cellflow_core.workspace import Workspace

WORKERS = 3
PER_VISITOR = 2
"""Calculations of one visitor at a time: a process is left for the others."""
LOADED = ("cellflow_core.models.registry", "cellflow_core.data.store")

visitor: ContextVar[str] = ContextVar("visitor", default="")
"""Who asks where nobody signs in, of the script that runs: whoever has the fewest calculations at work is first."""


class Question(NamedTuple):
    """What was asked about a run."""

    name: str
    run: str
    settings: Mapping[str, Any]


asked: ContextVar[list[Question] | None] = ContextVar("asked", default=None)
"""A list that notes what the page that runs asks, in order; None: nothing is noted."""

_POOL = WorkerPool(WORKERS, PER_VISITOR, LOADED)
_LOW_PRIORITY = WorkerPool(2, load=LOADED, niceness=10)
_running: dict[str, Future[Any]] = {}
_lock = threading.Lock()


def submit_analysis(question: str, run_id: str, *, workspace: Workspace | None = None, **settings: Any) -> Future[Any]:
    """The result of an analysis of a run; ready at once where it is stored, else from a worker.

    The same question of several visitors is calculated once; one whose process dies is asked again once. Raises
    KeyError where there is no such question or run. What goes wrong in the worker is the future's exception.
    """
    path = analysis_cache.cache_path(question, run_id, settings, workspace)
    if (noted := asked.get()) is not None:
        noted.append(Question(question, run_id, settings))
    if path.exists():
        ready: Future[Any] = Future()
        ready.set_result(analysis_cache.load(question, path))
        return ready
    with _lock:
        running = _running.get(str(path))
        if running is not None and not running.done():
            return running
        given = {"workspace": workspace, **settings}
        answer = "cellflow_core.jobs.analysis_cache:answer"
        future = _POOL.submit(answer, (question, run_id), given, visitor.get(), about=run_id)
        for key in [key for key, each in _running.items() if each.done()]:
            del _running[key]
        _running[str(path)] = future
    return future


def call(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """Run `package.module:function` in a worker, and once more where that worker dies: it must bear repeating.

    Arguments and result must be picklable.
    """
    return _POOL.submit(function_path, args, kwargs, visitor.get())


def call_once(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """As `call`, for a function that must not begin a second time, such as one that stores something new."""
    return _POOL.submit(function_path, args, kwargs, visitor.get(), tries=1)


def submit_low_priority(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """As `call`, in workers that give way: for long calculations that must not delay the answer to a click."""
    return _LOW_PRIORITY.submit(function_path, args, kwargs, visitor.get())


def place(future: Future[Any]) -> int:
    """The place in line of a calculation that waits for a worker, 1 for the next; 0 where it does not wait."""
    return _POOL.place(future) or _LOW_PRIORITY.place(future)


def warm() -> None:
    """Start the workers and let them import what every analysis needs, before the first one is submitted."""
    _POOL.start()


def alive() -> bool:
    """Whether a process lives that answers, or will once it has ended what it calculates."""
    return bool(_POOL.process_ids)


def stop() -> None:
    """End the workers, and what they calculate."""
    for each in (_POOL, _LOW_PRIORITY):
        each.stop()
