"""Worker processes that compute the analyses of pages, so that no page script calculates or imports torch."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.process import Context, end_all, run
from cellflow_core.workspace import Workspace

WORKERS = 2
log = logging.getLogger(__name__)


class _Pool:
    """Worker processes, started on first use and started again when one was killed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}

    def submit(self, path: str, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            if self._pool is None:
                self._pool = _new_pool(self._workers)
            try:
                return self._pool.submit(run, path, args, kwargs)
            except BrokenProcessPool:
                log.warning("a worker process was killed; the pool is restarted")
                self._pool = _new_pool(self._workers)
                return self._pool.submit(run, path, args, kwargs)

    def stop(self) -> None:
        """Forget what waits, and wait for the workers."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def submit_deduplicated(self, key: str, path: str, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `submit`; a second call with the same key, while the first is running, gets the same future."""
        with self._lock:
            running = self._running.get(key)
        if running is not None and not running.done():
            return running
        future = self.submit(path, *args, **kwargs)
        with self._lock:
            self._running = {name: each for name, each in self._running.items() if not each.done()} | {key: future}
        return future


_POOL = _Pool(WORKERS)
_LOW_PRIORITY = _Pool(1)


def submit_analysis(question: str, run_id: str, *, workspace: Workspace | None = None, **settings: Any) -> Future[Any]:
    """The result of an analysis of a run; ready at once where it is stored, else from a worker.

    Raises KeyError where there is no such question or run. What goes wrong in the worker is the future's exception.
    """
    path = analysis_cache.cache_path(question, run_id, settings, workspace)
    if path.exists():
        ready: Future[Any] = Future()
        ready.set_result(analysis_cache.load(question, path))
        return ready
    path_to_answer = "cellflow_core.jobs.analysis_cache:answer"
    return _POOL.submit_deduplicated(str(path), path_to_answer, question, run_id, workspace=workspace, **settings)


def call(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """Run `package.module:function` in a worker. Arguments and result must be picklable."""
    return _POOL.submit(function_path, *args, **kwargs)


def submit_low_priority(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """As `call`, in a worker of its own: for long calculations that must not delay the answer to a click."""
    return _LOW_PRIORITY.submit(function_path, *args, **kwargs)


def warm() -> None:
    """Start the workers and let them import what every analysis needs, before the first one is submitted."""
    for _ in range(WORKERS):
        call("cellflow_core.jobs.analysis_pool:loaded")


def stop() -> None:
    """End the workers, and what they calculate."""
    end_all()
    for each in (_POOL, _LOW_PRIORITY):
        each.stop()


def loaded() -> int:
    """Import the slow modules; returns the process id."""
    importlib.import_module("cellflow_core.models.registry")
    importlib.import_module("cellflow_core.data.store")
    return os.getpid()


def _new_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=Context(), initializer=_limit_threads)


def _limit_threads() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
