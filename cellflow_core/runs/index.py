"""Which runs there are."""

from __future__ import annotations

import re
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

from cellflow_core.runs import files
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run
from cellflow_core.workspace import runs_root

_ID = re.compile(r"\d{8}-\d{12}-[0-9a-f]{6}")


def runs() -> tuple[Run, ...]:
    """Every run, newest first. A folder without a recipe is none."""
    return tuple(Run(path) for path in sorted(runs_root().glob("*-*-*"), reverse=True) if _whole(path))


def open_runs() -> tuple[Run, ...]:
    """The runs that have not ended, oldest first: all that a supervisor has to look at."""
    root = runs_root()
    return tuple(Run(root / path.name) for path in sorted((root / ".open").glob("*")) if _whole(root / path.name))


def open_run(id: str) -> Run:
    """The run of this id. Raises KeyError, with a sentence, where there is none."""
    folder = runs_root() / id if _ID.fullmatch(id) else None
    if folder is None or not _whole(folder):
        raise KeyError(f"there is no run {id!r}: it may have been deleted")
    return Run(folder)


def submit(recipe: Recipe) -> Run:
    """Put a new run in the queue. It starts when a supervisor or an executor takes it."""
    root = runs_root()
    (root / ".open").mkdir(exist_ok=True)
    now = datetime.now(UTC)
    run = Run(root / f"{now:%Y%m%d}-{now:%H%M%S%f}-{secrets.token_hex(3)}")
    run.folder.mkdir()
    (run.folder / "checkpoints").mkdir()
    files.write_json(run.folder / "recipe.json", recipe.as_dict())
    run.marker.touch()
    return run


def siblings(run: Run) -> tuple[Run, ...]:
    """The other runs submitted together with this one, oldest first: seeds, and the copy with a time held out."""
    if not run.recipe.group:
        return ()
    found = [each for each in runs() if each.recipe.group == run.recipe.group and each.id != run.id]
    return tuple(reversed(found))


def deleted() -> tuple[Run, ...]:
    """What the trash holds, newest first."""
    return tuple(Run(path) for path in sorted((runs_root() / ".trash").glob("*-*-*"), reverse=True) if _whole(path))


def restore(id: str) -> Run:
    """Bring a run back from the trash."""
    folder = runs_root() / ".trash" / id
    if not _ID.fullmatch(id) or not _whole(folder):
        raise KeyError(f"there is no run {id!r} in the trash")
    return Run(Path(shutil.move(folder, runs_root() / id)))


def new_group() -> str:
    """A name for runs that are submitted together."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _whole(folder: Path) -> bool:
    return bool(_ID.fullmatch(folder.name)) and (folder / "recipe.json").is_file()
