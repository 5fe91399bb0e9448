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
    slots     workers at a time without a GPU (CELLFLOW_SLOTS)
    download  bytes of one downloaded file (CELLFLOW_DOWNLOAD_GB)
    download_seconds, import_seconds  for one download, and for reading or importing one file
              (CELLFLOW_DOWNLOAD_MINUTES, CELLFLOW_IMPORT_MINUTES)
    checkpoint_seconds  between two checkpoints of a training (CELLFLOW_CHECKPOINT_SECONDS)
    answers   bytes of stored answers of views, of all runs together (CELLFLOW_ANSWERS_GB)
    idle      seconds without work after which a supervisor leaves (CELLFLOW_IDLE)
    paths     folders of this machine whose files a browser may open (CELLFLOW_PATHS)
    local_urls  whether downloads may come from the own network (CELLFLOW_ALLOW_LOCAL_URLS)
    """

    memory: int | None = None
    slots: int | None = None
    download: int = 20_000_000_000
    download_seconds: float = 6 * 3600.0
    import_seconds: float = 3600.0
    checkpoint_seconds: float = 5.0
    answers: int = 5_000_000_000
    idle: float = 300.0
    paths: tuple[Path, ...] = ()
    local_urls: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Limits:
        """Raises ValueError, with a sentence, where a variable is no number."""

        def number(name: str, what: str, default: float) -> float:
            found = _number(environment, f"CELLFLOW_{name}", what)
            return default if found is None else found

        memory = _number(environment, "CELLFLOW_MEMORY_GB", "how many GB one calculation may take")
        slots = _number(environment, "CELLFLOW_SLOTS", "how many workers may train at a time")
        named = environment.get("CELLFLOW_PATHS", "").split(os.pathsep)
        return cls(
            memory=None if memory is None else int(memory * 1e9),
            slots=None if slots is None else max(1, int(slots)),
            download=int(number("DOWNLOAD_GB", "how many GB a download may have", cls.download / 1e9) * 1e9),
            download_seconds=60 * number("DOWNLOAD_MINUTES", "how long a download may take", cls.download_seconds / 60),
            import_seconds=60 * number("IMPORT_MINUTES", "how long an import may take", cls.import_seconds / 60),
            checkpoint_seconds=number("CHECKPOINT_SECONDS", "how often to save", cls.checkpoint_seconds),
            answers=int(number("ANSWERS_GB", "how many GB the stored answers may have", cls.answers / 1e9) * 1e9),
            idle=number("IDLE", "after how many seconds an idle supervisor leaves", cls.idle),
            paths=tuple(Path(each).expanduser().resolve() for each in named if each.strip()),
            local_urls=environment.get("CELLFLOW_ALLOW_LOCAL_URLS") == "1",
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
class Engine:
    """What starts the workers that train.

    place    "" for processes of this machine, "slurm" for jobs of SLURM, or the address of a Dask scheduler,
             tcp://HOST:PORT or tls://HOST:PORT (CELLFLOW_ENGINE)
    gpus     whether its machines have GPUs; a run then gets one for itself unless its recipe says "cpu"
             (CELLFLOW_ENGINE_GPUS=1)
    options  of SLURM, as `sbatch` names them without their dashes: partition=gpu,time=240 (CELLFLOW_SLURM)
    """

    place: str = ""
    gpus: bool = False
    options: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Engine:
        """Raises ValueError, with a sentence, where the place is none of those."""
        place = environment.get("CELLFLOW_ENGINE", "").strip()
        if place not in ("", "local", "slurm") and not place.startswith(("tcp://", "tls://")):
            raise ValueError(
                f'CELLFLOW_ENGINE is "{place}"; expected is local, slurm, or the address of a Dask scheduler such as '
                "tcp://host:8786"
            )
        gpus = environment.get("CELLFLOW_ENGINE_GPUS") == "1"
        return cls("" if place == "local" else place, gpus, environment.get("CELLFLOW_SLURM", "").strip())

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a new process says of it."""
        values = {"ENGINE": self.place, "ENGINE_GPUS": "1" if self.gpus else "", "SLURM": self.options}
        return {f"CELLFLOW_{name}": value for name, value in values.items() if value}


@dataclass(frozen=True)
class Workspace:
    """A folder with data sets and runs, its owner, what may be used for it, and what starts its workers. Cheap to make,
    and picklable."""

    root: Path
    owner: str = ""
    limits: Limits = field(default_factory=Limits)
    engine: Engine = field(default_factory=Engine)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Workspace:
        """`CELLFLOW_HOME`, or `workspace` below the current folder; `CELLFLOW_OWNER`, or the user of the machine."""
        values = os.environ if environment is None else environment
        owner = values.get("CELLFLOW_OWNER") or _user()
        return cls(_home(values), owner, Limits.from_environment(values), Engine.from_environment(values))

    @property
    def data(self) -> Path:
        """Folder of the data sets, made on first use."""
        return _folder(self.root / "data")

    @property
    def runs(self) -> Path:
        """Folder of the runs, made on first use."""
        return _folder(self.root / "runs")

    @property
    def uploads(self) -> Path:
        """Folder of files that wait to be imported, made on first use."""
        return _folder(self.root / "uploads")

    @property
    def networks(self) -> Path:
        """Folder of the prior networks of genes, made on first use."""
        return _folder(self.root / "networks")

    @property
    def exports(self) -> Path:
        """Folder of files that were prepared for download, made on first use."""
        return _folder(self.root / "exports")

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a new process says of this workspace's place, owner and engine."""
        owner = {"CELLFLOW_OWNER": self.owner} if self.owner else {}
        return {"CELLFLOW_HOME": str(self.root)} | owner | self.engine.environment


def current(workspace: Workspace | None = None) -> Workspace:
    """The given workspace, else that of the environment."""
    return workspace or Workspace.from_environment()


def limits() -> Limits:
    """What this process may use, by the environment."""
    return Limits.from_environment(os.environ)


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
