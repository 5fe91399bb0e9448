"""What each person has used, and one sentence where that is too much."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cellflow_core.workspace import audit
from cellflow_core.workspace.access import Access
from cellflow_core.workspace.workspace import Workspace

HOUR = 3600.0
COUNTED_EVERY = 30.0
"""Seconds for which the bytes of all folders are taken to be what they were counted to be."""
FILES = ("uploaded", "downloaded", "made", "copied")
KINDS = ("data", "data/.trash", "runs", "runs/.trash", "uploads")
_counted: dict[Path, tuple[float, Counter[str]]] = {}


class QuotaError(ValueError):
    """A person has used up what one person may use; the sentence says of what, and what to do."""


def check_runs(workspace: Workspace, count: int = 1) -> None:
    """Raises QuotaError where the owner of the workspace may not start so many more runs now."""
    if not workspace.owner:
        return
    check_disk(workspace)
    quotas, asked = workspace.quotas, "" if count == 1 else f" ({count} are asked for, and none of them was started)"
    if (found := open_runs(workspace)[workspace.owner]) + count > quotas.open_runs:
        raise QuotaError(
            f"{found} of your runs wait or train already, and one person may have {quotas.open_runs}{asked}: cancel "
            "some, or wait until some have ended"
        )
    if (found := audit.count(workspace.root, workspace.owner, ("started",), HOUR)) + count > quotas.runs_an_hour:
        raise QuotaError(
            f"you have started {found} runs within an hour, and {quotas.runs_an_hour} are the most{asked}: try later"
        )


def check_file(workspace: Workspace) -> None:
    """Raises QuotaError where the owner of the workspace may not bring one more file or make one more data set now."""
    if not workspace.owner:
        return
    check_disk(workspace)
    most = workspace.quotas.files_an_hour
    if audit.count(workspace.root, workspace.owner, FILES, HOUR) >= most:
        raise QuotaError(
            f"you have brought or made {most} files and data sets within an hour, which is the most: try later"
        )


def check_disk(workspace: Workspace) -> None:
    """Raises QuotaError where the owner of the workspace has stored as much as one person may."""
    if not workspace.owner:
        return
    used, most = disk_used(workspace)[workspace.owner], workspace.quotas.disk
    if used >= most:
        raise QuotaError(
            f"your data sets, runs and files take {used / 1e9:.1f} GB, and one person may store {most / 1e9:.1f} GB: "
            "delete some, and empty the trash"
        )


def open_runs(workspace: Workspace) -> Counter[str]:
    """How many runs of each person wait or train; "" counts those of nobody."""
    marked = (workspace.runs / ".open").glob("*")
    folders = (workspace.runs / each.name for each in marked)
    return Counter(Access.read(each).owner for each in folders if each.is_dir())


def disk_used(workspace: Workspace) -> Counter[str]:
    """Bytes that the folders of each person take, those in the trash too; "" counts those of nobody."""
    at, found = _counted.get(workspace.root, (0.0, Counter()))
    if time.monotonic() - at < COUNTED_EVERY and at:
        return found
    found = Counter()
    for kind in KINDS:
        for folder in _folders(workspace.root / kind):
            found[Access.read(folder).owner] += size(folder)
    _counted[workspace.root] = time.monotonic(), found
    return found


def size(folder: Path) -> int:
    """Bytes of the files in a folder; what vanishes meanwhile counts nothing, and a linked file is its owner's."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def forget_counts() -> None:
    """Count anew at the next question, as after something was deleted."""
    _counted.clear()


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from (each for each in place.iterdir() if each.is_dir() and not each.name.startswith("."))
