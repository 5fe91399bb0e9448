"""Calculations of this server that a browser may ask about, as long as somebody waits for them."""

from __future__ import annotations

from concurrent.futures import Future
from weakref import WeakKeyDictionary, WeakValueDictionary

from cellflow_core.progress import Stages
from cellflow_core.reporting.progress import Progress, stage_progress
from cellflow_core.workspace import current

WAITING = "waiting for other work to end"
_tasks: WeakValueDictionary[str, Future] = WeakValueDictionary()
_owners: WeakKeyDictionary[Future, set[str]] = WeakKeyDictionary()
_stages: WeakKeyDictionary[Future, Stages] = WeakKeyDictionary()


def register(future: Future, stages: Stages | None = None) -> str:
    """The name under which `task_progress` knows this future, for whoever registered it, until nobody holds it."""
    name = f"{id(future):x}"
    _tasks[name] = future
    _owners.setdefault(future, set()).add(current().owner)
    if stages is not None:
        _stages[future] = stages
    return name


def task_progress(name: str) -> Progress:
    """Whether the task has ended or waits for its turn, and its newest stage. Raises KeyError for an unknown name, and
    for the task of another person."""
    future = _tasks.get(name)
    if future is None or current().owner not in _owners[future]:
        raise KeyError(f"there is no task {name!r}: it has ended")
    if not future.running() and not future.done():
        return stage_progress(WAITING, False)
    stages = _stages.get(future)
    return stage_progress((stages.read() or ("",))[-1] if stages else "", future.done())
