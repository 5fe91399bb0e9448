"""Files that wait to be imported: uploads, files of this machine and downloads, each found again by an id.

One folder an id in the `uploads` of the workspace. What nobody imported in two days goes; an imported file moves into
the folder of its data set, so that it can be prepared again. A download has its id before it has its file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cellflow_core import atomic_write
from cellflow_core.progress import Stages
from cellflow_core.workspace import current, limits, quotas

KINDS = ("h5ad", "h5mu", "h5", "loom", "zip", "tar", "tgz", "csv", "tsv", "txt", "gz", "npz", "rds", "rda", "rdata")
KEPT_DAYS = 2
GRACE_HOURS = 1.0
PIECE = 8 * 1024 * 1024
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Source:
    """A file that can be read.

    path    where it is; the folder around it is this source's own, also where the file itself is only linked
    name    what its owner calls it, never to be used as a path
    origin  "upload", the path on this machine, or the address it came from
    sha256  of its content, "" where nobody counted it
    time    column that holds the time of each cell, where that is known before, else ""
    """

    id: str
    path: Path
    name: str
    origin: str
    sha256: str
    time: str = ""


def save_upload(file: BinaryIO, name: str) -> str:
    """Write an upload to disk without holding it twice, and return its id."""
    folder = new_folder("uploaded")
    path, counted = folder / f"file{ending(name)}", hashlib.sha256()
    with path.open("wb") as out:
        while piece := file.read(PIECE):
            counted.update(piece)
            out.write(piece)
    return write_metadata(Source(folder.name, path, name, "upload", counted.hexdigest()))


def register_local_file(path: str | Path) -> str:
    """Take a file of this machine where it lies, without a copy, and return its id. ValueError where there is none."""
    found = Path(path).expanduser().resolve()
    if found.is_dir():
        raise ValueError(f"{found} is a folder: pack it into one .zip or .tar.gz file first")
    if not found.is_file() or not os.access(found, os.R_OK):
        raise ValueError(f"there is no readable file {found} on the machine that runs this app")
    folder = new_folder()
    held = folder / f"file{ending(found.name)}"
    held.symlink_to(found)
    return write_metadata(Source(folder.name, held, found.name, str(found), ""))


def link_offered(path: str | Path) -> str:
    """As `register_local_file`, for whoever only has a browser: within `Limits.paths`, none by default."""
    found, offered = Path(path).expanduser().resolve(), limits().paths
    if not any(found.is_relative_to(each) for each in offered):
        there = f"is in none of {', '.join(map(str, offered))}" if offered else "cannot be opened from the browser"
        raise ValueError(
            f"{path} {there}: whoever runs this app names the folders that may be read, as in CELLFLOW_PATHS=/data"
        )
    return register_local_file(found)


def opened(id: str) -> Source:
    """The file under this id. KeyError with a sentence where it is gone or not there yet."""
    folder = folder_of(id)
    try:
        recorded = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeyError("this upload is not here any more: choose the file again") from None
    source = Source(**recorded | {"id": id, "path": folder / recorded["path"]})
    if not source.path.is_file():
        gone = f"{source.origin} is" if source.path.is_symlink() else "this upload is"
        raise KeyError(f"{gone} not here any more: choose the file again")
    return source


def stages(id: str) -> Stages:
    """Where the work on this file says how far it is."""
    return Stages(folder_of(id) / "stages.txt")


def discard(id: str) -> None:
    """Forget the file. A download that is under way ends; a linked file stays where its owner has it."""
    shutil.rmtree(folder_of(id), ignore_errors=True)


def attach_to_dataset(id: str, dataset_id: str) -> None:
    """Move the file into the data set that was made of it; a linked file is only noted there, by its path."""
    folder = current().data / dataset_id / "source"
    current().require("own", folder.parent)
    if (folder / "source.json").exists():  # a second tab was first
        return discard(id)
    source = opened(id)
    folder.mkdir(exist_ok=True)
    target = folder / safe(source.name)
    if source.path.is_symlink():
        target.symlink_to(source.path.resolve())
    else:
        source.path.rename(target)
    _write(folder, replace(source, id="", path=target))
    return discard(id)


def of_dataset(dataset_id: str) -> str:
    """The file that a data set was made of, as a source of its own, so that it can be prepared again.

    KeyError with a sentence where the data set keeps none or its file is gone.
    """
    kept = current().data / dataset_id / "source"
    current().require("copy", kept.parent)
    try:
        recorded = json.loads((kept / "source.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise KeyError("the file that this data set was made of is not kept here: upload it again") from None
    path = kept / recorded["path"]
    if not path.is_file():
        raise KeyError(f"{recorded['name']}, which this data set was made of, is not there any more: upload it again")
    folder = new_folder()
    held = folder / f"file{ending(recorded['name'])}"
    if path.is_symlink():
        held.symlink_to(path.resolve())
    else:
        _same(path, held)
    return write_metadata(Source(**recorded | {"id": folder.name, "path": held}))


def new_folder(what: str = "") -> Path:
    """An empty folder under a new id, of the owner of the workspace; old ones that nobody imported go.

    what  as the audit log says it ("uploaded"), for what a person brings. Raises QuotaError where that is too much.
    """
    _sweep()
    workspace = current()
    if what:
        quotas.check_file(workspace)
    folder = root() / secrets.token_hex(6)
    folder.mkdir(parents=True)
    workspace.claim(folder)
    if what:
        workspace.record(what, folder.name)
    return folder


def is_id(text: str) -> bool:
    """Whether this has the form of an id."""
    return _ID.fullmatch(text) is not None


def folder_of(id: str) -> Path:
    """Folder of an id, which may be gone. KeyError where it is no id at all, or the upload of another person."""
    if not is_id(id):
        raise KeyError("this link names no upload: choose the file again")
    workspace, folder = current(), root() / id
    if folder.exists() and not workspace.allows("own", folder):
        workspace.record("refused", id)
        raise KeyError("this upload is not here any more: choose the file again")
    return folder


def write_metadata(source: Source) -> str:
    """Write down what a folder holds, as the last step, and return its id."""
    _write(source.path.parent, source)
    return source.id


def ending(name: str) -> str:
    """The known endings of a name (".h5ad", ".csv.gz"), ".bin" where there is none: readers look at the content."""
    known = "|".join(KINDS)
    found = re.search(rf"(\.({known}))?\.({known})$", name.lower())
    return found.group() if found else ".bin"


def safe(name: str) -> str:
    """A file name made of harmless letters only."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name.replace("\\", "/")).name).strip("._")
    return kept[-100:].strip("._") or "file"


