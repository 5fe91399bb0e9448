"""The folder of data sets and runs, for whom it is opened, and which of it that person may open.

The environment is read at the doors (command line, server, supervisor) by `Workspace.from_environment`. Below them a
workspace is an argument; where none is given, it is `current()`: that of the call under way, else that of the door.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from cellflow_core.workspace import audit, people
from cellflow_core.workspace.access import Access, NotAllowedError, Right, covers, new_key
from cellflow_core.workspace.resources import Engine, Limits, Quotas


@dataclass(frozen=True)
class Workspace:
    """A folder with data sets and runs, its owner, what may be used for it, and what starts its workers. Cheap to make,
    and picklable.

    owner  id of the person for whom it is opened, who sees what is theirs or shared with them, and to whom belongs what
           they make; "" for nobody in particular: everything opens, and what is made belongs to nobody
    admin  whether that person looks after this server
    """

    root: Path
    owner: str = ""
    limits: Limits = field(default_factory=Limits)
    engine: Engine = field(default_factory=Engine)
    quotas: Quotas = field(default_factory=Quotas)
    admin: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Workspace:
        """`CELLFLOW_HOME`, or `workspace` below the current folder; for the person `CELLFLOW_OWNER`, or for nobody."""
        values = os.environ if environment is None else environment
        owner = values.get("CELLFLOW_OWNER", "")
        return cls(
            _home(values),
            people.checked_id(owner) if owner else "",
            Limits.from_environment(values),
            Engine.from_environment(values),
            Quotas.from_environment(values),
        )

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
    def gene_names(self) -> Path:
        """Folder of the tables of gene names, which are everyone's, made on first use."""
        return _folder(self.root / "gene_names")

    @property
    def exports(self) -> Path:
        """Folder of files that were prepared for download, made on first use."""
        return _folder(self.root / "exports")

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of a new process says of this workspace's place and engine. Not of its owner: a
        supervisor and its workers serve everyone, and a recipe was checked when it was submitted."""
        return {"CELLFLOW_HOME": str(self.root), "CELLFLOW_OWNER": ""} | self.engine.environment

    @property
    def unrestricted(self) -> Workspace:
        """The same for nobody in particular: for the work of the server itself."""
        return replace(self, owner="", admin=False)

    def right(self, folder: Path) -> Right:
        """What the owner of this workspace may do with a data set, a run or a waiting file, by its folder."""
        if not self.owner:
            return "own"
        access = Access.read(folder)
        held = people.held(self.root, self.owner, folder.name) if access.by_link else ""
        return access.right(self.owner, held, self.admin)

    def allows(self, right: Right, folder: Path) -> bool:
        """Whether the owner of this workspace may do that much with it."""
        return not self.owner or covers(self.right(folder), right)

    def require(self, right: Right, folder: Path) -> None:
        """Raises NotAllowedError, with a sentence, where the owner of this workspace may not do that much with it."""
        if not self.allows(right, folder):
            self.record("refused", folder.name)
            raise NotAllowedError(_NEEDED.get(right, _NEEDED["own"]))

    def claim(self, folder: Path) -> None:
        """What was made just now belongs to the owner of this workspace."""
        if self.owner:
            Access(self.owner).write(folder)

    def share(self, folder: Path, everyone: Right, by_link: Right) -> Access:
        """Let others open a data set or run. A link that is shared no more, and one that is shared anew, has a new key.

        Raises NotAllowedError where it is not the owner's.
        """
        self.require("own", folder)
        before = Access.read(folder)
        key = (before.key or new_key()) if by_link else ""
        found = replace(before, everyone=everyone, by_link=by_link, key=key)
        found.write(folder)
        self.record(f"shared (everyone: {everyone or 'no'}, link: {by_link or 'no'})", folder.name)
        return found

    def record(self, what: str, on: str = "") -> None:
        """Write into the audit log what the owner did; nothing where nobody is named."""
        if self.owner:
            audit.record(self.root, self.owner, what, on)


_NEEDED = {
    "read": "this belongs to another person: ask for a link to it",
    "copy": "this was shared for looking only: ask its owner to share it for copying, then train on it or take it",
    "own": "only its owner may change, share or delete this: make a copy of your own",
}
_acting: ContextVar[Workspace | None] = ContextVar("workspace", default=None)
_door: Callable[[], Workspace] = Workspace.from_environment


def current(workspace: Workspace | None = None) -> Workspace:
    """The given workspace, else that of the call under way, else that of the door."""
    return workspace or _acting.get() or _door()


@contextmanager
def acting(workspace: Workspace) -> Iterator[None]:
    """Within the block, and in what is called there, this is the `current` workspace."""
    before = _acting.set(workspace)
    try:
        yield
    finally:
        _acting.reset(before)


def open_door(door: Callable[[], Workspace]) -> None:
    """From now on this says for whom this process works, where no workspace is given: a server's visitor of the moment.

    A door raises where it cannot tell: then nothing opens.
    """
    global _door
    _door = door


def limits() -> Limits:
    """What this process may use, by the environment."""
    return Limits.from_environment(os.environ)


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("CELLFLOW_HOME") or "workspace").resolve()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
