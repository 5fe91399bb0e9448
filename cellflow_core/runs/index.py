"""Which runs there are in a workspace; where none is named, that of the environment."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cellflow_core.runs import files
from cellflow_core.runs.ended import ID, EndedRuns, Facts
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace, current, quotas


def runs(workspace: Workspace | None = None) -> tuple[Run, ...]:
    """Every run whose recipe can be read, newest first; `damaged_runs` names the others.

    What is known of an ended run comes from memory, see `ended`: thousands are listed in a moment.
    """
    return tuple(run for run in _listed(workspace) if run.facts is not None or _problem(run) is None)


def damaged_runs(workspace: Workspace | None = None) -> tuple[tuple[str, str], ...]:
    """(id, what is wrong with it) of the run folders whose recipe cannot be read, newest first."""
    unknown = (run for run in _listed(workspace) if run.facts is None)
    return tuple((run.id, problem) for run in unknown if (problem := _problem(run)) is not None)


def open_runs(workspace: Workspace | None = None) -> tuple[Run, ...]:
    """The runs that have not ended, oldest first: all that a supervisor has to look at, damaged ones too."""
    root = _root(workspace)
    names = sorted(path.name for path in (root / ".open").glob("*"))
    return tuple(Run(root / name, workspace) for name in names if _is_run(root / name))


def is_run_id(text: str) -> bool:
    """Whether this has the form of the id of a run; those of data sets have another."""
    return ID.fullmatch(text) is not None


def open_run(id: str, workspace: Workspace | None = None) -> Run:
    """The run of this id. Raises KeyError, with a sentence, where there is none."""
    workspace = current(workspace)
    folder = _root(workspace) / id if is_run_id(id) else None
    if folder is None or not _is_run(folder) or not workspace.allows("read", folder):
        workspace.record("refused", id[:80])
        raise KeyError(f"there is no run {id!r}: it may have been deleted")
    return Run(folder, workspace)


def submit(recipe: Recipe, workspace: Workspace | None = None) -> Run:
    """Put a new run in the queue. A supervisor starts it when a place is free. Raises as `submit_all`."""
    return submit_all((recipe,), workspace)[0]


def submit_all(recipes: Sequence[Recipe], workspace: Workspace | None = None) -> tuple[Run, ...]:
    """Put new runs in the queue, all of them or none.

    Raises NotAllowedError where the owner of the workspace may not train on these data, QuotaError where they would
    have started too many runs.
    """
    workspace = current(workspace)
    if recipes:
        quotas.check_runs(workspace, len(recipes))
    for dataset in {each.dataset for each in recipes}:
        workspace.require("copy", workspace.data / dataset)
    (_root(workspace) / ".open").mkdir(exist_ok=True)
    return tuple(_put(each, workspace) for each in recipes)


def _put(recipe: Recipe, workspace: Workspace) -> Run:
    root = _root(workspace)
    now = datetime.now(UTC)
    run = Run(root / f"{now:%Y%m%d}-{now:%H%M%S%f}-{secrets.token_hex(3)}", workspace)
    run.folder.mkdir()
    (run.folder / "checkpoints").mkdir()
    workspace.claim(run.folder)
    run.marker.touch()  # before the recipe, with which it becomes a run: so it is found whoever is killed in between
    files.write_json(run.folder / "recipe.json", recipe.as_dict())
    workspace.record("started", run.id)
    return run


def mark_open(workspace: Workspace | None = None) -> None:
    """Mark the runs without a result that have lost their marker, as when their submission was killed."""
    (_root(workspace) / ".open").mkdir(exist_ok=True)
    for run in _listed(workspace):
        if run.facts is None and not (run.folder / "result.json").exists() and not run.marker.exists():
            run.marker.touch()


def siblings(run: Run) -> tuple[Run, ...]:
    """The other runs submitted together with this one, oldest first: seeds, and the copy with a held-out time."""
    if not run.recipe.group:
        return ()
    found = [each for each in runs(run.workspace) if each.recipe.group == run.recipe.group and each.id != run.id]
    return tuple(reversed(found))


def deleted(workspace: Workspace | None = None) -> tuple[Run, ...]:
    """What the trash holds, newest first."""
    workspace = current(workspace)
    folders = sorted((_root(workspace) / ".trash").glob("*-*-*"), reverse=True)
    return tuple(Run(path, workspace) for path in folders if _is_run(path) and workspace.allows("own", path))


def restore(id: str, workspace: Workspace | None = None) -> Run:
    """Bring a run back from the trash. Raises KeyError where it is not there, ValueError where there is such a run."""
    workspace = current(workspace)
    folder = _root(workspace) / ".trash" / id
    if not ID.fullmatch(id) or not _is_run(folder) or not workspace.allows("own", folder):
        raise KeyError(f"there is no run {id!r} in the trash")
    if (_root(workspace) / id).exists():
        raise ValueError(f"there is a run {id!r} already: delete it before the old one is brought back")
    folder.rename(_root(workspace) / id)
    workspace.record("restored", id)
    return Run(_root(workspace) / id, workspace)


def new_group() -> str:
    """A name for runs that are submitted together."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _root(workspace: Workspace | None) -> Path:
    return current(workspace).runs


_ENDED: dict[Path, EndedRuns] = {}


class _Listing:
    """The runs of a workspace as they were listed last; what is known of them is shared by all of one root."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.ended = _ENDED.setdefault(workspace.runs, EndedRuns(workspace.runs))
        self.known: dict[str, Facts | None] = {}
        self.runs: dict[str, Run] = {}

    def look(self) -> list[Run]:
        """Runs of which nothing is known are new objects, the others stay those they were."""
        known, held = self.ended.look(), self.runs
        for name in known if known is not self.known else [name for name, facts in known.items() if facts is None]:
            if known[name] is None or name not in held or held[name].facts is not known[name]:
                held[name] = Run(self.ended.root / name, self.workspace, known[name])
        if known is not self.known:
            self.known, self.runs = known, {name: held[name] for name in known}
        return [run for run in self.runs.values() if run.facts is not None or _is_run(run.folder)]


MOST_LISTINGS = 32
"""Workspaces whose listings are kept, those that were listed last: each person has one, of every run."""
_LISTINGS: dict[Workspace, _Listing] = {}
_LOCK = threading.Lock()


def _listed(workspace: Workspace | None) -> list[Run]:
    """The folders that are runs which the owner of the workspace may look at, newest first."""
    workspace = current(workspace)
    with _LOCK:
        listing = _LISTINGS.pop(workspace, None) or _Listing(workspace)
        _LISTINGS[workspace] = listing
        while len(_LISTINGS) > MOST_LISTINGS:
            del _LISTINGS[next(iter(_LISTINGS))]
        found = listing.look()
    return [run for run in found if workspace.allows("read", run.folder)]


def _is_run(folder: Path) -> bool:
    return bool(ID.fullmatch(folder.name)) and (folder / "recipe.json").is_file()


def _problem(run: Run) -> str | None:
    """What keeps the recipe of a run from being read; None where it can be."""
    try:
        run.recipe  # noqa: B018 - read once, and kept by the run
    except (files.DamagedRunError, KeyError, OSError) as error:
        return str(error)
    return None
