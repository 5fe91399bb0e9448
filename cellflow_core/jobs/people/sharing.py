"""Sharing data sets and runs with others, by link or with everyone, and copies of what others shared."""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cellflow_core import atomic_write
from cellflow_core.data.store import open_dataset
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Access, NotAllowedError, Right, Workspace, current, people, quotas
from cellflow_core.workspace.access import FILE, covers

Kind = Literal["dataset", "run"]
KINDS: tuple[Kind, ...] = ("dataset", "run")
LEFT_OUT = {"dataset": (FILE,), "run": (FILE, "views")}
"""What a copy has of its own: whose it is, and what pages have asked about a run."""


def share(kind: Kind, id: str, everyone: Right = "", by_link: Right = "", workspace: Workspace | None = None) -> Access:
    """Let others open a data set or a run; "" and "" take it back. Who may see a run may see its cells: its data set is
    shared for looking with it.

    Raises KeyError where there is none, NotAllowedError where it is another person's, or the data set of the run is.
    """
    workspace = current(workspace)
    folder = _folder(kind, id, workspace)
    workspace.require("own", folder)
    if kind == "run" and (everyone or by_link):
        _share_cells(index.open_run(id, workspace), everyone, by_link)
    return workspace.share(folder, everyone, by_link)


def accept(kind: Kind, id: str, key: str, workspace: Workspace | None = None) -> Right:
    """Take a link that somebody shared; returns what it allows. It counts until its owner takes it back.

    Raises KeyError, the same for a wrong key as for what does not exist.
    """
    workspace = current(workspace)
    folder = _place(kind, id, workspace)
    access = Access.read(folder) if folder is not None else Access()
    right = access.right(workspace.owner, key) if access.owner else ""
    if folder is None or not right:
        workspace.record("refused", id[:80])
        raise KeyError("this link leads nowhere (any more): ask whoever sent it for a new one")
    people.hold(workspace.root, workspace.owner, id, key)
    if kind == "run":
        cells = Run(folder, workspace.unrestricted).dataset()
        beside = Access.read(cells.folder)
        if beside.by_link and beside.owner == access.owner:
            people.hold(workspace.root, workspace.owner, cells.info.id, beside.key)
    workspace.record(f"opened a link to {right}", id)
    return workspace.right(folder)


def copy(kind: Kind, id: str, workspace: Workspace | None = None) -> str:
    """A copy of a data set or run that belongs to the owner of the workspace; returns its id. The copy of a run comes
    with one of its data set, unless that is the owner's or everyone's.

    Raises KeyError where there is none, NotAllowedError where it was shared for looking only, QuotaError.
    """
    workspace = current(workspace)
    folder = _folder(kind, id, workspace)
    workspace.require("copy", folder)
    quotas.check_file(workspace)
    if kind == "dataset":
        made = _copied(kind, folder, f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}", workspace)
        workspace.record("copied", made)
        return made
    run = index.open_run(id, workspace)
    if not run.status().ended:
        raise ValueError("this run has not ended: copy it then")
    cells = run.dataset()
    keep = Access.read(cells.folder).owner in ("", workspace.owner)
    dataset = cells.info.id if keep else copy("dataset", cells.info.id, workspace)

    def of_own_data(partial: Path) -> None:
        recipe = dataclasses.replace(run.recipe, dataset=dataset, group="")
        atomic_write.write_text(partial / "recipe.json", json.dumps(recipe.as_dict(), indent=1, ensure_ascii=False))

    now = datetime.now(UTC)
    made = _copied(kind, folder, f"{now:%Y%m%d}-{now:%H%M%S%f}-{secrets.token_hex(3)}", workspace, of_own_data)
    workspace.record("copied", made)
    return made


def shared_by(kind: Kind, id: str, workspace: Workspace | None = None) -> str:
    """Name of the person to whom this belongs; "" where it is the owner's of the workspace, or nobody's."""
    workspace = current(workspace)
    if not workspace.owner:
        return ""
    owner = Access.read(_folder(kind, id, workspace)).owner
    return "" if owner in ("", workspace.owner) else people.name_of(workspace.root, owner)


def access(kind: Kind, id: str, workspace: Workspace | None = None) -> tuple[Right, Access]:
    """What the owner of the workspace may do with this, and, where it is theirs, with whom it is shared."""
    workspace = current(workspace)
    folder = _folder(kind, id, workspace)
    right = workspace.right(folder)
    return right, Access.read(folder) if covers(right, "own") else Access()


def _share_cells(run: Run, everyone: Right, by_link: Right) -> None:
    """Let those see the data set of a run who may see the run."""
    cells = run.dataset()
    found = Access.read(cells.folder)
    if not found.owner or covers(found.everyone, "read"):
        return
    if not run.workspace.allows("own", cells.folder):
        raise NotAllowedError(
            "the data set of this run belongs to another person: make a copy of it, train on that, and share that run"
        )
    wanted: list[Right] = ["read" if each else "" for each in (everyone, by_link)]
    kept = (found.everyone or wanted[0], found.by_link or wanted[1])
    if kept != (found.everyone, found.by_link):
        run.workspace.share(cells.folder, *kept)


def _folder(kind: Kind, id: str, workspace: Workspace) -> Path:
    """Of a data set or run that may be looked at. Raises KeyError."""
    return open_dataset(id, workspace).folder if kind == "dataset" else index.open_run(id, workspace).folder


def _place(kind: Kind, id: str, workspace: Workspace) -> Path | None:
    """Of a data set or run, whoever may look at it; None where there is none."""
    try:
        return _folder(kind, id, workspace.unrestricted)
    except (KeyError, ValueError):
        return None


def _copied(
    kind: Kind, folder: Path, id: str, workspace: Workspace, change: Callable[[Path], None] = lambda partial: None
) -> str:
    """A copy of a folder beside it, under another id: whole or not there at all."""
    partial = folder.parent / f".partial-{id}"
    try:
        shutil.copytree(folder, partial, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT[kind]))
        change(partial)
        workspace.claim(partial)
        partial.rename(folder.parent / id)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return id
