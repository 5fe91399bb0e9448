"""The JSON files of a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellflow_core import atomic_write


class DamagedRunError(ValueError):
    """A file of a run folder holds something else than it should; the sentence names it."""


def write_json(path: Path, value: Any) -> None:
    """Write, or replace, the whole file."""
    atomic_write.write_text(path, _text(value))


def write_exclusive(path: Path, value: Any) -> bool:
    """Write unless the file exists; True for the one writer that succeeds."""
    return atomic_write.write_exclusive(path, _text(value))


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in the file, None where there is no file. Raises DamagedRunError where it holds no JSON object."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise DamagedRunError(f"{path.parent} is a file, expected a folder: remove it") from error
    except ValueError as error:
        raise DamagedRunError(f"{path} does not hold JSON ({error}): restore it from a backup, or delete it") from error
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise DamagedRunError(f"{path} holds a {kind}, expected a JSON object: restore it, or delete it")
    return found


def read_optional(path: Path) -> dict[str, Any]:
    """As `read_json`, but {} where the file is missing or damaged: for what a reader can do without."""
    try:
        return read_json(path) or {}
    except DamagedRunError:
        return {}


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
