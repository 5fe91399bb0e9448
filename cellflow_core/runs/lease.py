"""What a worker was given, and where it was asked for: a supervisor that is started anew finds its workers by it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellflow_core.runs import files


@dataclass(frozen=True)
class Lease:
    """lease.json of a run, written by the executor when it was asked for a worker.

    attempt   number of the attempt the worker will claim
    gpu       the GPU it has for itself, as CUDA_VISIBLE_DEVICES names it; "" for one of the CPU slots
    executor  name of the executor that was asked
    pid       of the worker's process; 0 where it waits in the queue of an engine, which knows it by `job`
    """

    attempt: int = 1
    gpu: str = ""
    executor: str = ""
    pid: int = 0
    job: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What the worker's environment says of its device."""
        return {"CUDA_VISIBLE_DEVICES": self.gpu} if self.gpu else {}

    def save(self, folder: Path, **handle: Any) -> None:
        """Write it to a run folder, with the executor's name and its handle of the worker."""
        files.write_json(folder / "lease.json", dataclasses.asdict(self) | handle)


def read(folder: Path) -> Lease | None:
    """The newest lease of a run; None where there is none, or none that can be read."""
    found = files.read_optional(folder / "lease.json")
    default = dataclasses.asdict(Lease())
    if not found or any(type(found.get(name, value)) is not type(value) for name, value in default.items()):
        return None
    return Lease(**{name: found.get(name, value) for name, value in default.items()})
