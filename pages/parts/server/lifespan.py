"""What starts and ends with the server: the supervisor of trainings, and the processes that calculate for pages."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread

from cellflow_core.jobs import analysis_pool, sandbox, supervisor
from cellflow_core.runs import index
from cellflow_core.workspace import Workspace, open_door
from pages.parts.server import sign_in

WARM_AFTER = 2.0
"""Seconds: loading takes every core of a small machine, and the first page comes first."""
WAKE_EVERY = 5.0
"""Seconds between two looks whether open runs have a supervisor."""
log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Take up the runs that wait, and let the calculating processes load; at the end, end those processes.

    A training goes on without the server: it belongs to the supervisor.
    """
    ended = threading.Event()
    open_door(sign_in.workspace)
    await to_thread.run_sync(index.mark_open, Workspace.from_environment().unrestricted)
    watch = threading.Thread(target=keep_supervised, args=(ended,), name="supervisor watch", daemon=True)
    watch.start()
    timers = [threading.Timer(WARM_AFTER, analysis_pool.warm), threading.Timer(WARM_AFTER + 10.0, sandbox.prestart)]
    for each in timers:
        each.daemon = True
        each.start()
    try:
        yield
    finally:
        ended.set()
        for each in timers:
            each.cancel()
        await to_thread.run_sync(sandbox.stop)
        await to_thread.run_sync(analysis_pool.stop)


def keep_supervised(ended: threading.Event) -> None:
    """Start a supervisor whenever runs are open and none is at work, until the server ends."""
    while True:
        try:
            supervisor.wake(Workspace.from_environment())
        except OSError as error:  # a full or unreachable disk; it is looked at again
            log.warning("the runs cannot be looked at just now: %s", error)
        if ended.wait(WAKE_EVERY):
            return
