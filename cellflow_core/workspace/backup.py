"""The data sets, runs and people of a workspace in one file, and back."""

from __future__ import annotations

import gzip
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cellflow_core.atomic_write import replacing
from cellflow_core.workspace.workspace import Workspace, current

PIECE = 1 << 20
KEPT = ("data", "runs", "networks", "people", "classes", "audit")
"""What cannot be made again. Files that wait to be imported and prepared downloads are left out."""
BY_PERSON = ("networks", "people")
"""Those with a folder for each person, which is there once that person has looked."""


@dataclass(frozen=True)
class Restored:
    """What came back. kept: what was there already, and stayed as it is."""

    data: int
    runs: int
    kept: int


def back_up(target: Path, workspace: Workspace | None = None) -> int:
    """Write everything that cannot be made again to a new .tar.gz; returns the number of files.

    Runs may train meanwhile: what is copied of them is at least their newest whole checkpoint, from which they go on.
    Links to files elsewhere on this machine are left out: those files are their owner's to keep. Raises ValueError for
    a name with another ending.
    """
    if not target.name.endswith(".tar.gz"):
        raise ValueError(f"{target.name} does not end in .tar.gz, which is the format of a backup")
    root, count = current(workspace).unrestricted.root, 0
    with replacing(target) as part, tarfile.open(part, "w:gz", compresslevel=1) as archive:
        for path in _files(root):
            try:
                archive.add(path, path.relative_to(root).as_posix(), recursive=False)
            except FileNotFoundError:  # an older checkpoint, or a marker of a run that has ended meanwhile
                continue
            count += 1
    return count


def restore(source: Path, workspace: Workspace | None = None) -> Restored:
    """Bring back what a backup holds and the workspace has not, each data set, run and file whole or not at all.

    Nothing that is there is changed. Raises ValueError where the file is no backup, is damaged or holds symbolic links.
    """
    root = current(workspace).unrestricted.root
    root.mkdir(parents=True, exist_ok=True)
    partial = root / f".restored-{secrets.token_hex(4)}"
    try:
        with gzip.open(source) as packed:
            with tarfile.open(fileobj=packed, mode="r:") as archive:
                archive.extractall(partial, filter=_no_symbolic_link)
            while packed.read(PIECE):  # its checksum comes last, after what tar reads
                pass
        found = {name: _put_back(partial / name, root / name, name in BY_PERSON) for name in KEPT}
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{source} is no whole backup ({error}): take another one") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Restored(found["data"][0], found["runs"][0], sum(kept for _, kept in found.values()))


def _files(root: Path) -> Iterator[Path]:
    """Files, and the folders of what there is; no locks, no half-written ones."""
    for name in KEPT:
        for path in sorted((root / name).rglob("*")):
            hidden = any(each.startswith(".partial-") for each in path.relative_to(root).parts)
            if path.is_symlink() or hidden or (path.parent == root / "runs" and path.is_file()):
                continue
            if path.is_dir() or path.is_file():
                yield path


def _no_symbolic_link(member: tarfile.TarInfo, place: str) -> tarfile.TarInfo:
    """What `back_up` writes, below the folder `place`: files, folders, and second names of a file. Raises
    tarfile.FilterError for anything else."""
    if member.issym():
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, place)


def _put_back(source: Path, target: Path, by_person: bool) -> tuple[int, int]:
    """Move what is directly below one folder into another, unless it is there; (moved, stayed). Markers of open runs,
    what the trash holds, and what folders of people hold are such folders of their own."""
    if not source.is_dir():
        return 0, 0
    target.mkdir(exist_ok=True)
    moved = kept = 0
    for each in sorted(source.iterdir()):
        place = target / each.name
        if each.name in (".open", ".trash"):
            _put_back(each, place, by_person)
        elif by_person and each.is_dir():
            kept += _put_back(each, place, by_person)[1]
        elif place.exists():
            kept += 1
        else:
            each.rename(place)
            moved += 1
    return moved, kept
