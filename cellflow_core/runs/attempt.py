"""One attempt at a run: which worker claimed it, whether that worker still sends heartbeats, and how it ended."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellflow_core.runs import files, metrics

STALE_AFTER = 20.0
"""Seconds without a new heartbeat, on the reader's own clock, after which a worker counts as lost."""
_NAME = re.compile(r"\d{4}")


@dataclass(frozen=True)
class Attempt:
    """The folder `attempts/0001` of a run: claim.json, heartbeat.json, metrics.jsonl, log.txt, exit.json."""

    folder: Path

    @property
    def number(self) -> int:
        return int(self.folder.name)

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def exit(self) -> dict[str, Any] | None:
        """How the attempt ended, {"kind", "message"}; None while it is open.

        kind is stopped, superseded, lost, done, failed or cancelled, and "damaged" where exit.json cannot be read.
        """
        try:
            found = files.read_json(self.folder / "exit.json")
        except files.DamagedRunError as error:
            return {"kind": "damaged", "message": str(error)}
        return found if found is None else {"kind": "damaged", "message": ""} | found

    def end(self, kind: str, message: str) -> None:
        """Write exit.json, which closes the attempt. The first writer counts."""
        files.write_exclusive(self.folder / "exit.json", {"kind": kind, "message": message})

    @property
    def heartbeat(self) -> dict[str, Any]:
        """The newest heartbeat, {"beat", "pid", "host", "device", "stage"}; {} before the first.

        Also {} where a reader meets one that is half rewritten: the next one is whole.
        """
        return files.read_optional(self.folder / "heartbeat.json")

    @property
    def is_fresh(self) -> bool:
        """Has the heartbeat counter moved within STALE_AFTER seconds of this reader's clock?

        The clocks of two machines are never compared, so a reader that looks for the first time says yes.
        """
        return _MONITOR.moved(str(self.folder), self.heartbeat.get("beat", 0))

    @property
    def last_step(self) -> int:
        """The last step reported, over all phases; 0 before the first report."""
        rows = metrics.tail(self.metrics)
        return rows[-1]["step"] if rows else 0

    def log_line(self, sentence: str) -> None:
        """Add a line to the log."""
        with self.log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")


class _HeartbeatMonitor:
    """When this process last saw each heartbeat counter move."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, float]] = {}
        self._lock = threading.Lock()

    def moved(self, name: str, counter: Any) -> bool:
        now = time.monotonic()
        with self._lock:
            last, since = self._seen.get(name, (None, now))
            if last != counter:
                since = now
            self._seen[name] = (counter, since)
        return now - since < STALE_AFTER


_MONITOR = _HeartbeatMonitor()


def attempts(folder: Path) -> tuple[Attempt, ...]:
    """The attempts at the run in `folder`, oldest first. Raises DamagedRunError where `attempts` is no folder."""
    try:
        found = sorted(path for path in (folder / "attempts").iterdir() if _NAME.fullmatch(path.name) and path.is_dir())
    except FileNotFoundError:
        return ()
    except NotADirectoryError as error:
        raise files.DamagedRunError(f"{folder / 'attempts'} is a file, expected a folder: remove it") from error
    return tuple(Attempt(path) for path in found)


def claim(folder: Path, by: str) -> Attempt:
    """Take the next attempt. mkdir is the claim: of two workers that try for one number, one gets FileExistsError."""
    earlier = attempts(folder)
    (folder / "attempts").mkdir(exist_ok=True)
    made = Attempt(folder / "attempts" / f"{earlier[-1].number + 1 if earlier else 1:04d}")
    made.folder.mkdir()
    files.write_json(made.folder / "claim.json", {"by": by, "host": socket.gethostname(), "pid": os.getpid()})
    return made
