"""Processes that answer one call after another, each for itself: one that dies takes only its own call with it."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from cellflow_core.jobs.process import Context, death, end_with_parent, oom_kills, portable, run
from cellflow_core.workspace import Workspace, current


class ProcessDiedError(ValueError):
    """The process of a call ended without an answer; the sentence says how, as far as the system tells."""


@dataclass(frozen=True)
class _Call:
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    visitor: str
    about: str
    tries: int
    order: int
    workspace: Workspace
    future: Future[Any] = field(default_factory=Future)


class WorkerPool:
    """Processes that start on first use, and again when one has died.

    workers      processes at most
    per_visitor  calls of one visitor at a time; the others of that visitor wait, so that nobody takes every process
    load         modules that a process imports before its first call
    niceness     of the processes, as of `nice`: those of a higher one give way where cores are short
    """

    def __init__(
        self, workers: int, per_visitor: int | None = None, load: tuple[str, ...] = (), niceness: int = 0
    ) -> None:
        self._workers = workers
        self._per_visitor = per_visitor or workers
        self._load = load
        self._niceness = niceness
        self._waiting: list[_Call] = []
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._processes: dict[int, BaseProcess] = {}
        self._order = itertools.count()
        self._idle: dict[int, str] = {}  # thread -> what its last call was about
        self._generation = 0

    def submit(
        self,
        path: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        visitor: str = "",
        about: str = "",
        tries: int = 2,
    ) -> Future[Any]:
        """`package.module:function` in a process. The future is running once a process has it.

        The call sees what the current workspace may open, whose owner is the one who asks, if it has one.

        visitor  who asks, where nobody signs in; the oldest call of whoever has the fewest at work comes first
        about    what it reads: of the free processes, the one whose last call was about the same has it in memory
        tries    how often the call is made where its process dies; then its exception is a ProcessDiedError
        """
        workspace = current()
        asked = _Call(path, args, kwargs, workspace.owner or visitor, about, tries, next(self._order), workspace)
        with self._changed:
            self._waiting.append(asked)
            self._start_threads()
            self._changed.notify_all()
        return asked.future

    def place(self, future: Future[Any]) -> int:
        """Of a call that waits, its place in line, 1 for the next, as things are; 0 where it does not wait."""
        with self._changed:
            line = sorted(self._waiting, key=self._turn)
            return next((k for k, each in enumerate(line, start=1) if each.future is future), 0)

    def start(self) -> None:
        """Start every process, so that the first call finds one that has imported its modules."""
        with self._changed:
            self._start_threads()

    def stop(self) -> None:
        """Cancel the calls that wait, and end the processes whatever they calculate. A later call starts others."""
        with self._changed:
            self._generation += 1
            self._idle.clear()
            waiting, self._waiting = self._waiting, []
            threads, self._threads = self._threads, []
            for each in self._processes.values():
                each.kill()
            self._changed.notify_all()
        for each in waiting:
            each.future.cancel()
        for each in threads:
            each.join(10.0)

    @property
    def process_ids(self) -> list[int]:
        """Of the processes that live."""
        with self._changed:
            return [each.pid or 0 for each in self._processes.values() if each.is_alive()]

    def _start_threads(self) -> None:
        for _ in range(self._workers - len(self._threads)):
            thread = threading.Thread(target=self._serve, args=(self._generation,), name="worker pool", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, generation: int) -> None:
        """The life of one process and of those that replace it."""
        process, pipe = self._process(generation)
        last = ""
        while (asked := self._next(generation, last)) is not None:
            last = asked.about
            try:
                for left in reversed(range(asked.tries)):
                    if not process.is_alive():  # it died while it waited, or of this call
                        pipe.close()
                        process, pipe = self._process(generation)
                    try:
                        asked.future.set_result(_ask(process, pipe, asked))
                        break
                    except ProcessDiedError:
                        if not left or generation != self._generation:
                            raise
            except BaseException as error:  # noqa: BLE001 - the future carries it
                asked.future.set_exception(error)
            finally:
                with self._changed:
                    self._running[asked.visitor] -= 1
                    self._changed.notify_all()
        process.kill()
        process.join()
        pipe.close()

    def _next(self, generation: int, last: str) -> _Call | None:
        """Wait for the call whose turn it is and that suits no free process better; None where the pool was stopped.
        `last`: what the call before was about."""
        me = threading.get_ident()
        with self._changed:
            while generation == self._generation:
                self._idle[me] = last
                able = [each for each in self._waiting if self._running[each.visitor] < self._per_visitor]
                ours = [each for each in able if self._fittest(each.about) == me]
                if ours:
                    asked = min(ours, key=self._turn)
                    self._waiting.remove(asked)
                    if asked.future.set_running_or_notify_cancel():
                        self._running[asked.visitor] += 1
                        del self._idle[me]
                        self._changed.notify_all()
                        return asked
                else:
                    self._changed.wait()
            self._idle.pop(me, None)
        return None

    def _fittest(self, about: str) -> int:
        """Of the threads whose process is free: whose last call was about the same, else who has been free longest."""
        return next((each for each, last in self._idle.items() if last == about), next(iter(self._idle)))

    def _turn(self, asked: _Call) -> tuple[int, int]:
        """The least comes first."""
        return self._running[asked.visitor], asked.order

    def _process(self, generation: int) -> tuple[BaseProcess, Connection]:
        context = Context()
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._load, self._niceness), daemon=True)
        process.start()
        theirs.close()  # the end of the process must close the pipe
        with self._changed:
            self._processes[threading.get_ident()] = process
            if generation != self._generation:
                process.kill()
        return process, ours


def _ask(process: BaseProcess, pipe: Connection, asked: _Call) -> Any:
    before = oom_kills()
    try:
        pipe.send((asked.path, asked.args, asked.kwargs, asked.workspace))
        succeeded, value = pipe.recv()
    except (EOFError, ConnectionError):
        process.join()
        raise ProcessDiedError(
            f"the process that calculated this {death(process.exitcode or 0, before)}; it was tried "
            f"{'once' if asked.tries == 1 else 'twice'}"
        ) from None
    if not succeeded:
        raise value
    return value


def _work(pipe: Connection, load: tuple[str, ...], niceness: int) -> None:
    """The process: one call after another, until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the server ends this process itself
    os.nice(niceness)
    for each in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # numba sets the threads of torch too
        os.environ.setdefault(each, "1")
    end_with_parent()
    for each in load:
        importlib.import_module(each)
    while True:
        try:
            path, args, kwargs, workspace = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, run(path, args, kwargs, workspace))
        except Exception as error:  # noqa: BLE001 - it goes to who asked
            answer = (False, portable(error))
        try:
            pipe.send(answer)
        except (TypeError, AttributeError, ValueError) as error:  # an answer that cannot be pickled
            pipe.send((False, portable(error)))
