"""Uploaded files: written to disk in pieces and found again by the id in the URL, so that F5 loses nothing."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from cellflow_core.home import home
from cellflow_core.jobs.stages import Stages

KINDS = ("h5ad", "csv", "tsv", "txt")
KEPT_DAYS = 2
PIECE = 8 * 1024 * 1024


def keep(file: BinaryIO, name: str) -> str:
    """Write to disk without holding the file twice, and return its id. What nobody imported in two days goes."""
    _sweep()
    upload = secrets.token_hex(6)
    folder = _root() / upload
    folder.mkdir(parents=True)
    suffix = name.rsplit(".", 1)[-1].lower()
    path = folder / f"file.{suffix if suffix in KINDS else 'bin'}"
    with path.open("wb") as out:
        shutil.copyfileobj(file, out, PIECE)
    (folder / "name.json").write_text(json.dumps(name))
    return upload


def opened(upload: str) -> tuple[Path, str]:
    """(path on disk, the name the file had). KeyError with a sentence where it is gone."""
    found = sorted(_folder(upload).glob("file.*"))
    if not found:
        raise KeyError("this upload is not here any more: choose the file again")
    return found[0], json.loads((_folder(upload) / "name.json").read_text())


def stages(upload: str) -> Stages:
    """Where the import of this upload says how far it is."""
    return Stages(_folder(upload) / "stages.txt")


def discard(upload: str) -> None:
    shutil.rmtree(_folder(upload), ignore_errors=True)


def _root() -> Path:
    return home() / "uploads"


def _folder(upload: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{12}", upload):
        raise KeyError("this link names no upload: choose the file again")
    return _root() / upload


def _sweep() -> None:
    old = time.time() - KEPT_DAYS * 86_400
    for folder in _root().glob("*"):
        if folder.stat().st_mtime < old:
            shutil.rmtree(folder, ignore_errors=True)
