"""Whether a server can take work: its disk takes files, and one of its processes answers."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from concurrent.futures import TimeoutError as TimedOutError
from pathlib import Path

from cellflow_core.jobs import analysis_pool
from cellflow_core.workspace import Workspace, acting

LEAST_FREE = 200_000_000
"""Bytes below which a checkpoint or an upload may not fit any more."""
LOOK_EVERY = 3.0
"""Seconds for which an answer stays true."""
PATIENCE = 10.0
"""Seconds in which a process has to answer; one that has still to start needs some of them."""


_lock = threading.Lock()
_known: dict[Path, tuple[float, list[str]]] = {}


def missing(workspace: Workspace) -> list[str]:
    """What keeps the server from taking work, a sentence each; none where it can. Looked at anew every few seconds,
    however often it is asked; while one looks, the others are told what was found before."""
    at, found = _known.get(workspace.root, (0.0, []))
    if at and _lock.locked() and time.monotonic() - at <= LOOK_EVERY + PATIENCE:
        return found
    with _lock:
        at, found = _known.get(workspace.root, (0.0, []))
        if not at or time.monotonic() - at > LOOK_EVERY:
            found = [sentence for sentence in (_disk(workspace), _worker(workspace)) if sentence]
            _known[workspace.root] = time.monotonic(), found
        return found


def alive() -> bool:
    """What a process of the pool answers."""
    return True


def _disk(workspace: Workspace) -> str:
    try:
        probe = workspace.root / f".ready-{secrets.token_hex(4)}"
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\0")
        probe.unlink()
        free = shutil.disk_usage(workspace.root).free
    except OSError as error:
        return f"the disk takes no files ({error.strerror})"
    return "" if free >= LEAST_FREE else f"the disk has {free / 1e6:.0f} MB left"


def _worker(workspace: Workspace) -> str:
    with acting(workspace):
        asked = analysis_pool.call("cellflow_core.jobs.readiness:alive")
    try:
        asked.result(PATIENCE)
    except TimedOutError:
        waits_for_its_turn = asked.cancel()
        return "" if waits_for_its_turn and analysis_pool.alive() else f"no process has answered within {PATIENCE:g} s"
    except ValueError as error:
        return str(error)
    return ""
