"""Where data sets and runs live on disk, whose they are, and what may be used of the machine.

The environment is read at the doors (command line, server, supervisor) by `Workspace.from_environment`. Below them a
workspace is an argument; where none is given, it is that of the environment.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MEMORY_FRACTION = 0.8
"""Of the memory of the machine or container that one calculation may hold, where no limit is set."""
_CONTROL_GROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Limits:
    """What may be used at most; None: a share of what the machine has.

    memory    bytes that one calculation may hold (CELLFLOW_MEMORY_GB)
    download  bytes of one downloaded file (CELLFLOW_DOWNLOAD_GB)
    slots     workers at a time without a GPU (CELLFLOW_SLOTS)
    """

    memory: int | None = None
    download: int = 20_000_000_000
    slots: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Limits:
        """Raises ValueError, with a sentence, where a variable is no number."""
        memory = _number(environment, "CELLFLOW_MEMORY_GB", "how many GB one calculation may take")
        download = _number(environment, "CELLFLOW_DOWNLOAD_GB", "how many GB a download may have")
        slots = _number(environment, "CELLFLOW_SLOTS", "how many workers may train at a time")
        return cls(
            memory=None if memory is None else int(memory * 1e9),
            download=cls.download if download is None else int(download * 1e9),
            slots=None if slots is None else max(1, int(slots)),
        )

    @property
    def memory_bytes(self) -> int:
        """Bytes that one calculation may hold: as set, or a fraction of what the machine or container has."""
        if self.memory is not None:
            return self.memory
        present = [psutil.virtual_memory().total]
        texts = [each.read_text().strip() for each in _CONTROL_GROUPS if each.exists()]
        return int(MEMORY_FRACTION * min(present + [int(text) for text in texts if text.isdigit()]))

    @property
    def worker_slots(self) -> int:
        """Workers at a time without a GPU: as set, or half the cores, at least one."""
        return self.slots if self.slots is not None else max(1, (os.cpu_count() or 2) // 2)


@dataclass(frozen=True)
class Workspace:
    """A folder with data sets and runs, its owner, and what may be used for it. Cheap to make, and picklable."""

    root: Path
    owner: str = ""
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Workspace:
        """`CELLFLOW_HOME`, or `workspace` below the current folder; `CELLFLOW_OWNER`, or the user of the machine."""
        values = os.environ if environment is None else environment
        return cls(_home(values), values.get("CELLFLOW_OWNER") or _user(), Limits.from_environment(values))

    @property
    def data(self) -> Path:
        """Folder of the data sets, made on first use."""
        return _folder(self.root / "data")

    @property
    def runs(self) -> Path:
        """Folder of the runs, made on first use."""
        return _folder(self.root / "runs")

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a new process says of this workspace's place and owner."""
        return {"CELLFLOW_HOME": str(self.root)} | ({"CELLFLOW_OWNER": self.owner} if self.owner else {})


def memory_limit() -> int:
    """Bytes that one calculation of this process may hold, by the environment."""
    return Limits.from_environment(os.environ).memory_bytes


def home() -> Path:
    """Root of the workspace of the environment."""
    return _home(os.environ)


def data_root() -> Path:
    """Folder of the data sets of the workspace of the environment, made on first use."""
    return _folder(home() / "data")


def runs_root() -> Path:
    """Folder of the runs of the workspace of the environment, made on first use."""
    return _folder(home() / "runs")


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("CELLFLOW_HOME") or "workspace").resolve()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return ""


def _number(environment: Mapping[str, str], name: str, what: str) -> float | None:
    given = environment.get(name, "")
    try:
        return float(given) if given else None
    except ValueError:
        raise ValueError(f"{name}={given!r} is no number: say {what}") from None


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
