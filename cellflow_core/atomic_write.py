"""Files that are there whole or not at all, whoever is killed while writing them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file in the folder of `path`, with its suffix, that replaces it when the block ends without an error.

    The file is flushed to disk before the rename and the folder after it. Its name begins with a dot, so that no glob
    that leaves out hidden files meets it. After an error nothing of it is left, and `path` is as it was.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(3)}.part{path.suffix}")
    try:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write, or replace, the whole file."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write, or replace, the whole file, in UTF-8."""
    write_bytes(path, text.encode())


def write_exclusive(path: Path, text: str) -> bool:
    """Write the file unless it exists: of many writers one succeeds, and only that one gets True."""
    part = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(3)}.part{path.suffix}")
    try:
        part.write_bytes(text.encode())
        _sync(part)
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)
    return True


def _sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
