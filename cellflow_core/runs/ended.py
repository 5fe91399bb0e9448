"""What ended runs say of themselves, kept in memory and in one file, so that thousands are listed in a moment.

The folders stay the truth. What is known of a run counts only while its folder has the time of change that it was read
at; all else is read anew. The file has a line for each run and is only added to. Two servers on one store add to the
same file, and a line that is torn, damaged or missing costs the reading of one folder; the whole file, of all of them.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from cellflow_core.atomic_write import write_bytes
from cellflow_core.runs import files
from cellflow_core.runs.attempt import attempts
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.status import ENDED, Status
from cellflow_core.runs.status import ended as status_of

FILE = ".ended-1.jsonl"
"""In the folder of the runs; another number when its lines mean something else."""
SETTLED = 2.0
"""Seconds after which a further change of a folder has another time of change, on any file system."""
AGAIN = 5.0
"""Seconds after which every folder is looked at, whatever the folders of runs and markers say."""
FRESH = 1.0
"""Seconds for which a look at all folders is trusted for each of them."""
SLACK = 1_000
"""Lines of no run, beyond as many as there are runs, at which the file is written anew."""
ID = re.compile(r"\d{8}-\d{12}-[0-9a-f]{6}")


@dataclass
class Facts:
    """An ended run. changed: ns, of its folder; label: as renamed, or ""; attempts: how many; looked: monotonic time at
    which its folder was seen not to have changed."""

    changed: int
    recipe: Recipe
    label: str
    result: dict[str, Any]
    attempts: int
    looked: float = 0.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "recipe": Recipe.from_dict(values["recipe"])})

    @cached_property
    def status(self) -> Status:
        return status_of(self.result, self.attempts)

    def hold(self, folder: Path) -> bool:
        """Is the folder still as it was?"""
        if time.monotonic() - self.looked < FRESH:
            return True
        return changed(folder) == self.changed


def changed(folder: Path | str) -> int:
    """Time (ns) at which an entry of the folder was made, replaced or taken away last; 0 where there is no folder, or
    none that can be read now."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - half the time of Path.stat, and asked for every run
    except OSError:
        return 0


def settled(times: Iterable[int]) -> bool:
    """Has no folder with these times of change been changed just now?"""
    return all(abs(time.time() - each / 1e9) > SETTLED for each in times)


class EndedRuns:
    """The runs of one folder. Every process has its own, and all share the file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._facts: dict[str, Facts | None] = {}
        self._stamp: tuple[int, int] = (0, 0)
        self._whole = 0.0
        self._file = (0, 0)
        self._lock = threading.Lock()

    def look(self) -> dict[str, Facts | None]:
        """By id, the newest first, every folder with the name of a run; with its facts where they are known.

        A submission or deletion changes the folder of the runs, an end or resumption that of their markers: where
        neither has changed, no run is looked at, but for now and then.
        """
        with self._lock:
            stamp, now = (changed(self.root), changed(self.root / ".open")), time.monotonic()
            if stamp != self._stamp or now - self._whole > AGAIN or not settled(stamp):
                self._facts = self._look()
                self._stamp, self._whole = stamp, now
            for facts in self._facts.values():
                if facts is not None:
                    facts.looked = now
            return self._facts

    def _look(self) -> dict[str, Facts | None]:
        names = sorted((each.name for each in os.scandir(self.root) if ID.fullmatch(each.name)), reverse=True)
        times = {name: changed(f"{self.root}/{name}") for name in names}
        found = {
            name: facts if (facts := self._facts.get(name)) and facts.changed == times[name] else None for name in names
        }
        if None in found.values():
            found |= self._read_on(times)
            unknown = [name for name in names if found[name] is None and settled([times[name]])]
            new = {name: read for name in unknown if (read := self._read(name, times[name]))}
            found |= {name: Facts.from_dict(read) for name, read in new.items()}
            self._append(new)
        return found

    def _read(self, name: str, time_of_change: int) -> dict[str, Any] | None:
        """The facts as the file holds them; None where the run has not ended, or something in it cannot be read."""
        folder = self.root / name
        try:
            result = files.read_json(folder / "result.json")
            if result is None or result.get("state") not in ENDED:
                return None
            recipe = files.read_json(folder / "recipe.json")
            Recipe.from_dict(recipe or {})
            label = str(files.read_optional(folder / "label.json").get("label") or "")
            number = len(attempts(folder))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # whoever opens the run gets the sentence
            return None
        return {"changed": time_of_change, "recipe": recipe, "label": label, "result": result, "attempts": number}

    def _read_on(self, times: Mapping[str, int]) -> dict[str, Facts]:
        """What was added to the file since it was read last, all of it where it is another file: the valid lines of it.

        times: of change, of the folders there are
        """
        path = self.root / FILE
        try:
            with path.open("rb") as file:
                its = os.fstat(file.fileno())
                begin = self._file[1] if self._file[0] == its.st_ino and self._file[1] <= its.st_size else 0
                file.seek(begin)
                text = file.read()
        except OSError:  # there is none, or none that can be read: the folders are
            return {}
        end = text.rfind(b"\n") + 1
        self._file = (its.st_ino, begin + end)
        found: dict[str, Facts] = {}
        kept: dict[str, bytes] = {}
        lines = text[:end].splitlines()
        for line in lines:
            name, facts = _parsed(line)
            if facts is not None and times.get(name) == facts.changed:
                found[name], kept[name] = facts, line
        if not begin and len(lines) > 2 * len(found) + SLACK:
            with suppress(OSError):  # a full or read-only disk: the file stays long
                write_bytes(path, b"".join(line + b"\n" for line in kept.values()))
        return found

    def _append(self, new: Mapping[str, Mapping[str, Any]]) -> None:
        lines = [json.dumps([name, facts]) + "\n" for name, facts in new.items()]
        if lines:
            with suppress(OSError), (self.root / FILE).open("ab") as file:  # as above: they are read again
                file.write("".join(["\n", *lines]).encode())  # the line before may be torn


def _parsed(line: bytes) -> tuple[str, Facts | None]:
    try:
        name, facts = json.loads(line)
        return name, Facts.from_dict(facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return "", None
