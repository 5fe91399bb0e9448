"""What starts and ends with the server: the supervisor of trainings, and the processes that calculate for pages."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread

from cellflow_core.jobs import analysis_pool, sandbox, supervisor

WARM_AFTER = 2.0
"""Seconds: loading takes every core of a small machine, and the first page comes first."""


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Take up the runs that wait, and let the calculating processes load; at the end, end those processes.

    A training goes on without the server: it belongs to the supervisor.
    """
    await to_thread.run_sync(supervisor.ensure_supervisor)
    timers = [threading.Timer(WARM_AFTER, analysis_pool.warm), threading.Timer(WARM_AFTER + 10.0, sandbox.prestart)]
    for each in timers:
        each.daemon = True
        each.start()
    try:
        yield
    finally:
        for each in timers:
            each.cancel()
        await to_thread.run_sync(sandbox.stop)
        await to_thread.run_sync(analysis_pool.stop)
