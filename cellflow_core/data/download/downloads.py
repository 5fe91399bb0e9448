"""Files from the internet, each under the id of an upload: announced, fetched, taken up again where it was cut.

A download has its id before it has its file: `register_download`, then `download`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock, Timeout

from cellflow_core import atomic_write
from cellflow_core.data.download import transfer, url_safety
from cellflow_core.data.importing import uploads
from cellflow_core.workspace import current, limits


@dataclass(frozen=True)
class PendingDownload:
    """A file that is to be fetched: its address, its checksum where that is known, what to call it and its time."""

    url: str
    sha256: str = ""
    name: str = ""
    time: str = ""


def register_download(url: str, sha256: str = "", name: str = "", time: str = "") -> str:
    """An id for a file that `download` fetches. ValueError with a sentence where nothing may be fetched from there."""
    pending = PendingDownload(url_safety.check(url), sha256.lower(), name, time)
    folder = uploads.new_folder("downloaded")
    atomic_write.write_text(folder / "expected.json", json.dumps(asdict(pending)))
    return folder.name


def expected(id: str) -> PendingDownload | None:
    """What is still to come under this id; None where the file is there, or nothing is known of it."""
    try:
        return PendingDownload(**json.loads((uploads.folder_of(id) / "expected.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def download(id: str, on_progress: Callable[[str], None] = lambda stage: None) -> str:
    """Fetch what `register_download` announced, going on where an earlier try was cut; `uploads.discard` ends it.

    Raises ValueError with one sentence: offline, refused, too large, not the expected content, or under way already.
    """
    pending, folder = expected(id), uploads.folder_of(id)
    if pending is None:
        return uploads.opened(id).id
    try:
        with _lock(folder):
            file, name = _retrieve(pending, folder, on_progress)
            path = file.rename(folder / f"file{uploads.ending(name)}")
            uploads.write_metadata(
                uploads.Source(id, path, name, pending.url, pooch.file_hash(str(path)), pending.time)
            )
            (folder / "expected.json").unlink()
    except Timeout:
        raise ValueError("this file is being fetched already: wait for it") from None
    except (KeyError, FileNotFoundError):  # somebody discarded it, maybe in the midst of a step
        uploads.discard(id)
        raise KeyError(transfer.CANCELLED) from None
    return id


def _retrieve(pending: PendingDownload, folder: Path, on_progress: Callable[[str], None]) -> tuple[Path, str]:
    """(the whole file, its name): pooch compares the checksum, and `transfer` fetches, as pooch cannot resume, limit
    sizes or refuse addresses of the own network."""
    names: list[str] = []

    def fetch_guarded(fname: str, action: Any, pooch: Any, *, check_only: bool | None = None) -> None:
        arrived = transfer.download(
            fname,
            folder / "part",
            most=limits().download,
            seconds=limits().download_seconds,
            on_progress=on_progress,
            wanted=(folder / "expected.json").exists,
        )
        arrived.path.replace(action)
        names.append(arrived.name)
        on_progress("checking that the file is whole")

    known = f"sha256:{pending.sha256}" if pending.sha256 else None
    pooch.get_logger().setLevel("WARNING")
    (folder / "file").unlink(missing_ok=True)
    try:
        path = pooch.retrieve(pending.url, known, fname="file", path=folder, downloader=fetch_guarded)
    except ValueError as error:
        if not names:
            raise
        raise ValueError(
            f"{pending.url} sent another file than was expected (sha256 {pending.sha256[:12]}...), and it was deleted: "
            "try again, or look for a new version"
        ) from error
    return Path(path), pending.name or names[0]


def fetch(url: str, sha256: str = "", on_progress: Callable[[str], None] = lambda stage: None) -> str:
    """Download a file and return its id; what an earlier try of this address left is taken up."""
    return download(unfinished(url) or register_download(url, sha256), on_progress)


def unfinished(url: str) -> str:
    """Id of a download from this address that was cut and that nobody goes on with, "" for none."""
    wanted = url_safety.check(url)
    mine = (each for each in uploads.root().glob("*/part") if current().allows("own", each.parent))
    for part in sorted(mine):
        pending = expected(part.parent.name)
        if pending is not None and pending.url == wanted and not _is_locked(part.parent):
            return part.parent.name
    return ""


def _lock(folder: Path) -> FileLock:
    """Held by the process that downloads into this folder; raises Timeout at once where another has it."""
    return FileLock(folder / "lock", timeout=0)


def _is_locked(folder: Path) -> bool:
    try:
        with _lock(folder):
            return False
    except Timeout:
        return True