def _write(folder: Path, source: Source) -> None:
    recorded = asdict(source) | {"path": source.path.name}
    atomic_write.write_text(folder / "source.json", json.dumps(recorded, indent=1))


def _same(path: Path, target: Path) -> None:
    """The same bytes under a second name, without a copy where the file system can."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def root() -> Path:
    """Folder of all uploads, downloads and linked files."""
    return current().uploads


def _sweep() -> None:
    """Remove what is old by the clock of the machine, and was found old already an hour of running time ago.

    A clock that was set wrong, or right again, removes nothing at once; whatever is used meanwhile is young again.
    """
    marks = root() / ".old"
    for folder in root().glob("*/"):
        if not is_id(folder.name):
            continue
        mark = marks / folder.name
        try:
            newest = max(each.lstat().st_mtime for each in (folder, *folder.iterdir()))
        except FileNotFoundError:  # another process swept it, or its import ended
            continue
        if time.time() - newest <= KEPT_DAYS * 86_400:
            mark.unlink(missing_ok=True)
        elif not mark.exists():
            marks.mkdir(exist_ok=True)
            atomic_write.write_text(mark, json.dumps(time.monotonic()))
        elif _hours_since(json.loads(mark.read_text())) >= GRACE_HOURS:
            shutil.rmtree(folder, ignore_errors=True)
            mark.unlink(missing_ok=True)


def _hours_since(before: float) -> float:
    """Hours that the machine has run since a moment of its monotonic clock; that clock begins anew with the machine."""
    now = time.monotonic()
    return (now - before if now >= before else now) / 3600
