"""Small files that are there whole or not at all, whoever is killed while writing them."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Replace the file in one step: temporary file beside it, fsync, rename, fsync of the folder."""
    part = _temporary(path, text)
    try:
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False))


def write_exclusive(path: Path, value: Any) -> bool:
    """Write JSON unless the file is there already: of many writers one wins, and True tells it so."""
    part = _temporary(path, json.dumps(value, indent=1, ensure_ascii=False))
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def read_json(path: Path) -> Any | None:
    """The value, or None where there is no such file. A file that is no JSON is a ValueError that names it."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it does not hold JSON ({error})") from error


def _temporary(path: Path, text: str) -> Path:
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(3)}.part")
    try:
        with part.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
