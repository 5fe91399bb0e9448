"""A few processes that answer the questions of pages, so that no page script calculates or imports torch."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.process import Context, run

WORKERS = 2
log = logging.getLogger(__name__)


class _Pool:
    """Some workers of this process, made on first use and made again when one was killed."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Any]] = {}

    def submit(self, path: str, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            if self._pool is None:
                self._pool = _made(self._workers)
            try:
                return self._pool.submit(run, path, args, kwargs)
            except BrokenProcessPool:
                log.warning("a calculating process was killed; the pool starts anew")
                self._pool = _made(self._workers)
                return self._pool.submit(run, path, args, kwargs)

    def submit_deduplicated(self, key: str, path: str, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `submit`; who asks the same while the answer is under way gets the same future."""
        with self._lock:
            there = self._asked.get(key)
        if there is not None and not there.done():
            return there
        made = self.submit(path, *args, **kwargs)
        with self._lock:
            self._asked = {name: each for name, each in self._asked.items() if not each.done()} | {key: made}
        return made


_POOL = _Pool(WORKERS)
_ASIDE = _Pool(1)


def submit_analysis(question: str, run_id: str, **settings: Any) -> Future[Any]:
    """The answer to a question about a run; ready at once where it is stored, else from a worker.

    Raises KeyError where there is no such question or run. What goes wrong in the worker is the future's exception.
    """
    path = analysis_cache.cache_path(question, run_id, settings)
    if path.exists():
        ready: Future[Any] = Future()
        ready.set_result(analysis_cache.load(question, path))
        return ready
    return _POOL.submit_deduplicated(
        str(path), "cellflow_core.jobs.analysis_cache:answer", question, run_id, **settings
    )


def call(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """Run `package.module:function` in a worker. Arguments and result must be picklable."""
    return _POOL.submit(function_path, *args, **kwargs)


def submit_low_priority(function_path: str, *args: Any, **kwargs: Any) -> Future[Any]:
    """As `call`, in a worker of its own: for what may take long and nobody waits for, so that no click waits for it."""
    return _ASIDE.submit(function_path, *args, **kwargs)


def warm() -> None:
    """Start the workers and let them load what every question needs, before the first one is asked."""
    for _ in range(WORKERS):
        call("cellflow_core.jobs.analysis_pool:loaded")


def loaded() -> int:
    """Import what takes long; the process that did it."""
    importlib.import_module("cellflow_core.models.registry")
    importlib.import_module("cellflow_core.data.store")
    return os.getpid()


def _made(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=Context(), initializer=_begin)


def _begin() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
