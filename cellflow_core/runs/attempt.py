"""One try at a run: who has claimed it, whether that process still lives, and how it ended."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellflow_core.runs import files

BEAT_EVERY = 1.0
"""Seconds between two beats of a worker."""
STALE_AFTER = 20.0
"""Seconds without a new beat, on the reader's own clock, after which a worker counts as lost."""
_BEAT_BYTES = 1024
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
        """How the attempt ended, where it ended in an orderly way: {"kind", "message"}."""
        return files.read_json(self.folder / "exit.json")

    @property
    def heartbeat(self) -> dict[str, Any]:
        """The newest whole heartbeat: {"beat", "pid", "machine", "started", "device", "stage"}; {} before the first."""
        try:
            return json.loads((self.folder / "heartbeat.json").read_text())
        except (
            FileNotFoundError,
            ValueError,
        ):  # a reader may meet a beat that is half rewritten: the next one is whole
            return {}

    def alive(self) -> bool:
        """Is a process behind this attempt? Only asked of one without an exit.

        On the worker's own machine the process table answers at once. From elsewhere a worker lives as long as its beat
        counter moves within STALE_AFTER seconds of this reader's clock: clocks of two machines are never compared.
        """
        beat = self.heartbeat
        if beat and beat["started"] and beat["machine"] == host_id():
            return process_start_time(beat["pid"]) == beat["started"]
        return _WATCH.moving(str(self.folder), beat.get("beat", 0))

    def log_line(self, sentence: str) -> None:
        """Add a line to the log."""
        with self.log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")


class _Watch:
    """When this process last saw each beat counter move."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def moving(self, name: str, heartbeat: int) -> bool:
        now = time.monotonic()
        with self._lock:
            last, since = self._seen.get(name, (None, now))
            if last != heartbeat:
                since = now
            self._seen[name] = (heartbeat, since)
        return now - since < STALE_AFTER


_WATCH = _Watch()


def attempts(folder: Path) -> tuple[Attempt, ...]:
    """The attempts at the run in `folder`, oldest first."""
    try:
        found = sorted(path for path in (folder / "attempts").iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return ()
    return tuple(Attempt(path) for path in found)


def claim(folder: Path, by: str, gpu: str = "") -> Attempt:
    """Take the next attempt. mkdir is the claim: of two who try for one number, one gets FileExistsError.

    gpu  name of the GPU that the attempt has for itself, "" where it has none
    """
    (folder / "attempts").mkdir(exist_ok=True)
    before = attempts(folder)
    made = Attempt(folder / "attempts" / f"{before[-1].number + 1 if before else 1:04d}")
    made.folder.mkdir()
    files.write_json(made.folder / "claim.json", {"by": by, "machine": host_id(), "gpu": gpu})
    return made


class Heartbeat:
    """Rewrites the same 1 KB in place every second, so that it beats on a full disk too. A context of a worker."""

    def __init__(self, attempt: Attempt) -> None:
        self._path = attempt.folder / "heartbeat.json"
        self._known: dict[str, Any] = {
            "beat": 0,
            "pid": os.getpid(),
            "machine": host_id(),
            "started": process_start_time(os.getpid()),
            "device": "",
            "stage": "starting",
        }
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def log_line(self, **known: str) -> None:
        """Tell readers the device and the stage of the work, in words."""
        self._known |= known
        self._write()

    def __enter__(self) -> Heartbeat:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(BEAT_EVERY):
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._known["beat"] += 1
            text = json.dumps(self._known).encode().ljust(_BEAT_BYTES)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(handle, text, 0)
            finally:
                os.close(handle)


def host_id() -> str:
    """Names the process table that a process id belongs to: host, boot and, in a container, its namespace."""
    parts = [socket.gethostname()]
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if boot.exists() and space.exists():
        return " ".join([*parts, boot.read_text().strip(), str(space.readlink())])
    return " ".join([*parts, "no process table"])


def process_start_time(pid: int) -> str:
    """Start of a living process in clock ticks since boot, so that a process id used again is told apart.

    "" where the process is dead, or the system has no /proc to ask.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]
