"""The heartbeat of a worker: a small file that is rewritten while the worker lives."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Any

from cellflow_core.runs.attempt import Attempt

HEARTBEAT_INTERVAL = 1.0
"""Seconds between two heartbeats of a worker."""
_HEARTBEAT_BYTES = 1024


class Heartbeat:
    """Rewrites the same 1 KB in place every second, which works on a full disk too. A context manager of a worker."""

    def __init__(self, attempt: Attempt) -> None:
        self._path = attempt.folder / "heartbeat.json"
        self._values: dict[str, Any] = {
            "beat": 0,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "device": "",
            "stage": "starting",
        }
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def update(self, **values: str) -> None:
        """Report the device or the stage of the work, in words."""
        self._values |= values
        self._write()

    def __enter__(self) -> Heartbeat:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(HEARTBEAT_INTERVAL):
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._values["beat"] += 1
            text = json.dumps(self._values).encode().ljust(_HEARTBEAT_BYTES)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(handle, text, 0)
            finally:
                os.close(handle)
