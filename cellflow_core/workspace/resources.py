"""What may be used of a machine, by everyone and by each person, and what starts the workers that train."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
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
class Quotas:
    """What one person may use of a server where people sign in; the person is told in a sentence what is used up.

    disk           bytes of data sets, runs and waiting files (CELLFLOW_QUOTA_DISK_GB)
    open_runs      runs that wait or train at a time (CELLFLOW_QUOTA_RUNS)
    runs_an_hour   runs started within an hour (CELLFLOW_RUNS_AN_HOUR)
    files_an_hour  uploads, downloads, copies, and data sets made within an hour (CELLFLOW_FILES_AN_HOUR)
    """

    disk: float = 100e9
    open_runs: int = 200
    runs_an_hour: int = 500
    files_an_hour: int = 120

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Quotas:
        """Raises ValueError, with a sentence, where a variable is no number."""

        def number(name: str, what: str, default: float) -> float:
            found = _number(environment, f"CELLFLOW_{name}", what)
            return default if found is None else found

        return cls(
            disk=1e9 * number("QUOTA_DISK_GB", "how many GB one person may store", cls.disk / 1e9),
            open_runs=int(number("QUOTA_RUNS", "how many runs of one person may wait or train", cls.open_runs)),
            runs_an_hour=int(number("RUNS_AN_HOUR", "how many runs a person may start in an hour", cls.runs_an_hour)),
            files_an_hour=int(
                number("FILES_AN_HOUR", "how many files a person may bring in an hour", cls.files_an_hour)
            ),
        )


def _number(environment: Mapping[str, str], name: str, what: str) -> float | None:
    given = environment.get(name, "")
    try:
        return float(given) if given else None
    except ValueError:
        raise ValueError(f"{name}={given!r} is no number: say {what}") from None
