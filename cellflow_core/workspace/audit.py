"""Who did what, and when, where people sign in: one JSON line an action, one file a day, in the folder `audit`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

log = logging.getLogger(__name__)


def record(root: Path, who: str, what: str, on: str = "") -> None:
    """Add a line. A disk that takes none does not hold up the action: the line then stands in the log of the server.

    who   id of a person; what: a verb ("started"); on: id of the data set, run or file
    """
    now = datetime.now(UTC)
    line = json.dumps({"at": now.isoformat(timespec="milliseconds"), "who": who, "what": what, "on": on})
    try:
        path = _file(root, now)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, f"{line}\n".encode())  # one short line is written at once
        finally:
            os.close(handle)
    except OSError as error:
        log.warning("the audit log cannot be written (%s): %s", error.strerror, line)


def newest(root: Path, most: int = 200) -> list[dict[str, str]]:
    """The last actions, the newest first."""
    found: list[dict[str, str]] = []
    for path in sorted((root / "audit").glob("*.jsonl"), reverse=True):
        found.extend(reversed(list(_lines(path))))
        if len(found) >= most:
            break
    return found[:most]


def count(root: Path, who: str, what: Iterable[str], seconds: float) -> int:
    """How often a person did one of these things within the last seconds (of at most a day)."""
    now, verbs = datetime.now(UTC), set(what)
    since = (now - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    files = {_file(root, now - timedelta(seconds=seconds)), _file(root, now)}
    rows = (row for path in files if path.exists() for row in _lines(path))
    return sum(row["who"] == who and row["what"] in verbs and row["at"] >= since for row in rows)


def _file(root: Path, day: datetime) -> Path:
    return root / "audit" / f"{day:%Y-%m-%d}.jsonl"


def _lines(path: Path) -> Iterator[dict[str, str]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # a line that a full disk cut short
            continue
        if isinstance(row, dict) and {"at", "who", "what", "on"} <= row.keys():
            yield row
