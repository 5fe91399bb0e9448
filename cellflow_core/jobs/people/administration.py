"""What whoever looks after a server sees of it: runs under way, disk, devices, people and their actions. Of what people
have, sizes and names of models; never what is in it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from cellflow_core.jobs import supervisor
from cellflow_core.runs import index
from cellflow_core.runs.files import DamagedRunError
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Access, NotAllowedError, Workspace, audit, current, people, quotas


@dataclass(frozen=True)
class OpenRun:
    """A run that waits or trains. owner: name of a person, "" for nobody; started: when it was submitted (ISO)."""

    id: str
    owner: str
    model: str
    state: str
    device: str
    started: str


@dataclass(frozen=True)
class Usage:
    """What one person uses. bytes: on disk; seen: seconds since 1970 of the last sign-in, 0 where unknown."""

    id: str
    name: str
    bytes: int
    open_runs: int
    seen: float


@dataclass(frozen=True)
class Machine:
    """Where the server runs. free, total: bytes of the disk; slots: workers at a time without a GPU."""

    free: int
    total: int
    gpus: tuple[str, ...]
    slots: int
    engine: str


def running(workspace: Workspace | None = None) -> list[OpenRun]:
    """Every run that has not ended, oldest first. Raises NotAllowedError, as all of these, for anyone else."""
    workspace = _checked(workspace)
    names = {id: each.name for id, each in people.known(workspace.root).items()}
    return [_row(run, names) for run in index.open_runs(workspace.unrestricted)]


def cancel(id: str, workspace: Workspace | None = None) -> None:
    """Stop a run, whosesoever it is. Raises KeyError where there is none."""
    workspace = _checked(workspace)
    index.open_run(id, workspace.unrestricted).cancel()
    workspace.record("cancelled as administrator", id)


def usage(workspace: Workspace | None = None) -> list[Usage]:
    """What each person uses, and what belongs to nobody (id ""), most bytes first."""
    workspace = _checked(workspace)
    known, disk, runs = people.known(workspace.root), quotas.disk_used(workspace), quotas.open_runs(workspace)
    rows = [
        Usage(id, known[id].name if id in known else id, disk[id], runs[id], known[id].seen if id in known else 0.0)
        for id in {*known, *disk, *runs}
    ]
    return sorted(rows, key=lambda each: (-each.bytes, each.name))


def machine(workspace: Workspace | None = None) -> Machine:
    """Disk, devices and engine of this server."""
    workspace = _checked(workspace)
    disk = shutil.disk_usage(workspace.root)
    return Machine(
        disk.free, disk.total, supervisor.gpus_here(), workspace.limits.worker_slots, workspace.engine.place or "local"
    )


def actions(workspace: Workspace | None = None, most: int = 200) -> list[dict[str, str]]:
    """The last lines of the audit log, the newest first."""
    return audit.newest(_checked(workspace).root, most)


def _checked(workspace: Workspace | None) -> Workspace:
    found = current(workspace)
    if found.owner and not found.admin:
        found.record("refused", "administration")
        raise NotAllowedError("only whoever looks after this server may do this: CELLFLOW_ADMINS names them")
    return found


def _row(run: Run, names: dict[str, str]) -> OpenRun:
    owner, status = Access.read(run.folder).owner, run.status()
    try:
        model, created = run.recipe.model, run.recipe.created
    except (DamagedRunError, KeyError):
        model, created = "damaged", ""
    return OpenRun(run.id, names.get(owner, owner), model, status.state, status.device, created)
